#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <saola/base/log.hpp>
#include <saola/runtime/symbolise.hpp>

#include "monitor.hpp"

namespace saola::runtime::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostNotes = 1024;
// The same stack is logged at most this often; sinks and counters get every report.
constexpr Duration kLogAgainAfter = 10s;
constexpr std::size_t kMostLogged = 256;
constexpr std::size_t kLoggedFrames = 12;
constexpr int kNice = 10;
constexpr Duration kLater = 50ms;

}  // namespace

StallReporter::StallReporter(observe::StallSink* sink) : sink_(sink), thread_([this] { run(); }) {}

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
    if (sink_ != nullptr) {
      sink_->report(std::move(note.report));
    } else {
      write_to_log(note.report);
    }
    lock.lock();
  }
}

void StallReporter::write_to_log(const observe::StallReport& report) {
  std::string key = report.spawn_site + std::string(observe::to_string(report.action)) +
                    (report.ended ? "e" : "b");
  for (const auto& frame : report.stack) key += std::to_string(frame.address) + ",";
  if (logged_.size() > kMostLogged) logged_.clear();
  Logged& logged = logged_[key];
  const SteadyTime now = std::chrono::steady_clock::now();
  if (logged.last != SteadyTime{} && now - logged.last < kLogAgainAfter) {
    ++logged.left_out;
    return;
  }
  logged.last = now;
  std::string stack;
  for (std::size_t i = 0; i < std::min(report.stack.size(), kLoggedFrames); ++i) {
    stack += (i > 0 ? " < " : "") + observe::to_string(report.stack[i]);
  }
  const auto ms = static_cast<double>(report.duration.count()) / 1e6;
  log_warning(report.action == observe::StallAction::kPlaced ? "task placed on a native thread"
              : report.ended                                 ? "stall ended"
                             : "a fiber holds the event loop while others wait",
              {{"fiber", report.fiber},
               {"spawned_at", report.spawn_site},
               {"subject", report.subject},
               {"verdict", observe::to_string(report.verdict)},
               {"action", observe::to_string(report.action)},
               {"ms", ms},
               {"why", report.why},
               {"advice", report.ended ? std::string() : report.advice},
               {"left_out", std::exchange(logged.left_out, 0)},
               {"stack", stack}});
}

}  // namespace saola::runtime::detail
