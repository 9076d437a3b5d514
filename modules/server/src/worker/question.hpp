// What an operator asks a worker about its inside: answered by the control thread, whatever the
// others do.
#pragma once

#include <string>
#include <string_view>

#include <saola/runtime/runtime.hpp>

namespace saola::server {

// `question`: "stacks", or "tasks" and a JSON object as of tasks_question(). The answer is a JSON
// object in one line, {"error": TEXT} when there is none. `runtime`: the worker's, or null.
std::string answer_question(std::string_view question, const runtime::Runtime* runtime);

}  // namespace saola::server
