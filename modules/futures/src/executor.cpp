#include <fmt/core.h>

#include <saola/futures/executor.hpp>
#include <saola/futures/fiber_executor.hpp>

#include "worker_pool.hpp"

namespace saola::futures {

using detail::WorkerPool;

Executor::Executor(std::shared_ptr<WorkerPool> pool) : pool_(std::move(pool)) {}

Executor::~Executor() {
  shutdown();
}

void Executor::begin_shutdown(OnShutdown pending) {
  pool_->stop(pending);
}

void Executor::shutdown(OnShutdown pending) {
  pool_->stop(pending);
  pool_->join();
}

ExecutorStats Executor::stats() const {
  return pool_->stats();
}

void Executor::enqueue(std::shared_ptr<detail::Work> work) {
  switch (pool_->enqueue(std::move(work), WorkerPool::WhenFull::kWait)) {
    case WorkerPool::Queued::kYes:
      return;
    case WorkerPool::Queued::kBroken:
      throw BrokenExecutor(
          fmt::format("The executor '{}' is broken, for its initializer threw; nothing was "
                      "scheduled. Make a new one.",
                      pool_->options().name));
    case WorkerPool::Queued::kShutDown:
    case WorkerPool::Queued::kFull:
      break;
  }
  throw ShutdownError(
      fmt::format("The executor '{}' was shut down, so nothing can be scheduled on it.",
                  pool_->options().name));
}

Result<void> Executor::try_enqueue(std::shared_ptr<detail::Work> work) {
  const std::string& name = pool_->options().name;
  switch (pool_->enqueue(std::move(work), WorkerPool::WhenFull::kTell)) {
    case WorkerPool::Queued::kYes:
      return {};
    case WorkerPool::Queued::kFull:
      return fail(ErrorCode::kResourceExhausted,
                  "The queue of the executor '{}' is full ({} wait). Try again later.", name,
                  pool_->options().max_queued);
    case WorkerPool::Queued::kShutDown:
      return fail(ErrorCode::kClosed, "The executor '{}' was shut down.", name);
    case WorkerPool::Queued::kBroken:
      return fail(ErrorCode::kUnavailable, "The executor '{}' is broken: its initializer threw.",
                  name);
  }
  std::unreachable();
}

ThreadPoolExecutor::ThreadPoolExecutor(ExecutorOptions options)
    : Executor(std::make_shared<WorkerPool>(std::move(options), nullptr)) {}

FiberExecutor::FiberExecutor(runtime::Runtime& runtime, ExecutorOptions options)
    : Executor(std::make_shared<WorkerPool>(std::move(options), &runtime)) {}

}  // namespace saola::futures
