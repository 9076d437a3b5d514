// The structured log: one line a record, one write(2) a line, so lines of many processes never mix
// and no lock is held while a fiber may be stolen. Text for people, JSON for machines.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/core.h>

namespace saola {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kCritical };
enum class LogFormat { kText, kJson };

std::string_view to_string(LogLevel level);

// A named value of a record; numbers and booleans stay bare in JSON.
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

// A second place for the records that pass the level. Any thread writes to it, also several at
// once; write() must neither block nor log. `record` is message and fields, or with
// LogFormat::kJson the whole line; without its newline.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(LogLevel level, std::string_view record) = 0;
};

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

// Sets the process's log. Call before threads start; log_reopen() may be called at any time.
// Returns false and keeps the old log when `path` cannot be opened.
bool log_configure(const LogOptions& options);
bool log_reopen();

bool log_enabled(LogLevel level);
// Never throws, never blocks on a lock; a line over 16 KiB is cut.
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
