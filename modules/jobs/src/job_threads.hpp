// The native threads on which handlers run.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace saola::jobs {

class JobThreads {
 public:
  // Calls `on_start` once on each thread.
  JobThreads(int threads, std::function<void()> on_start);
  // Waits for everything submitted to return.
  ~JobThreads();

  void submit(std::function<void()> work);

 private:
  void run();

  const std::function<void()> on_start_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::condition_variable changed_;
  std::vector<std::jthread> threads_;
};

}  // namespace saola::jobs
