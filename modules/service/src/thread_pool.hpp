// What the handles of one thread pool share.
#pragma once

#include <memory>
#include <string>

#include <saola/base/guarded.hpp>
#include <saola/service/thread_pool.hpp>

namespace saola {

struct ThreadPool::State {
  State(std::string pool_name, int pool_threads)
      : name(std::move(pool_name)), threads(pool_threads) {}

  void declare(observe::MetricTable& table);
  void count_in(const observe::MetricSlot& slot);
  futures::Executor& start();
  // What waits is cancelled. The process's end waits for what runs.
  void stop();

  const std::string name;
  const int threads;
  observe::Gauge queued;
  observe::Gauge running;
  observe::Counter done;

 private:
  observe::GaugeId queued_id_{};
  observe::GaugeId running_id_{};
  observe::CounterId done_id_{};
  NativeMutex mutex_;
  // Made when it is first asked for: the arbiter must start no threads.
  std::unique_ptr<futures::ThreadPoolExecutor> executor_ GUARDED_BY(mutex_);
};

}  // namespace saola
