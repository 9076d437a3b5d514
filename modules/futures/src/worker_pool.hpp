// The queue and the workers of an executor.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <saola/futures/executor.hpp>
#include <saola/runtime/park.hpp>
#include <saola/runtime/runtime.hpp>

namespace saola::futures::detail {

// Calls `body`; what it throws is logged and goes no further.
void run_logged(std::string_view what, std::move_only_function<void()>& body);

class WorkerPool final : public std::enable_shared_from_this<WorkerPool> {
 public:
  // `runtime` null: workers are threads; else its fibers.
  WorkerPool(ExecutorOptions options, runtime::Runtime* runtime);
  ~WorkerPool();

  enum class Queued { kYes, kFull, kShutDown, kBroken };
  // Waits for room when `wait` is kWait; throws runtime::Cancelled then.
  enum class WhenFull { kWait, kTell };
  Queued enqueue(std::shared_ptr<Work> work, WhenFull when_full);
  void stop(OnShutdown pending);
  // Until every worker has ended. REQUIRES: stop() was called, not by a worker.
  void join();
  ExecutorStats stats() const;
  const ExecutorOptions& options() const { return options_; }

  // The calling task begins to wait: `pool` if it is one of its workers, and counted as blocked,
  // else null. For unblock().
  static WorkerPool* block(WorkerPool* pool);
  static void unblock(WorkerPool* pool);
  // While one lives, the calling task is counted as blocked if it is one of the pool's workers.
  class Blocked {
   public:
    explicit Blocked(WorkerPool* pool) : pool_(block(pool)) {}
    ~Blocked() { unblock(pool_); }
    Blocked(const Blocked&) = delete;
    Blocked& operator=(const Blocked&) = delete;

   private:
    WorkerPool* pool_;
  };

 private:
  void wait_for_room();
  // Wakes an idle worker, or says (with the count already raised) that one is to be started, which
  // start_worker() does without the lock. REQUIRES: guard_ held.
  bool need_worker();
  void start_worker();
  void run_worker(std::uint64_t number);
  // Runs it on behalf of a worker, whose task this is. Throws nothing.
  void run_work(Work& work);
  bool initialize();
  void break_pool(std::exception_ptr cause);
  // REQUIRES of all below: guard_ held.
  std::shared_ptr<Work> pop();
  std::shared_ptr<Work> take_all();
  bool is_worker(std::uint64_t task) const;
  bool is_full() const { return queued_ >= options_.max_queued && !stopping_ && !broken_; }
  // The handles of threads that have ended, to be joined without the lock.
  std::vector<std::thread> reap();

  const ExecutorOptions options_;
  const std::string kind_;  // what placement is learned for
  const std::size_t max_workers_;
  runtime::Runtime* const runtime_;

  mutable runtime::SpinLock guard_;
  // All GUARDED_BY(guard_).
  std::shared_ptr<Work> head_;  // the queue: linked through Work::next
  Work* tail_ = nullptr;
  std::size_t queued_ = 0;
  std::size_t workers_ = 0;   // started and not ended
  std::size_t starting_ = 0;  // start_worker() calls under way
  std::size_t blocked_ = 0;   // of them, those that wait for a future of this pool
  std::size_t idle_count_ = 0;
  std::uint64_t started_ = 0;
  std::uint64_t grown_ = 0;
  bool stopping_ = false;
  bool broken_ = false;
  std::vector<std::uint64_t> tasks_;    // ids of the workers
  std::vector<std::thread> threads_;    // of the workers, when they are threads
  std::vector<std::thread::id> ended_;  // of them, those that touch nothing here any more
  runtime::WaitQueue idle_{runtime::WaitKind::kWork};  // workers without work
  runtime::WaitQueue room_{runtime::WaitKind::kRoom};  // submitters, while the queue is full
  runtime::WaitQueue all_ended_;
};

}  // namespace saola::futures::detail
