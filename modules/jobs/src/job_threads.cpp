#include "job_threads.hpp"

#include <pthread.h>

#include <utility>

namespace saola::jobs {

JobThreads::JobThreads(int threads, std::function<void()> on_start)
    : on_start_(std::move(on_start)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

JobThreads::~JobThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  threads_.clear();
}

void JobThreads::submit(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void JobThreads::run() {
  ::pthread_setname_np(::pthread_self(), "job");
  on_start_();
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace saola::jobs
