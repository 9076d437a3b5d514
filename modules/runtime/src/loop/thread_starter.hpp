// ThreadStarter: a thread of the process's own priority that starts threads and processes for those
// that cannot: the monitor, which must not wait, and demoted threads, whose priority a new thread
// would inherit for good.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

namespace saola::runtime::detail {

class ThreadStarter {
 public:
  // `top_up` is called on the starter's thread after each ask().
  explicit ThreadStarter(std::move_only_function<void()> top_up);
  ~ThreadStarter() { stop(); }
  // Does what was asked for, then ends. Idempotent.
  void stop();

  // `top_up` will run soon. Any thread; never waits.
  void ask();
  // Runs `job` on the starter's thread; returns when it is done. Blocks the calling thread. `job`
  // throws nothing.
  void run(std::move_only_function<void()> job);

 private:
  struct Job {
    std::move_only_function<void()> work;
    std::atomic<std::uint32_t> done{0};
    Job* next = nullptr;
  };
  void work();

  std::move_only_function<void()> top_up_;
  std::atomic<Job*> jobs_{nullptr};  // pushed with release, taken with acquire
  // Counts requests: bumped after a push (release), read before the jobs are taken (acquire), so
  // the thread sleeps only when it has seen every request.
  std::atomic<std::uint32_t> asked_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// The calling thread was demoted, or belongs to a pool of low priority: what it starts has to be
// started by this one. Null for all other threads.
ThreadStarter* starter_for_this_thread();
// The calling thread has been given a low priority for good.
void set_starter_for_this_thread(ThreadStarter* starter);
// A fiber on such a thread goes on on another one: before it takes a lock, whose waiters would wait
// for the demoted thread. SUSPENDS then.
void leave_demoted_thread();
// Runs `job`, which starts a thread or a process, where nothing is demoted. `job` throws nothing.
template <typename Job>
void run_undemoted(Job&& job) {
  if (ThreadStarter* starter = starter_for_this_thread()) {
    starter->run([&] { job(); });
  } else {
    job();
  }
}

}  // namespace saola::runtime::detail
