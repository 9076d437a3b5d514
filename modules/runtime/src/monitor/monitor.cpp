#include "monitor/monitor.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>

#include "futex.hpp"
#include "loop/time_slice.hpp"
#include "monitor/capture.hpp"
#include "runtime_impl.hpp"

namespace saola::runtime::detail {
namespace {

using namespace std::chrono_literals;

constexpr Duration kSleepAfterIdle = 100ms;
// How long the others wait longer for the sake of the hog's stack; and how often it is asked again,
// with that patience, once they are rescued.
constexpr Duration kCapturePatience = 2ms;
constexpr int kMostTries = 25;
constexpr Duration kAskForLocksEvery = 50ms;

// The CPU clock of a thread of this process by its id (clock_getcpuclockid's encoding, kernel ABI):
// exact even for a thread that is running, where schedstat lags by a tick.
Duration cpu_time(pid_t tid) {
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(tid) << 3) | 6);
  timespec t{};
  if (::clock_gettime(clock, &t) != 0) return {};
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

const char* advice_for(observe::StallVerdict verdict) {
  switch (verdict) {
    case observe::StallVerdict::kCpu:
      return "it computes: wrap the computation in runtime::offload_cpu(), spawn it with "
             "Placement::kNative, or make it "
             "a job";
    case observe::StallVerdict::kBlocked:
      return "it waits in a call that the runtime does not know: use the runtime's sockets, sleep "
             "and locks, or wrap the "
             "call in runtime::offload_blocking()";
  }
  std::unreachable();
}

}  // namespace

Monitor::Monitor(Runtime::Impl& impl)
    : impl_(impl), max_rescued_(impl.options.max_rescued), reporter_(impl.options.stall_sink) {
  prepare_capture();
  thread_ = std::thread([this] { run(); });
}

Monitor::~Monitor() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    watching_ = false;
    changed_.notify_all();
  }
  impl_.loop.monitor_wanted.store(0);
  futex_wake(impl_.loop.monitor_wanted);
  thread_.join();
}

void Monitor::watch(bool on) {
  impl_.loop.monitor_wanted.store(0);
  futex_wake(impl_.loop.monitor_wanted);
  std::lock_guard lock(mutex_);
  if (watching_ == on) return;
  watching_ = on;
  if (on) {
    seen_ = {};
  } else {
    if (seen_.open) close_stall(std::chrono::steady_clock::now());
    collect_ended();
  }
  changed_.notify_all();
}

RuntimeStats Monitor::stats() const {
  RuntimeStats stats;
  stats.stalls = stalls_.load(std::memory_order_relaxed);
  stats.rescues = rescues_total_.load(std::memory_order_relaxed);
  stats.rescues_refused = refused_.load(std::memory_order_relaxed);
  stats.rescued_now = static_cast<std::uint64_t>(rescued_now_.load(std::memory_order_relaxed));
  return stats;
}

void Monitor::run() {
  ::pthread_setname_np(::pthread_self(), "saola-monitor");
  // It must not wait for the end of the turn of a hog.
  set_time_slice(0, kMonitorSlice);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!watching_) {
      changed_.wait(lock);
      continue;
    }
    const Duration pause = tick();
    lock.unlock();
    if (pause == Duration::max()) {
      // The loop has been idle for a while. Whoever ends the idleness sees 1 and wakes us, or we
      // see that it has.
      impl_.loop.monitor_wanted.store(1);
      if (impl_.loop.look().idle) futex_wait(impl_.loop.monitor_wanted, 1, Deadline::never());
      impl_.loop.monitor_wanted.store(0);
    } else {
      const timespec t{.tv_sec = 0, .tv_nsec = pause.count()};
      ::nanosleep(&t, nullptr);
    }
    lock.lock();
  }
}

Duration Monitor::tick() {
  Loop& loop = impl_.loop;
  const RuntimeOptions& options = impl_.options;
  collect_ended();
  complete_report();
  const Loop::Sight sight = loop.look();
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!rescues_.empty()) look_at_locks(now);
  const bool backlog = loop.backlog() > 0;
  Duration threshold = options.stall_threshold;
  // While those who waited through a stall have not run yet, a twentieth of the patience is left.
  if (backlog) threshold = std::max<Duration>(threshold / 20, 250us);
  const Duration pause = std::clamp<Duration>(threshold / 4, 100us, 5ms);
  if (refill_ && !backlog) {
    refill_ = false;
    impl_.carriers.keep_spares(CarrierPool::kSpares);
  }

  if (sight.switches != seen_.switches) {
    if (!sight.idle && now - loop.last_pass() > 2ms) loop.want_pass();
    if (seen_.open) close_stall(now);
    seen_ = {.switches = sight.switches, .since = now};
    return pause;
  }
  if (sight.idle)
    return now - seen_.since > kSleepAfterIdle && rescues_.empty() ? Duration::max() : pause;
  if (seen_.handled) return pause;

  const Fiber* fiber = loop.running_fiber();
  if (fiber == nullptr) return pause;
  if (const auto own = fiber->stall_threshold_ns.load(std::memory_order_relaxed); own > 0)
    threshold = Duration(own);
  if (seen_.usage_since == SteadyTime{}) {
    const pid_t tid = loop.carrier_tid();
    seen_.usage = probe_.usage(tid);
    seen_.usage.cpu = cpu_time(tid);
    seen_.usage_since = now;
    return pause;
  }
  const Duration held = now - seen_.since;
  if (held >= threshold) judge(running_word(sight.switches), now, held, threshold, backlog);
  return pause;
}

