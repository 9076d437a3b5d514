// FiberExecutor: a pool whose workers are fibers of one runtime.
//
//   runtime.run([&] {
//     FiberExecutor pool(runtime, {.max_workers = 100});
//     for (const Page& page : pool.map(download, urls)) index(page);
//   });
#pragma once

#include <saola/futures/executor.hpp>
#include <saola/runtime/runtime.hpp>

namespace saola::futures {

// What gevent's monkey patch makes of a thread pool: cheap workers that share one event loop, right
// for work that waits, and in the way of everybody when it computes (unless the runtime rescues the
// loop; after that, this executor's work runs on side carriers for a while, see
// runtime::run_placed()). Workers keep Runtime::run() from returning until shutdown().
class FiberExecutor final : public Executor {
 public:
  // REQUIRES: `runtime` outlives the executor.
  explicit FiberExecutor(runtime::Runtime& runtime, ExecutorOptions options = {});
};

}  // namespace saola::futures
