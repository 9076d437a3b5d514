#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <saola/base/log.hpp>
#include <saola/runtime/symbolise.hpp>

#include "monitor/monitor.hpp"

namespace saola::runtime::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostNotes = 1024;
constexpr int kNice = 10;
constexpr Duration kLater = 50ms;

}  // namespace

StallReporter::StallReporter(observe::StallSink* sink)
    : sink_(sink != nullptr ? *sink : log_), thread_([this] { run(); }) {}

StallReporter::~StallReporter() {
  finish();
}

void StallReporter::finish() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void StallReporter::add(StallNote note) {
  std::lock_guard lock(mutex_);
  if (notes_.size() >= kMostNotes) {
    ++dropped_;
    return;
  }
  notes_.push_back(std::move(note));
  changed_.notify_one();
}

void StallReporter::run() {
  ::pthread_setname_np(::pthread_self(), "saola-reporter");
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  std::unique_lock lock(mutex_);
  for (;;) {
    if (notes_.empty()) {
      changed_.wait(lock, [&] { return stopping_ || !notes_.empty(); });
      if (notes_.empty()) return;
      // Reading debug information takes a core for milliseconds: first those run who were kept
      // waiting.
      changed_.wait_for(lock, kLater, [&] { return stopping_; });
    }
    StallNote note = std::move(notes_.front());
    notes_.pop_front();
    const std::uint64_t dropped = std::exchange(dropped_, 0);
    lock.unlock();
    if (dropped > 0)
      log_warning("stall reports came faster than they could be written", {{"dropped", dropped}});
    note.report.stack = symbolise(note.stack);
    sink_.report(std::move(note.report));
    lock.lock();
  }
}

}  // namespace saola::runtime::detail
