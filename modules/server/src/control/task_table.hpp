// `ctl show tasks` for people.
#pragma once

#include <string>

#include <boost/json.hpp>

namespace saola::server {

// The tasks of one worker: what there are on the line that the caller has begun, then a table. REQUIRES: `worker` is an
// answer as of tasks_to_json().
std::string task_table(const boost::json::object& worker);

// "2s", "500ms", "1m", "3h" or "2" (seconds) as seconds; null when it is no time.
boost::json::value seconds_from(const std::string& text);

}  // namespace saola::server
