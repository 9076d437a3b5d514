// Files and folders that workers of another user write to.
#pragma once

#include <string>

#include <saola/base/error.hpp>
#include <saola/server/settings.hpp>

#include "process/privileges.hpp"

namespace saola::server {

// What workers write must be theirs when they run as somebody else: the open `file`, whatever `path`
// names by now.
void give_to_workers(int file, const std::string& path, const Privileges& privileges);

Result<void> make_state_directory(const Settings& settings, const Privileges& privileges);

// Makes the log files that are missing, so that workers of another user can open them.
Result<void> open_log_files(const Settings& settings);

}  // namespace saola::server
