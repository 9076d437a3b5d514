// Runs handlers on native threads for the classes `threads` and `sync`: connections stay on the
// event loop, where a slow client costs no thread, and only the handler's call goes to one of a
// fixed number of threads, after the body (the beginning of a long one) has been read.
//
// As few threads as possible are awake: a thread that is awake takes the next call without being
// woken, and more are woken only when a call has waited for kWakeAfter. Short handlers then cost no
// thread switch each, and long ones still get every thread.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <optional>
#include <thread>
#include <vector>

#include <saola/base/time.hpp>
#include <saola/http/handler.hpp>
#include <saola/runtime/sync/condition.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/mutex.hpp>

#include "worker/read_ahead.hpp"

namespace saola::server {

class HandlerPool final : public http::Handler {
 public:
  static constexpr Duration kWakeAfter = std::chrono::microseconds(200);

  // REQUIRES: `inner` outlives the pool. Starts the threads.
  HandlerPool(http::Handler& inner, int threads);
  // REQUIRES: no call is under way.
  ~HandlerPool() override;
  HandlerPool(const HandlerPool&) = delete;
  HandlerPool& operator=(const HandlerPool&) = delete;

  // Reads ahead, then waits, uncancellably, for a free thread and for its answer. Throws what the
  // handler throws. SUSPENDS.
  http::Response handle(http::Request& request) override;

  // Calls that ended, ever, and whether every thread is busy with one now, and not waiting for its
  // client: when that stays so and no call ends, the worker is hung.
  std::uint64_t finished() const { return finished_.load(std::memory_order_relaxed); }
  bool all_busy() const {
    return busy_.load(std::memory_order_relaxed) -
               bodies_.waiting.load(std::memory_order_relaxed) ==
           static_cast<int>(threads_.size());
  }

 private:
  struct Call {
    http::Request& request;
    std::optional<http::Response> response;
    std::exception_ptr error;
    runtime::Event done;
  };
  http::Response call(http::Request& request);
  void run_thread();
  // The next call; null when the pool ends. Sleeps while there is none.
  Call* next_call();
  // Wakes a thread if one sleeps. REQUIRES: mutex_ is held.
  void wake_one();

  http::Handler& inner_;
  ReadAhead::Budget bodies_;
  runtime::Mutex mutex_;
  runtime::Condition work_;
  std::deque<Call*> calls_;  // GUARDED_BY(mutex_), as the next four
  int awake_ = 0;            // threads that will look at calls_ again before they sleep
  int sleeping_ = 0;         // threads in work_ that nobody has woken
  int wakes_ = 0;            // threads that are woken and have not noticed yet
  bool ended_ = false;
  std::atomic<int> busy_{0};
  std::atomic<std::uint64_t> finished_{0};
  std::vector<std::jthread> threads_;
};

}  // namespace saola::server
