#include "control/stall_json.hpp"

#include <functional>

#include <boost/json.hpp>

namespace saola::server {
namespace json = boost::json;
namespace {

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}
Duration duration(const json::value& milliseconds) {
  return Duration(static_cast<std::int64_t>(milliseconds.to_number<double>() * 1e6));
}

}  // namespace

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
          {"duration_ms", milliseconds(report.duration)},
          {"phase", to_string(report.phase)},
          {"verdict", to_string(report.verdict)},
          {"action", to_string(report.action)},
          {"why", report.why},
          {"advice", report.advice},
          {"lock_waiters",
           {{"tasks", report.lock_waiters.tasks},
            {"longest_ms", milliseconds(report.lock_waiters.longest)},
            {"first", report.lock_waiters.first}}},
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
    report.duration = duration(value.at("duration_ms"));
    const std::string phase = get("phase");
    for (int i = 0; i <= static_cast<int>(observe::StallPhase::kEnded); ++i) {
      const auto known = static_cast<observe::StallPhase>(i);
      if (phase == to_string(known)) report.phase = known;
    }
    const json::value& waiters = value.at("lock_waiters");
    report.lock_waiters.tasks = waiters.at("tasks").to_number<std::uint64_t>();
    report.lock_waiters.longest = duration(waiters.at("longest_ms"));
    report.lock_waiters.first = std::string(waiters.at("first").as_string());
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
