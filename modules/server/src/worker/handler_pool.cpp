#include "worker/handler_pool.hpp"

#include <sys/prctl.h>

#include <mutex>
#include <utility>

#include <saola/runtime/task.hpp>

namespace saola::server {

HandlerPool::HandlerPool(http::Handler& inner, int threads) : inner_(inner), awake_(threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run_thread(); });
}

HandlerPool::~HandlerPool() {
  const runtime::this_task::Uncancellable stay;
  const std::lock_guard lock(mutex_);
  ended_ = true;
  work_.notify_all();
}

http::Response HandlerPool::handle(http::Request& request) {
  if (request.body->length() == 0) return call(request);
  http::BodyReader& body = *request.body;
  ReadAhead read(body, bodies_);
  // The reader lives in this frame only.
  struct Restore {
    http::Request& request;
    http::BodyReader& body;
    ~Restore() { request.body = &body; }
  } const restore{request, body};
  request.body = &read;
  return call(request);
}

http::Response HandlerPool::call(http::Request& request) {
  Call call{.request = request};
  // The thread works on this frame, so it must not be left before the thread is done.
  const runtime::this_task::Uncancellable stay;
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back(&call);
    if (awake_ == 0) wake_one();
  }
  if (!call.done.wait(Deadline::after(kWakeAfter))) {
    {
      // Those awake are in long calls. Whoever is woken takes the oldest call, so each call that is
      // not done by now wakes one thread for whatever waits: its own place may have been taken by
      // a thread that was woken for another.
      const std::lock_guard lock(mutex_);
      if (!calls_.empty()) wake_one();
    }
    call.done.wait();
  }
  if (call.error) std::rethrow_exception(call.error);
  return std::move(*call.response);
}

void HandlerPool::wake_one() {
  if (sleeping_ == 0) return;
  --sleeping_;
  ++wakes_;
  ++awake_;
  work_.notify_one();
}

HandlerPool::Call* HandlerPool::next_call() {
  std::unique_lock lock(mutex_);
  while (calls_.empty()) {
    if (ended_) return nullptr;
    --awake_;
    ++sleeping_;
    while (wakes_ == 0 && !ended_) work_.wait(lock);
    if (wakes_ > 0) --wakes_;
  }
  Call* call = calls_.front();
  calls_.pop_front();
  return call;
}

void HandlerPool::run_thread() {
  ::prctl(PR_SET_NAME, "handler");
  while (Call* call = next_call()) {
    busy_.fetch_add(1, std::memory_order_relaxed);
    try {
      call->response = inner_.handle(call->request);
    } catch (...) {
      call->error = std::current_exception();
    }
    busy_.fetch_sub(1, std::memory_order_relaxed);
    finished_.fetch_add(1, std::memory_order_relaxed);
    call->done.set();
  }
}

}  // namespace saola::server
