// Learned placement for a piece of work inside a task: a request's handler, an executor's item.
#pragma once

#include <functional>
#include <string_view>

namespace saola::runtime {

// Runs `body` on the calling task, as work of this `kind` ("route GET /report", "task split"). A stall
// inside `body` is learned for `kind`: from then on, until it has behaved for
// RuntimeOptions::placement_memory, such work runs on a side carrier, where the task suspends and
// wakes as on the loop, and keeps its locals, cancel and name. Then the caller moves there before
// `body` and home after it: SUSPENDS. Rethrows what `body` throws. On a plain or native thread it
// just calls `body`. `kind` is copied (the first 95 bytes).
//
//   run_placed("route GET /report", [&] { response = report(request); });
void run_placed(std::string_view kind, std::move_only_function<void()> body);

}  // namespace saola::runtime
