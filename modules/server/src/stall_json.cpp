#include "stall_json.hpp"

#include <functional>

#include <boost/json.hpp>

namespace saola::server {
namespace json = boost::json;

json::object stall_to_json(const observe::StallReport& report) {
  json::array stack;
  for (const observe::StackFrame& frame : report.stack) {
    stack.push_back(json::object{{"symbol", frame.symbol.empty() ? to_string(frame) : frame.symbol},
                                 {"file", frame.file},
                                 {"line", frame.line}});
  }
  return {{"started", format_rfc3339(report.started)},
          {"started_ns", report.started.time_since_epoch().count()},
          {"fiber", report.fiber},
          {"spawn_site", report.spawn_site},
          {"subject", report.subject},
          {"duration_ms", std::chrono::duration<double, std::milli>(report.duration).count()},
          {"ended", report.ended},
          {"verdict", to_string(report.verdict)},
          {"action", to_string(report.action)},
          {"why", report.why},
          {"advice", report.advice},
          {"stack", stack}};
}

std::optional<observe::StallReport> stall_from_json(std::string_view text) {
  try {
    const json::value value = json::parse({text.data(), text.size()});
    const auto get = [&](const char* key) { return std::string(value.at(key).as_string()); };
    observe::StallReport report;
    report.started = SystemTime(Duration(value.at("started_ns").to_number<std::int64_t>()));
    report.fiber = get("fiber");
    report.spawn_site = get("spawn_site");
    report.subject = get("subject");
    report.duration =
        Duration(static_cast<std::int64_t>(value.at("duration_ms").to_number<double>() * 1e6));
    report.ended = value.at("ended").as_bool();
    report.why = get("why");
    report.advice = get("advice");
    const std::string verdict = get("verdict");
    report.verdict = verdict == to_string(observe::StallVerdict::kCpu)
                         ? observe::StallVerdict::kCpu
                         : observe::StallVerdict::kBlocked;
    const std::string action = get("action");
    for (int i = 0; i <= static_cast<int>(observe::StallAction::kPlaced); ++i) {
      const auto known = static_cast<observe::StallAction>(i);
      if (action == to_string(known)) report.action = known;
    }
    for (const json::value& stored : value.at("stack").as_array()) {
      observe::StackFrame frame;
      frame.symbol = std::string(stored.at("symbol").as_string());
      frame.file = std::string(stored.at("file").as_string());
      frame.line = stored.at("line").to_number<int>();
      frame.address = std::hash<std::string>()(to_string(frame));
      report.stack.push_back(std::move(frame));
    }
    return report;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace saola::server
