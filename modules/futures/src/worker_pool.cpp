#include "worker_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <bit>
#include <mutex>

#include <fmt/core.h>

#include <saola/base/check.hpp>
#include <saola/base/cores.hpp>
#include <saola/base/exception_text.hpp>
#include <saola/base/log.hpp>
#include <saola/runtime/native_thread.hpp>
#include <saola/runtime/placed.hpp>
#include <saola/runtime/task.hpp>

namespace saola::futures::detail {
namespace {

std::size_t default_workers() {
  return std::min(32U, allowed_cores() + 4);
}

// Ends every future of a list of works with `error`, but for cancelled ones.
void fail_all(std::shared_ptr<Work> works, const std::exception_ptr& error) {
  while (works != nullptr) {
    if (works->state().start()) works->state().fail(error);
    works = std::exchange(works->next, nullptr);
  }
}

}  // namespace

void run_logged(std::string_view what, std::move_only_function<void()>& body) {
  try {
    body();
  } catch (...) {
    log_error(fmt::format("{} threw; nobody else will see it", what),
              {{"exception", exception_text(std::current_exception())}});
  }
}

WorkerPool::WorkerPool(ExecutorOptions options, runtime::Runtime* runtime)
    : options_(std::move(options)),
      kind_(fmt::format("executor {}", options_.name)),
      max_workers_(options_.max_workers > 0 ? static_cast<std::size_t>(options_.max_workers)
                                            : default_workers()),
      runtime_(runtime) {}

WorkerPool::~WorkerPool() {
  SAOLA_CHECK(workers_ == 0 && threads_.empty(), "an executor's pool went away before its workers");
}

std::shared_ptr<Work> WorkerPool::pop() {
  std::shared_ptr<Work> work = std::move(head_);
  head_ = std::move(work->next);
  if (head_ == nullptr) tail_ = nullptr;
  --queued_;
  room_.notify_one();
  return work;
}

std::shared_ptr<Work> WorkerPool::take_all() {
  tail_ = nullptr;
  queued_ = 0;
  return std::exchange(head_, nullptr);
}

bool WorkerPool::is_worker(std::uint64_t task) const {
  return std::ranges::find(tasks_, task) != tasks_.end();
}

WorkerPool::Queued WorkerPool::enqueue(std::shared_ptr<Work> work, WhenFull when_full) {
  guard_.lock();
  while (is_full()) {
    guard_.unlock();
    if (when_full == WhenFull::kTell) return Queued::kFull;
    wait_for_room();
    guard_.lock();
  }
  if (stopping_ || broken_) {
    const Queued why = broken_ ? Queued::kBroken : Queued::kShutDown;
    guard_.unlock();
    return why;
  }
  Work* added = work.get();
  (tail_ != nullptr ? tail_->next : head_) = std::move(work);
  tail_ = added;
  ++queued_;
  const bool start = need_worker();
  guard_.unlock();
  if (start) start_worker();
  return Queued::kYes;
}

void WorkerPool::wait_for_room() {
  // A worker that waits for room in its own queue is blocked as one that waits for a result.
  const Blocked blocked(this);
  guard_.lock();
  if (!is_full()) {
    guard_.unlock();
    return;
  }
  if (room_.wait(guard_, Deadline::never()) == runtime::Wake::kCancelled) {
    runtime::this_task::throw_cancelled();
  }
}

bool WorkerPool::need_worker() {
  if (idle_.notify_one()) return false;
  const bool deadlock = workers_ >= max_workers_ && blocked_ >= workers_;
  if (workers_ >= max_workers_ && !deadlock) return false;
  if (deadlock) ++grown_;
  ++workers_;
  ++starting_;
  return true;
}

void WorkerPool::start_worker() {
  guard_.lock();
  const std::uint64_t number = started_++;
  const std::uint64_t grown = grown_;
  const bool relief = workers_ > max_workers_;
  auto ended = reap();
  guard_.unlock();
  // A pool that grows and shrinks keeps nothing of the threads it had.
  for (std::thread& thread : ended) thread.join();
  // Said the first time, then each time the count has doubled.
  if (relief && std::has_single_bit(grown)) {
    log_warning(
        "an executor's workers all waited for work in its own queue, which would never have ended: "
        "one worker was added. Do not wait for a future in the pool that has to run it, or give "
        "that work a pool of its own.",
        {{"executor", options_.name}, {"max_workers", max_workers_}, {"times", grown}});
  }
  std::thread thread;
  std::exception_ptr error;
  try {
    auto body = [self = shared_from_this(), number] { self->run_worker(number); };
    if (runtime_ != nullptr) {
      const std::string name = fmt::format("{}-{}", options_.name, number);
      runtime_->spawn(std::move(body), {.name = name, .placement = runtime::Placement::kFiber})
          .detach();
    } else {
      thread = runtime::start_thread(std::move(body));
    }
  } catch (const std::exception&) {
    error = std::current_exception();
  }
  std::shared_ptr<Work> stranded;
  guard_.lock();
  if (thread.joinable()) threads_.push_back(std::move(thread));
  --starting_;
  if (error != nullptr && --workers_ == 0) stranded = take_all();
  if (workers_ == 0 && starting_ == 0) all_ended_.notify_all();
  guard_.unlock();
  if (error != nullptr) {
    log_error("an executor could not start a worker; its work waits for the others or fails",
              {{"executor", options_.name}, {"exception", exception_text(error)}});
    fail_all(std::move(stranded), error);
  }
}

std::vector<std::thread> WorkerPool::reap() {
  std::vector<std::thread> out;
  if (ended_.empty()) return out;
  std::erase_if(threads_, [&](std::thread& thread) {
    if (std::erase(ended_, thread.get_id()) == 0) return false;
    out.push_back(std::move(thread));
    return true;
  });
  return out;
}

bool WorkerPool::initialize() {
  if (!options_.initializer) return true;
  try {
    options_.initializer();
    return true;
  } catch (...) {
    break_pool(std::current_exception());
    return false;
  }
}

void WorkerPool::break_pool(std::exception_ptr cause) {
  guard_.lock();
  broken_ = true;
  auto works = take_all();
  idle_.notify_all();
  room_.notify_all();
  guard_.unlock();
  log_error("an executor's initializer threw: the executor is broken and runs nothing more",
            {{"executor", options_.name}, {"exception", exception_text(cause)}});
  fail_all(std::move(works), std::make_exception_ptr(BrokenExecutor(fmt::format(
                                 "The initializer of the executor '{}' threw ({}), so it runs "
                                 "nothing. Make a new one once the cause is gone.",
                                 options_.name, exception_text(cause)))));
}

void WorkerPool::run_worker(std::uint64_t number) {
  if (runtime_ == nullptr) {
    const std::string name = fmt::format("{}-{}", options_.name, number);
    ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
  }
  const std::uint64_t task = runtime::this_task::id();
  guard_.lock();
  tasks_.push_back(task);
  guard_.unlock();
  const bool good = initialize();
  guard_.lock();
  for (;;) {
    if (good && head_ != nullptr) {
      std::shared_ptr<Work> work = pop();
      guard_.unlock();
      run_work(*work);
      work.reset();
      guard_.lock();
      continue;
    }
    // The last clause ends a worker that was added in a deadlock.
    if (stopping_ || broken_ || workers_ - blocked_ > max_workers_) break;
    ++idle_count_;
    idle_.wait(guard_, Deadline::never(), runtime::Cancellable::kNo);
    guard_.lock();
    --idle_count_;
  }
  std::erase(tasks_, task);
  if (runtime_ == nullptr) ended_.push_back(std::this_thread::get_id());
  if (--workers_ == 0 && starting_ == 0) all_ended_.notify_all();
  guard_.unlock();
}

void WorkerPool::run_work(Work& work) {
  if (runtime_ == nullptr) return work.run();
  // Work of an executor that has hogged the loop runs on side carriers the next time, still on the
  // worker's fiber.
  runtime::run_placed(kind_, [&] { work.run(); });
}

void WorkerPool::stop(OnShutdown pending) {
  std::shared_ptr<Work> cancelled;
  guard_.lock();
  stopping_ = true;
  if (pending == OnShutdown::kCancelPending) cancelled = take_all();
  idle_.notify_all();
  room_.notify_all();
  guard_.unlock();
  while (cancelled != nullptr) {
    cancelled->state().cancel();
    cancelled = std::exchange(cancelled->next, nullptr);
  }
}

void WorkerPool::join() {
  guard_.lock();
  SAOLA_CHECK(!is_worker(runtime::this_task::id()),
              "an executor was shut down or destroyed by one of its own workers");
  while (workers_ > 0 || starting_ > 0) {
    all_ended_.wait(guard_, Deadline::never(), runtime::Cancellable::kNo);
    guard_.lock();
  }
  auto threads = std::move(threads_);
  threads_.clear();
  ended_.clear();
  guard_.unlock();
  for (std::thread& thread : threads) thread.join();
}

ExecutorStats WorkerPool::stats() const {
  const std::lock_guard lock(guard_);
  return {.workers = workers_, .idle = idle_count_, .queued = queued_, .grown = grown_};
}

WorkerPool* WorkerPool::block(WorkerPool* pool) {
  if (pool == nullptr) return nullptr;
  const std::uint64_t task = runtime::this_task::id();
  pool->guard_.lock();
  if (!pool->is_worker(task)) {
    pool->guard_.unlock();
    return nullptr;
  }
  ++pool->blocked_;
  const bool start = pool->queued_ > 0 && pool->need_worker();
  pool->guard_.unlock();
  if (start) pool->start_worker();
  return pool;
}

void WorkerPool::unblock(WorkerPool* pool) {
  if (pool == nullptr) return;
  const std::lock_guard lock(pool->guard_);
  --pool->blocked_;
  // Now there may be one worker too many: an idle one ends.
  if (pool->workers_ - pool->blocked_ > pool->max_workers_) pool->idle_.notify_one();
}

}  // namespace saola::futures::detail