void Monitor::judge(std::uint64_t word, SteadyTime now, Duration held, Duration threshold,
                    bool backlog) {
  Loop& loop = impl_.loop;
  const Fiber* fiber = loop.running_fiber();
  if (fiber == nullptr || !loop.others_wait()) return;

  // Its fault, or the machine's? A thread without a CPU holds the loop, but moving the loop would
  // not help.
  const pid_t tid = loop.carrier_tid();
  const Duration cpu = cpu_time(tid) - seen_.usage.cpu;
  const Duration delay = probe_.usage(tid).run_delay - seen_.usage.run_delay;
  const char state = ThreadProbe::state(tid);
  const bool blocked = state != 'R';
  // A runnable thread may be waiting for a CPU right now, which run_delay does not hold yet: only
  // the CPU it got counts.
  const Duration looked = now - seen_.usage_since;
  const Duration own_time = blocked ? looked - delay : cpu;
  if (own_time < std::min(looked, threshold) * 9 / 10) return;

  auto policy = impl_.options.on_stall;
  if (const auto own = fiber->stall_policy.load(std::memory_order_relaxed); own != 0) {
    policy = static_cast<StallPolicy>(own - 1);
  }
  std::string kind;
  StallNote note = describe(*fiber, tid, word, blocked, kind);
  // What was read of the fiber belongs to this run only if the word still says so, and if it is the
  // fiber of this word: reading the word acquires what was stored before the run began. In a short
  // runtime section the word says kInRuntime; the next look decides.
  if (loop.word() != word || loop.running_fiber() != fiber) return;
  note.report.duration = held;
  note.report.started = std::chrono::system_clock::now() - held;
  seen_.handled = true;
  stalls_.fetch_add(1, std::memory_order_relaxed);

  switch (policy) {
    case StallPolicy::kIgnore:
      return;
    case StallPolicy::kAbort:
      note.report.action = observe::StallAction::kAborted;
      reporter_.add(std::move(note));
      reporter_.finish();
      std::abort();
    case StallPolicy::kReport:
      note.report.action = observe::StallAction::kReported;
      break;
    case StallPolicy::kRescue:
      if (at_cap()) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        note.report.why =
            "as many fibers as allowed are rescued already; new requests are refused until one "
            "comes home";
      } else if (!impl_.carriers.keep_spares(1)) {
        note.report.why = "the system gives no thread to carry the loop";
      } else if (rescue(word, note, kind, !backlog)) {
        return;
      } else {
        // It came back by itself in this very moment.
        stalls_.fetch_sub(1, std::memory_order_relaxed);
        seen_.handled = false;
        return;
      }
      note.report.action = observe::StallAction::kReported;
      break;
  }
  seen_.open = true;
  seen_.note = note;
  seen_.since = now - held;
  reporter_.add(std::move(note));
}

StallNote Monitor::describe(const Fiber& fiber, pid_t tid, std::uint64_t word, bool blocked,
                            std::string& kind) {
  StallNote note;
  const char* file = fiber.site_file.load(std::memory_order_relaxed);
  const std::string site = std::string(file != nullptr ? file : "?") + ":" +
                           std::to_string(fiber.site_line.load(std::memory_order_relaxed));
  kind = fiber.kind.get();
  if (kind.empty()) kind = site;
  note.report.fiber = fiber.name.get();
  note.report.spawn_site = kind;
  note.report.subject = fiber.activity.get();
  note.report.verdict = blocked ? observe::StallVerdict::kBlocked : observe::StallVerdict::kCpu;
  note.report.advice = advice_for(note.report.verdict);
  if (!fiber.learnable.load(std::memory_order_relaxed)) kind.clear();
  if (!blocked) {
    note.stack = capture_running(
        tid, word, impl_.loop.backlog() > 0 ? kCapturePatience / 4 : kCapturePatience);
    return note;
  }
  const std::uintptr_t lowest = fiber.lowest.load(std::memory_order_acquire);
  const std::uintptr_t highest = fiber.highest.load(std::memory_order_acquire);
  // The bounds of two lives of this fiber would have a guard page between them. Acquire: read
  // before the word.
  if (impl_.loop.word() == word) note.stack = capture_waiting(tid, lowest, highest);
  return note;
}

