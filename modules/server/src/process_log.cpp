#include "process_log.hpp"

#include <saola/base/log.hpp>

namespace saola::server {

bool configure_log(const Settings& settings, const std::string& role) {
  LogOptions options;
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError,
                         LogLevel::kCritical}) {
    if (settings.text("log-level") == to_string(level)) options.level = level;
  }
  if (settings.text("log-format") == "json") options.format = LogFormat::kJson;
  if (settings.text("log-file") != "-") options.path = settings.text("log-file");
  options.role = role;
  return log_configure(options);
}

}  // namespace saola::server
