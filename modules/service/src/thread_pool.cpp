#include "thread_pool.hpp"

#include <saola/server/server.hpp>

namespace saola {

void ThreadPool::State::declare(observe::MetricTable& table) {
  const observe::Labels labels{{"pool", name}};
  queued_id_ =
      table.gauge("saola_pool_queued", "Work that waits for a thread of the pool.", labels);
  running_id_ = table.gauge("saola_pool_running", "Work that runs in the pool.", labels);
  done_id_ = table.counter("saola_pool_done_total", "Work of the pool that has ended.", labels);
}

void ThreadPool::State::count_in(const observe::MetricSlot& slot) {
  queued = slot.gauge(queued_id_);
  running = slot.gauge(running_id_);
  done = slot.counter(done_id_);
}

futures::Executor& ThreadPool::State::start() {
  const NativeLock lock(mutex_);
  if (!executor_) {
    // Requests on the same cores go first.
    executor_ = std::make_unique<futures::ThreadPoolExecutor>(futures::ExecutorOptions{
        .max_workers = threads, .name = name, .initializer = server::demote_this_thread});
  }
  return *executor_;
}

void ThreadPool::State::stop() {
  const NativeLock lock(mutex_);
  if (executor_) executor_->begin_shutdown(futures::OnShutdown::kCancelPending);
}

futures::Executor& ThreadPool::executor() const {
  return state_->start();
}

ThreadPool::Ticket::Ticket(std::shared_ptr<State> state) : state_(std::move(state)) {
  state_->queued.add(1);
}

ThreadPool::Ticket::~Ticket() {
  if (!state_) return;
  if (!running_) {
    state_->queued.add(-1);
    return;
  }
  state_->running.add(-1);
  state_->done.add();
}

void ThreadPool::Ticket::start() {
  state_->queued.add(-1);
  state_->running.add(1);
  running_ = true;
}

}  // namespace saola
