// Learned placement for a piece of work inside a task: a request's handler, an executor's item.
#pragma once

#include <functional>
#include <string_view>

namespace saola::runtime {

// Runs `body` here, unless work of this `kind` ("route GET /report", "task split") has hogged
// before: then on a native thread, suspending the caller until it is done. A stall inside `body` is
// remembered for `kind`. Rethrows what `body` throws. On a plain thread it just calls `body`.
// `kind` is copied (the first 95 bytes).
void run_placed(std::string_view kind, std::move_only_function<void()> body);

}  // namespace saola::runtime
