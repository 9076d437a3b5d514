#include "control/task_json.hpp"

#include <boost/json.hpp>

namespace saola::server {
namespace json = boost::json;
namespace {

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

json::value seconds_or_null(const std::optional<Duration>& duration) {
  return duration ? json::value(seconds(*duration)) : json::value();
}

std::string_view to_string(runtime::Priority priority) {
  switch (priority) {
    case runtime::Priority::kHigh:
      return "high";
    case runtime::Priority::kNormal:
      return "normal";
    case runtime::Priority::kLow:
      return "low";
  }
  return "?";
}

std::optional<runtime::TaskQuery::Order> order_from(std::string_view text) {
  using Order = runtime::TaskQuery::Order;
  if (text == "waited") return Order::kInState;
  if (text == "cpu") return Order::kCpu;
  if (text == "age") return Order::kAge;
  return std::nullopt;
}

std::unexpected<Error> wrong(std::string_view field, std::string_view wants) {
  return fail(ErrorCode::kInvalidArgument, "'{}' is {}", field, wants);
}

// An optional field.
template <typename T>
Result<T> number_field(const json::object& request, std::string_view field, T otherwise) {
  const json::value* value = request.if_contains({field.data(), field.size()});
  if (value == nullptr) return otherwise;
  boost::system::error_code error;
  const T number = value->to_number<T>(error);
  if (error || number < T{}) return wrong(field, "a number, not negative");
  return number;
}

Result<std::string> text_field(const json::object& request, std::string_view field) {
  const json::value* value = request.if_contains({field.data(), field.size()});
  if (value == nullptr) return std::string();
  if (!value->is_string()) return wrong(field, "a text");
  return std::string(value->as_string());
}

json::object task_to_json(const runtime::TaskInfo& task) {
  json::value waits_for;
  if (task.wait) {
    json::object wait{{"kind", to_string(task.wait->kind)}, {"text", task.wait_text}};
    if (task.holder != 0) wait["holder"] = task.holder;
    waits_for = std::move(wait);
  }
  return {{"id", task.id},
          {"name", task.name},
          {"activity", task.activity},
          {"kind", task.kind},
          {"model", task.fiber ? "fiber" : "native"},
          {"place", to_string(task.place)},
          {"exiled", task.exiled},
          {"priority", to_string(task.priority)},
          {"state", to_string(task.state)},
          {"seconds_in_state", seconds_or_null(task.in_state)},
          {"waits_for", std::move(waits_for)},
          {"deadline_in_seconds", seconds_or_null(task.until_deadline)},
          {"cancel_requested", task.cancel_requested},
          {"locks_held", task.locks_held},
          {"cpu_seconds", seconds(task.cpu)},
          {"age_seconds", seconds(task.age)},
          {"thread", task.thread}};
}

}  // namespace

Result<TasksQuestion> tasks_question(const json::object& request) {
  TasksQuestion question;
  runtime::TaskQuery& query = question.query;
  query.threads = true;
  auto state = text_field(request, "state");
  auto name = text_field(request, "name");
  auto sort = text_field(request, "sort");
  auto longer_than = number_field<double>(request, "longer_than", 0);
  auto limit = number_field<std::uint64_t>(request, "limit", query.limit);
  auto stack = number_field<std::uint64_t>(request, "stack", 0);
  for (const auto* text : {&state, &name, &sort}) {
    if (!*text) return fail(*text);
  }
  if (!longer_than) return fail(longer_than);
  for (const auto* number : {&limit, &stack}) {
    if (!*number) return fail(*number);
  }
  if (!state->empty()) {
    query.state = runtime::run_state_from(*state);
    if (!query.state) {
      return wrong("state", "ready, running, blocked, parked, offloaded or queued");
    }
  }
  if (!sort->empty()) {
    const auto order = order_from(*sort);
    if (!order) return wrong("sort", "waited, cpu or age");
    query.order = *order;
  }
  constexpr double kLongest = 1e9;  // seconds, so that it fits nanoseconds
  query.name = std::move(*name);
  query.longer_than = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::min(*longer_than, kLongest)));
  query.limit = static_cast<std::size_t>(*limit);
  question.stack = *stack;
  return question;
}

json::object tasks_to_json(const runtime::TaskList& list) {
  json::object by_state;
  for (std::size_t i = 0; i < runtime::kRunStates; ++i) {
    by_state[to_string(static_cast<runtime::RunState>(i))] = list.by_state[i];
  }
  json::array tasks;
  for (const runtime::TaskInfo& task : list.tasks) tasks.push_back(task_to_json(task));
  return {{"total", list.total},
          {"matching", list.matching},
          {"by_state", std::move(by_state)},
          {"tasks", std::move(tasks)}};
}

}  // namespace saola::server
