// Stall reports as JSON: on the way from a worker to the arbiter, and in `ctl show stalls`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include <saola/observe/stall_report.hpp>

namespace saola::server {

boost::json::object stall_to_json(const observe::StallReport& report);
// nullopt when the text is no such report. Frames get addresses that are equal for equal texts, so
// that reports of different processes compare.
std::optional<observe::StallReport> stall_from_json(std::string_view text);

}  // namespace saola::server
