#pragma once

#include <string>

#include <saola/base/error.hpp>
#include <saola/server/settings.hpp>

#include "log/syslog.hpp"

namespace saola::server {

// Sets this process's log by the settings: its file, and syslog if they say so. `program` names the
// lines in syslog unless a setting does; `role` is "arbiter", "web 1", …  When it fails, the old
// log stays. REQUIRES: no other thread logs.
Result<void> configure_log(const Settings& settings, const std::string& program,
                           const std::string& role);

// Where this process's log goes besides its file; null: nowhere. tick() it.
Syslog* process_syslog();

}  // namespace saola::server
