// Runs handlers on native threads for the classes `threads` and `sync`: connections stay on the
// event loop, where a slow client costs no thread, and only the handler's call goes to one of a
// fixed number of threads.
#pragma once

#include <atomic>
#include <exception>
#include <optional>
#include <thread>
#include <vector>

#include <saola/http/handler.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/queue.hpp>

namespace saola::server {

class HandlerPool final : public http::Handler {
 public:
  // REQUIRES: `inner` outlives the pool. Starts the threads.
  HandlerPool(http::Handler& inner, int threads);
  // REQUIRES: no call is under way.
  ~HandlerPool() override;
  HandlerPool(const HandlerPool&) = delete;
  HandlerPool& operator=(const HandlerPool&) = delete;

  // Waits, uncancellably, for a free thread and for its answer. Throws what the handler throws.
  // SUSPENDS.
  http::Response handle(http::Request& request) override;

  // Calls that ended, ever, and whether every thread is inside one now: when that stays so and no
  // call ends, the worker is hung.
  std::uint64_t finished() const { return finished_.load(std::memory_order_relaxed); }
  bool all_busy() const {
    return busy_.load(std::memory_order_relaxed) == static_cast<int>(threads_.size());
  }

 private:
  struct Call {
    http::Request& request;
    std::optional<http::Response> response;
    std::exception_ptr error;
    runtime::Event done;
  };
  void run_thread();

  http::Handler& inner_;
  runtime::Queue<Call*> calls_;
  std::atomic<int> busy_{0};
  std::atomic<std::uint64_t> finished_{0};
  std::vector<std::jthread> threads_;
};

}  // namespace saola::server
