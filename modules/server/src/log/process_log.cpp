#include "log/process_log.hpp"

#include <algorithm>
#include <memory>

#include <saola/base/log.hpp>
#include <saola/base/trusted_path.hpp>
#include <saola/server/server_settings.hpp>

#include "settings/parsed_settings.hpp"

namespace saola::server {
namespace {

// RFC 3164 §4.1.3 allows 32 characters, ".access" among them.
constexpr std::size_t kLongestTag = 25;

// Like the log itself, this is the process's; never destroyed, since others log until the end.
std::unique_ptr<Syslog>& the_syslog() {
  static auto& syslog = *new std::unique_ptr<Syslog>;
  return syslog;
}

std::string as_tag(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c <= ' ' || c > '~' || c == ':' || c == '[' || c == ']'; }, '-');
  return text.substr(0, kLongestTag);
}

SyslogOptions syslog_options(const Settings& settings, const std::string& program,
                             const std::string& role) {
  SyslogOptions options;
  options.to = syslog_address(settings);
  for (const auto& [name, number] : syslog_facilities()) {
    if (settings.get(setting::kLogSyslogFacility) == name) options.facility = number;
  }
  const std::string& prefix = settings.get(setting::kLogSyslogPrefix);
  const std::string& title = settings.get(setting::kProcName);
  options.tag = as_tag(!prefix.empty() ? prefix : !title.empty() ? title : program);
  // JSON says it itself.
  if (settings.get(setting::kLogFormat) != "json") options.role = role;
  return options;
}

}  // namespace

Result<void> configure_log(const Settings& settings, const std::string& program,
                           const std::string& role) {
  std::unique_ptr<Syslog> fresh;
  bool keep = false;
  if (settings.get(setting::kLogSyslog)) {
    SyslogOptions wanted = syslog_options(settings, program, role);
    keep = the_syslog() != nullptr && the_syslog()->options() == wanted;
    if (!keep) {
      auto opened = Syslog::open(std::move(wanted));
      if (!opened) return fail(opened);
      fresh = std::move(*opened);
    }
  }
  LogOptions options;
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError,
                         LogLevel::kCritical}) {
    if (settings.get(setting::kLogLevel) == to_string(level)) options.level = level;
  }
  if (settings.get(setting::kLogFormat) == "json") options.format = LogFormat::kJson;
  if (settings.get(setting::kLogFile) != "-") options.path = settings.get(setting::kLogFile);
  options.role = role;
  options.sink = keep ? the_syslog().get() : fresh.get();
  if (!log_configure(options)) {
    const auto tried = open_to_append(options.path);
    return fail(ErrorCode::kPermissionDenied,
                "the log file cannot be opened: {}; choose another --log-file",
                tried ? options.path : tried.error().message());
  }
  if (!keep) the_syslog() = std::move(fresh);
  return {};
}

Syslog* process_syslog() {
  return the_syslog().get();
}

}  // namespace saola::server
