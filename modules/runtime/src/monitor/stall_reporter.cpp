#include "monitor/stall_reporter.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <new>
#include <utility>

#include <saola/base/log.hpp>
#include <saola/runtime/symbolise.hpp>

#include "futex.hpp"

namespace saola::runtime::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMostNotes = 1024;
constexpr int kNice = 10;
constexpr Duration kLater = 50ms;
constexpr Duration kLongestFlush = 10s;

}  // namespace

StallReporter::StallReporter(observe::StallSink* sink)
    : sink_(sink != nullptr ? *sink : log_), thread_([this] { run(); }) {}

StallReporter::~StallReporter() {
  stopping_.store(true);
  added_.fetch_add(1, std::memory_order_release);
  futex_wake(added_);
  thread_.join();
}

void StallReporter::add(StallNote note) {
  auto* queued = waiting_.load(std::memory_order_relaxed) < kMostNotes
                     ? new (std::nothrow) Queued{std::move(note), nullptr}
                     : nullptr;
  if (queued == nullptr) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  waiting_.fetch_add(1, std::memory_order_relaxed);
  queued_.push(*queued);
  added_.fetch_add(1, std::memory_order_release);
  futex_wake(added_);
}

void StallReporter::flush(Duration patience) {
  const std::uint32_t all = added_.fetch_add(1, std::memory_order_release) + 1;
  futex_wake(added_);  // it may be putting its work off
  const SteadyTime limit = real_clock().steady_now() + kLongestFlush;
  while (real_clock().steady_now() < limit) {
    const std::uint32_t done = done_.load(std::memory_order_acquire);
    if (static_cast<std::int32_t>(done - all) >= 0) return;
    const std::int64_t since = in_sink_since_ns_.load(std::memory_order_relaxed);
    if (since != 0 && real_clock().steady_now() >= SteadyTime(Duration(since)) + patience) return;
    futex_wait(done_, done, Deadline::at(real_clock().steady_now() + 10ms));
  }
}

void StallReporter::run() {
  ::pthread_setname_np(::pthread_self(), "saola-reporter");
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  for (;;) {
    const std::uint32_t seen = added_.load(std::memory_order_acquire);
    Queued* node = queued_.take();
    while (node != nullptr) {
      Queued* current = std::exchange(node, node->next);
      waiting_.fetch_sub(1, std::memory_order_relaxed);
      current->note.report.stack = symbolise(current->note.stack);
      in_sink_since_ns_.store(real_clock().steady_now().time_since_epoch().count(),
                              std::memory_order_relaxed);
      sink_.report(std::move(current->note.report));
      in_sink_since_ns_.store(0, std::memory_order_relaxed);
      delete current;
    }
    if (const std::uint64_t dropped = dropped_.exchange(0, std::memory_order_relaxed);
        dropped > 0) {
      log_warning("stall reports came faster than they could be written", {{"dropped", dropped}});
    }
    done_.store(seen, std::memory_order_release);
    futex_wake_all(done_);
    if (stopping_.load() && queued_.empty()) return;
    futex_wait(added_, seen, Deadline::never());
    // Reading debug information takes a core for milliseconds: first those run who were kept
    // waiting.
    if (!stopping_.load()) {
      const Deadline later = Deadline::at(real_clock().steady_now() + kLater);
      futex_wait(added_, added_.load(), later);
    }
  }
}

}  // namespace saola::runtime::detail