bool Monitor::rescue(std::uint64_t word, StallNote note, std::string kind, bool learn) {
  Loop& loop = impl_.loop;
  loop.stealing.store(true);
  if (!loop.steal(word)) {
    loop.stealing.store(false);
    return false;
  }
  // The hog cannot leave its thread, nor its Carrier end, until `stealing` is cleared.
  Carrier* hog = loop.running_carrier();
  const pid_t tid = hog->tid;
  impl_.carriers.hand_over(loop);
  Rescue& entry = rescues_.emplace_back(hog->fiber->id, tid, word);
  entry.since = seen_.since;
  entry.kind = std::move(kind);
  note.report.action = observe::StallAction::kRescued;
  entry.note = std::move(note);
  hog->rescue = &entry;
  // It may have carried the loop with a short one.
  set_time_slice(tid, kDefaultSlice);
  if (impl_.options.rescued_nice > 0) {
    // Relative to the thread's own; the kernel takes it from the thread, not the process.
    const int own = ::getpriority(PRIO_PROCESS, static_cast<id_t>(tid));
    hog->demoted = ::setpriority(PRIO_PROCESS, static_cast<id_t>(tid),
                                 std::min(19, own + impl_.options.rescued_nice)) == 0;
  }
  loop.stealing.store(false, std::memory_order_release);
  rescues_total_.fetch_add(1, std::memory_order_relaxed);
  rescued_now_.fetch_add(1, std::memory_order_relaxed);
  if (learn && impl_.options.learn_placement && !entry.kind.empty()) {
    impl_.placement.learn(entry.kind, entry.note.report.duration);
    entry.learned = true;
  }
  refill_ = true;
  if (!entry.note.stack.empty() || entry.note.report.verdict != observe::StallVerdict::kCpu) {
    tell(entry);
  }
  return true;
}

void Monitor::tell(Rescue& entry) {
  entry.told = true;
  reporter_.add(entry.note);
}

void Monitor::complete_report() {
  const auto entry = std::ranges::find(rescues_, false, &Rescue::told);
  // It had no CPU to answer with. There may be more hogs among those who are late: they go first.
  if (entry == rescues_.end() || impl_.loop.backlog() > 0) return;
  entry->note.stack = capture_running(entry->tid, entry->word, kCapturePatience);
  if (!entry->note.stack.empty() || ++entry->tries == kMostTries) tell(*entry);
}

void Monitor::collect_ended() {
  for (auto entry = rescues_.begin(); entry != rescues_.end();) {
    const auto ended = entry->ended_ns.load(std::memory_order_acquire);
    if (ended == 0) {
      ++entry;
      continue;
    }
    if (!entry->told) tell(*entry);
    entry->note.report.duration = SteadyTime(Duration(ended)) - entry->since;
    entry->note.report.phase = observe::StallPhase::kEnded;
    if (!entry->learned && impl_.options.learn_placement && !entry->kind.empty() &&
        entry->note.report.duration >= impl_.options.stall_threshold) {
      impl_.placement.learn(entry->kind, entry->note.report.duration);
    }
    reporter_.add(std::move(entry->note));
    rescued_now_.fetch_sub(1, std::memory_order_relaxed);
    entry = rescues_.erase(entry);
  }
}

void Monitor::look_at_locks(SteadyTime now) {
  LockQuestion& question = impl_.loop.lock_question;
  if (question.pending.load(std::memory_order_acquire)) return;
  for (LockQuestion::Asked& asked : question.asked) {
    const auto entry = std::ranges::find(rescues_, asked.holder, &Rescue::task);
    if (entry == rescues_.end() || asked.answer.tasks == 0) continue;
    observe::LockWaiters& most = entry->note.report.lock_waiters;
    if (entry->told && !entry->lock_told && asked.answer.longest >= impl_.options.stall_threshold) {
      entry->lock_told = true;
      StallNote note = entry->note;
      note.report.phase = observe::StallPhase::kHoldsLock;
      note.report.duration = now - entry->since;
      note.report.advice =
          "it computes with a lock of the runtime held, so rescue does not help those who need "
          "the lock: compute outside the lock, and hold it only to read the input and to publish "
          "the result";
      note.report.lock_waiters = asked.answer;
      reporter_.add(std::move(note));
    }
    if (asked.answer.tasks >= most.tasks) most = std::move(asked.answer);
  }
  question.asked.clear();
  if (now - locks_asked_ < kAskForLocksEvery) return;
  locks_asked_ = now;
  for (const Rescue& entry : rescues_) question.asked.push_back({entry.task, {}});
  question.pending.store(true, std::memory_order_relaxed);
  question.alone = impl_.loop.send(question.node);
}

void Monitor::close_stall(SteadyTime now) {
  seen_.note.report.duration = now - seen_.since;
  seen_.note.report.phase = observe::StallPhase::kEnded;
  seen_.open = false;
  reporter_.add(std::move(seen_.note));
}

void Monitor::report_placed(std::string_view name, const std::string& kind, std::string why) {
  impl_.placed_native.fetch_add(1, std::memory_order_relaxed);
  StallNote note;
  note.report.started = std::chrono::system_clock::now();
  note.report.fiber = name;
  note.report.spawn_site = kind;
  note.report.action = observe::StallAction::kPlaced;
  note.report.phase = observe::StallPhase::kEnded;
  note.report.why = std::move(why);
  note.report.advice =
      "make it permanent: spawn it with Placement::kNative, or wrap it in runtime::offload_cpu()";
  reporter_.add(std::move(note));
}

}  // namespace saola::runtime::detail
