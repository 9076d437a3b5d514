// Lists of tasks as JSON: the question on its way to a worker, and the answer.
#pragma once

#include <boost/json/fwd.hpp>

#include <saola/base/error.hpp>
#include <saola/runtime/tasks.hpp>

namespace saola::server {

// What `ctl show tasks` asks: {"state": "parked", "name": TEXT, "longer_than": SECONDS, "sort":
// "waited" | "cpu" | "age", "limit": NUMBER, "stack": ID}, each optional.
struct TasksQuestion {
  runtime::TaskQuery query;
  std::uint64_t stack = 0;  // the stack of this task is asked for, and no list
};
// kInvalidArgument says which field is wrong. Fields of other names are not looked at.
Result<TasksQuestion> tasks_question(const boost::json::object& request);

// {"total", "matching", "by_state": {…}, "tasks": [{…}, …]}; times in seconds.
boost::json::object tasks_to_json(const runtime::TaskList& list);

}  // namespace saola::server
