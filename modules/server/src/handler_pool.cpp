#include "handler_pool.hpp"

#include <sys/prctl.h>

#include <saola/base/check.hpp>
#include <saola/runtime/task.hpp>

namespace saola::server {

HandlerPool::HandlerPool(http::Handler& inner, int threads) : inner_(inner) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run_thread(); });
}

HandlerPool::~HandlerPool() {
  calls_.close();
}

http::Response HandlerPool::handle(http::Request& request) {
  Call call{request, {}, {}, {}};
  // The thread works on this frame, so it must not be left before the thread is done.
  const runtime::this_task::Uncancellable stay;
  const Result<void> queued = calls_.push(&call);
  SAOLA_CHECK(queued.has_value(), "the pool ended before its last call");
  call.done.wait();
  if (call.error) std::rethrow_exception(call.error);
  return std::move(*call.response);
}

void HandlerPool::run_thread() {
  ::prctl(PR_SET_NAME, "handler");
  while (auto next = calls_.pop()) {
    Call& call = **next;
    busy_.fetch_add(1, std::memory_order_relaxed);
    try {
      call.response = inner_.handle(call.request);
    } catch (...) {
      call.error = std::current_exception();
    }
    busy_.fetch_sub(1, std::memory_order_relaxed);
    finished_.fetch_add(1, std::memory_order_relaxed);
    call.done.set();
  }
}

}  // namespace saola::server
