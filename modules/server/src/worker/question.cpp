#include "worker/question.hpp"

#include <boost/json.hpp>

#include "control/stack_dump.hpp"
#include "control/task_json.hpp"

namespace saola::server {
namespace json = boost::json;
namespace {

Result<json::object> stack_of(std::uint64_t id, const runtime::Runtime* runtime) {
  auto stack = runtime != nullptr
                   ? runtime->task_stack(id)
                   : Result<std::vector<observe::StackFrame>>(fail(ErrorCode::kNotFound, ""));
  if (!stack && stack.error().code() == ErrorCode::kNotFound) {
    stack = runtime::thread_task_stack(id);
  }
  if (!stack) return fail(stack);
  json::array frames;
  for (const observe::StackFrame& frame : *stack) frames.emplace_back(to_string(frame));
  return json::object{{"task", id}, {"frames", std::move(frames)}};
}

Result<json::object> answer(std::string_view question, const runtime::Runtime* runtime) {
  const std::string_view what = question.substr(0, question.find(' '));
  if (what == "stacks") return json::object{{"threads", stacks_to_json(dump_stacks())}};
  if (what != "tasks") return fail(ErrorCode::kInvalidArgument, "cannot tell '{}'", what);
  boost::system::error_code error;
  const json::value request = json::parse(question.substr(what.size()), error);
  if (error || !request.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "the question is no JSON object");
  }
  const auto asked = tasks_question(request.as_object());
  if (!asked) return fail(asked);
  if (asked->stack != 0) return stack_of(asked->stack, runtime);
  return tasks_to_json(runtime != nullptr ? runtime->tasks(asked->query)
                                          : runtime::thread_tasks(asked->query));
}

}  // namespace

std::string answer_question(std::string_view question, const runtime::Runtime* runtime) {
  auto result = answer(question, runtime);
  return json::serialize(result ? *result : json::object{{"error", result.error().message()}});
}

}  // namespace saola::server
