// The structured log: one line a record, one write(2) a line, so lines of many processes never mix
// and no lock is held while a fiber may be stolen (docs/decisions/0003-log-with-one-write.md). Text
// for people, JSON for machines.
//
//   log_configure({.level = LogLevel::kDebug, .format = LogFormat::kJson, .role = "web 1"});
//   log_info("job started", {{"job", job.id}, {"attempt", job.attempt}});
//
//   2026-11-23T01:02:03.456Z info    [web 1 4711] job started job=01939… attempt=2
//   {"time":"2026-11-23T01:02:03.456Z","level":"info","pid":4711,"role":"web 1",
//    "message":"job started","job":"01939…","attempt":2}                        (one line)
//
// Write the message so that it is the same for every record of its kind, and what varies as fields.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/core.h>

namespace saola {

// In rising order; a record below the configured level is dropped.
enum class LogLevel { kDebug, kInfo, kWarning, kError, kCritical };
enum class LogFormat { kText, kJson };

// "debug", "info", "warning", "error", "critical".
std::string_view to_string(LogLevel level);

// A named value of a record. Numbers and booleans stay bare in JSON; a text value is quoted in text
// lines when it has a space, a quote, an equals sign, a tab or a newline. Names are written as they
// are: letters, digits and underscores. Borrows the name, copies the value.
struct LogField {
  std::string_view name;
  std::string value;
  bool quoted = true;

  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const char* v) : name(n), value(v) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(v) {}
  LogField(std::string_view n, bool v) : name(n), value(v ? "true" : "false"), quoted(false) {}
  template <typename Number>
    requires(std::is_arithmetic_v<Number>)
  LogField(std::string_view n, Number v) : name(n), value(fmt::format("{}", v)), quoted(false) {}
};

// A second place for the records that pass the level, such as syslog. Any thread writes to it, also
// several at once; write() must neither block nor log. `record` is valid during the call: message
// and fields, or with LogFormat::kJson the whole line; without its newline.
//
//   struct Counting final : LogSink {
//     void write(LogLevel level, std::string_view) override {
//       if (level >= LogLevel::kError) errors.fetch_add(1, std::memory_order_relaxed);
//     }
//     std::atomic<int> errors{0};
//   };
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(LogLevel level, std::string_view record) = 0;
};

// Where a process's log goes, and how it looks.
struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  // Empty: standard error. Otherwise opened for append; log_reopen() opens it anew (log rotation).
  std::string path;
  // Who speaks: "arbiter", "web 1", "task 2".
  std::string role;
  // Or null. Must outlive the options.
  LogSink* sink = nullptr;
};

// Sets the process's log; before the first call it writes text of level info and above to standard
// error. REQUIRES: no other thread logs meanwhile, so call it before threads start. False when
// `path` cannot be opened (errno says why); the old log stays then.
bool log_configure(const LogOptions& options);
// Opens the configured path anew and puts it in the place of the old file, for log rotation. Any
// thread, at any time; lines written meanwhile go to the old or the new file. True at once when the
// log is standard error. False when it cannot be opened; the old file stays.
bool log_reopen();

// Whether a record of this level would be written: asked before building costly fields.
bool log_enabled(LogLevel level);
// Writes one record. Any thread, any fiber; takes no lock. Control characters in message and values
// are escaped, so a record is always one line, of at most 16 KiB: what is longer is cut (a cut line
// of JSON does not parse). A line that the file does not take at once, a full pipe or disk, is lost
// in part or whole rather than holding up the caller.
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

inline void log_debug(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(LogLevel::kDebug, m, f);
}
inline void log_info(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(LogLevel::kInfo, m, f);
}
inline void log_warning(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(LogLevel::kWarning, m, f);
}
inline void log_error(std::string_view m, std::initializer_list<LogField> f = {}) {
  log(LogLevel::kError, m, f);
}

// Appends `text` as the inside of a JSON string (no quotes): control characters, quotes and
// backslashes escaped; bytes that are not UTF-8 replaced by U+FFFD.
void append_json_escaped(std::string& out, std::string_view text);

}  // namespace saola
