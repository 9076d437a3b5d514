// What --check-config looks at beside the settings' own words.
#pragma once

#include <saola/base/error.hpp>
#include <saola/server/settings.hpp>

namespace saola::server {

// Whether a start with these settings would find its users, folders, files and certificate. Makes
// and changes nothing, and looks at no address: a server that runs may have them.
Result<void> check_start(const Settings& settings);

}  // namespace saola::server
