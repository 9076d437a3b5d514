#include "loop/thread_starter.hpp"

#include <pthread.h>

#include <utility>

#include "futex.hpp"
#include "loop/fiber.hpp"
#include "loop/loop.hpp"
#include "monitor/rescue.hpp"
#include "runtime_impl.hpp"

namespace saola::runtime::detail {
namespace {

thread_local ThreadStarter* this_threads_starter = nullptr;

}  // namespace

[[gnu::noipa]] void set_starter_for_this_thread(ThreadStarter* starter) {
  asm volatile("" ::: "memory");
  this_threads_starter = starter;
}

[[gnu::noipa]] ThreadStarter* starter_for_this_thread() {
  asm volatile("" ::: "memory");
  if (this_threads_starter != nullptr) return this_threads_starter;
  const Carrier* carrier = current_carrier();
  if (carrier == nullptr || carrier->fiber == nullptr) return nullptr;
  return is_demoted(*carrier) ? &carrier->loop->host.starter : nullptr;
}

void leave_demoted_thread() {
  Carrier* carrier = current_carrier();
  if (carrier == nullptr || carrier->fiber == nullptr || !is_demoted(*carrier)) [[likely]]
    return;
  carrier->loop->side.yield(carrier, *carrier->fiber);
}

ThreadStarter::ThreadStarter(std::move_only_function<void()> top_up)
    : top_up_(std::move(top_up)), thread_([this] { work(); }) {}

void ThreadStarter::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  ask();
  if (thread_.joinable()) thread_.join();
}

void ThreadStarter::ask() {
  asked_.fetch_add(1, std::memory_order_release);
  futex_wake(asked_);
}

void ThreadStarter::run(std::move_only_function<void()> work) {
  Job job{.work = std::move(work)};
  job.next = jobs_.load(std::memory_order_relaxed);
  while (!jobs_.compare_exchange_weak(job.next, &job, std::memory_order_release,
                                      std::memory_order_relaxed)) {
  }
  ask();
  while (job.done.load(std::memory_order_acquire) == 0) futex_wait(job.done, 0, Deadline::never());
  // The starter may still be in its wake-up call, which touches the address only.
}

void ThreadStarter::work() {
  ::pthread_setname_np(::pthread_self(), "saola-starter");
  for (std::uint32_t seen = 0;;) {
    futex_wait(asked_, seen, Deadline::never());
    const std::uint32_t now = asked_.load(std::memory_order_acquire);
    if (now == seen) continue;
    seen = now;
    Job* job = jobs_.exchange(nullptr, std::memory_order_acquire);
    while (job != nullptr) {
      Job* current = std::exchange(job, job->next);
      current->work();
      std::atomic<std::uint32_t>& done = current->done;
      done.store(1, std::memory_order_release);
      futex_wake(done);
    }
    if (stopping_.load(std::memory_order_relaxed)) return;
    top_up_();
  }
}

}  // namespace saola::runtime::detail
