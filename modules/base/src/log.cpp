#include <fcntl.h>
#include <unistd.h>

#include <atomic>

#include <saola/base/log.hpp>
#include <saola/base/time.hpp>
#include <saola/base/trusted_path.hpp>

namespace saola {
namespace {

// Bytes. A longer line is made again with its texts cut, so that it stays one line and valid.
constexpr std::size_t kLongestLine = 16 * 1024;

struct LogState {
  LogOptions options;  // written by log_configure() only, before threads start
  // The descriptor lines go to. log_reopen() dup2()s the new file onto it, so a writer never sees a
  // closed one.
  std::atomic<int> fd{STDERR_FILENO};
};

LogState& state() {
  static LogState the_state;
  return the_state;
}

// Length of the valid UTF-8 sequence at the front of `text`, 0 if there is none (RFC 3629 §4).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
      (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) {
    return 0;
  }
  return length;
}

// append_json_escaped() of at most about `most` bytes; what is cut ends in an ellipsis.
void append_escaped(std::string& out, std::string_view text, std::size_t most) {
  const std::size_t begin = out.size();
  while (!text.empty()) {
    if (out.size() - begin >= most) {
      out += "…";
      return;
    }
    const char c = text.front();
    std::size_t used = 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else if (const std::size_t n = utf8_length(text); n > 0) {
          out.append(text.substr(0, n));
          used = n;
        } else {
          out += "\\ufffd";
        }
    }
    text.remove_prefix(used);
  }
}

// A log line without its end.
struct Line {
  std::string text;
  std::size_t record_at = 0;  // where its time, level and role end, in the text format
};

// `most`: bytes of each text in it.
Line line_of(const LogOptions& options, LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields, std::size_t most) {
  const std::string time = format_rfc3339(real_clock().system_now());
  Line out;
  std::string& line = out.text;
  line.reserve(256);
  if (options.format == LogFormat::kJson) {
    line += fmt::format(R"({{"time":"{}","level":"{}","pid":{},"role":")", time, to_string(level),
                        ::getpid());
    append_escaped(line, options.role, most);
    line += R"(","message":")";
    append_escaped(line, message, most);
    line += '"';
    for (const LogField& f : fields) {
      line += fmt::format(R"(,"{}":)", f.name);
      if (f.quoted) line += '"';
      append_escaped(line, f.value, most);
      if (f.quoted) line += '"';
    }
    line += '}';
    return out;
  }
  line += fmt::format("{} {:<7} [{} {}] ", time, to_string(level), options.role, ::getpid());
  out.record_at = line.size();
  append_escaped(line, message, most);
  for (const LogField& f : fields) {
    const bool quote = f.quoted && f.value.find_first_of(" \"=\n\t") != std::string::npos;
    line += fmt::format(" {}=", f.name);
    if (quote) line += '"';
    append_escaped(line, f.value, most);
    if (quote) line += '"';
  }
  return out;
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
  append_escaped(out, text, std::string_view::npos);
}

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
    case LogLevel::kCritical:
      return "critical";
  }
  std::unreachable();
}

bool log_configure(const LogOptions& options) {
  int fd = STDERR_FILENO;
  if (!options.path.empty()) {
    auto file = open_to_append(options.path);
    if (!file) return false;
    fd = file->release();
  }
  LogState& s = state();
  const int old = s.fd.exchange(fd, std::memory_order_relaxed);
  if (old != STDERR_FILENO && old != fd) ::close(old);
  s.options = options;
  return true;
}

bool log_reopen() {
  LogState& s = state();
  if (s.options.path.empty()) return true;
  const auto file = open_to_append(s.options.path);
  return file && ::dup3(file->get(), s.fd.load(std::memory_order_relaxed), O_CLOEXEC) >= 0;
}

bool log_enabled(LogLevel level) {
  return level >= state().options.level;
}

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!log_enabled(level)) return;
  const LogState& s = state();
  Line line = line_of(s.options, level, message, fields, std::string_view::npos);
  if (line.text.size() > kLongestLine) {
    // Half of it is more than all else takes.
    line = line_of(s.options, level, message, fields, kLongestLine / 2 / (fields.size() + 2));
  }
  if (s.options.sink != nullptr) {
    s.options.sink->write(level, std::string_view(line.text).substr(line.record_at));
  }
  line.text += '\n';
  // A short write loses the rest of one line: better than blocking the caller in a loop.
  [[maybe_unused]] ssize_t n =
      ::write(s.fd.load(std::memory_order_relaxed), line.text.data(), line.text.size());
}

}  // namespace saola
