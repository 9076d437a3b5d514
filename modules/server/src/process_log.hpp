#pragma once

#include <string>

#include <saola/server/settings.hpp>

namespace saola::server {

// Sets this process's log by the settings; `role` is "arbiter", "web 1", …
// False, and the old log stays, when the file cannot be opened.
bool configure_log(const Settings& settings, const std::string& role);

}  // namespace saola::server
