// From a look to a rescue. One tick asks, in this order, and stops at the first no:
//
//   the same run as at the last look?   switches is unchanged, and the loop does not sleep
//   long enough?                        one slice of the threshold (a twentieth of it while those
//                                       who waited through another stall have not run), or many
//                                       shorter ones: Occupancy
//   does anybody wait?                  ready fibers, a due timer; perhaps a socket or the inbox
//   its own fault?                      it had a CPU for nine tenths of that time, or slept in the
//                                       kernel: a machine that is too busy is nobody's stall
//   is what was read still true?        the ownership word is unchanged
//   policy                              ignore, report, abort, or rescue: is a thread free? did the
//                                       CAS on the word succeed?
//
// What is known of the present run is in seen_: since (the last pass before the first look, or the
// look before it if that was later: so it may be taken to last up to a quarter of the threshold
// longer than it does, as those who wait have waited since that pass), usage (second look: nobody
// is judged on one), then at most one of
//   handled   nothing more to do until the next switch
//   refused   to be rescued, but no thread was free: counted once, tried again at each look
// and open, while a report without its end is out.
//
// A rescued fiber has an entry in rescues_ until it has left its thread:
//
//   stolen ──somebody waited──► certain ──► counted ──with its stack, or none to be had──► reported
//     │                                                                                      │
//     └─"perhaps": the new carrier says    ┌──────────────── ended_ns is set ────────────────┘
//        kSurely: certain, as above        ▼
//        kNobody: unfounded ────────────► erased (a report of its end, if it was counted)
//
// Invariants:
//
//   * The monitor waits for nobody: it takes no lock that a fiber may hold, starts no thread,
//     writes no log. What must be done slowly (symbols, text) goes to the reporter's thread. Only
//     where it is not to rescue does it wait for the hog's stack, kCapturePatience at most.
//   * A Fiber may end while it is looked at. Its memory stays, and what was read counts only if the
//     word is the same afterwards.
//   * Between stealing = true and false the hog cannot leave its thread, so its Carrier may be
//     written. A Rescue outlives the hog's last touch of it, the store of ended_ns.
//   * The thief owns nothing: after the CAS the word says "stolen", and only the spare that
//     adopt()s the loop may change it.
//   * Exile follows the whole time a hog took, not the moment of the theft: it begins with the
//     theft where that is long already, and is renewed while it goes on and when it ends.

#include "monitor/monitor.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "futex.hpp"
#include "loop/time_slice.hpp"
#include "monitor/stall_advice.hpp"
#include "runtime_impl.hpp"

namespace saola::runtime::detail {
namespace {

using namespace std::chrono_literals;

constexpr Duration kSleepAfterIdle = 100ms;
// How long a stack is waited for when it does not delay a rescue, and how often it is asked again.
constexpr Duration kCapturePatience = 2ms;
constexpr int kMostTries = 25;
constexpr Duration kAskForLocksEvery = 50ms;
constexpr Duration kLookAtTheSideEvery = 20ms;
// How long the log may hold up the end of the process.
constexpr Duration kAbortPatience = 500ms;

// Out of descriptors the kernel's word is not to be had; then a thread that got next to no CPU is taken
// to wait.
bool waits_in_kernel(pid_t tid, Duration cpu, Duration looked) {
  const char state = ThreadProbe::state(tid);
  return state == '?' ? cpu * 10 < looked : state != 'R';
}

}  // namespace

Duration Occupancy::add(std::uint64_t key, Duration taken, SteadyTime now) {
  Bucket* bucket = &buckets_[0];
  for (Bucket& b : buckets_) {
    if (b.key == key) {
      bucket = &b;
      break;
    }
    if (b.last < bucket->last) bucket = &b;  // the one not heard of for longest makes room
  }
  if (bucket->key != key) *bucket = {.key = key};
  const Duration drained = (now - bucket->last) / kDrain;
  bucket->level = std::max(Duration::zero(), bucket->level - drained) + taken;
  bucket->last = now;
  return bucket->level;
}

void Occupancy::forget(std::uint64_t key) {
  for (Bucket& b : buckets_) {
    if (b.key == key) b = {};
  }
}

Monitor::Monitor(Runtime::Impl& impl) : impl_(impl), reporter_(impl.options.stall_sink) {
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
  const SteadyTime now = std::chrono::steady_clock::now();
  if (on) {
    seen_ = {};
    last_tick_ = now;
  } else {
    if (seen_.open) close_stall(now);
    follow_up(now);
    collect_ended(now);
    late_.store(false, std::memory_order_relaxed);
  }
  changed_.notify_all();
}

RuntimeStats Monitor::stats() const {
  RuntimeStats stats;
  stats.stalls = stalls_.load(std::memory_order_relaxed);
  stats.rescues = rescues_total_.load(std::memory_order_relaxed);
  stats.rescues_refused = refused_.load(std::memory_order_relaxed);
  stats.rescued_now = static_cast<std::uint64_t>(rescued_now_.load(std::memory_order_relaxed));
  stats.exiled_kinds = exiled_kinds_.load(std::memory_order_relaxed);
  stats.side_waiting = impl_.loop.side.look().waiting;
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
  const SteadyTime now = std::chrono::steady_clock::now();
  impl_.loop.note_time(now.time_since_epoch().count());
  if (!rescues_.empty()) {
    follow_up(now);
    collect_ended(now);
    complete_report(now);
    look_at_locks(now);
  }
  look_at_the_side(now);
  if (!exiled_.empty()) pardon(now);
  const Duration pause = look_at_the_loop(now);
  last_tick_ = now;
  // An answer is expected, or a decision is open.
  if (question_.open()) return std::min<Duration>(pause, 200us);
  return pause;
}

Duration Monitor::look_at_the_loop(SteadyTime now) {
  Loop& loop = impl_.loop;
  const Loop::Sight sight = loop.look();
  const bool backlog = loop.backlog() > 0;
  if (!backlog && !seen_.refused) late_.store(false, std::memory_order_relaxed);
  Duration threshold = impl_.options.stall_threshold;
  // While those who waited through a stall have not run yet, a twentieth of the patience is left.
  if (backlog) threshold = std::max<Duration>(threshold / 20, 250us);
  const Duration pause = std::clamp<Duration>(threshold / 4, 100us, 5ms);
  if (impl_.carriers.spares() < (backlog ? 2 : CarrierPool::kSpares)) impl_.carriers.want_spares();

  if (!sight.idle) sample_cpu();
  if (sight.switches != seen_.switches) {
    if (!sight.idle && now - loop.last_pass() > 2ms) loop.want_pass();
    if (seen_.open) close_stall(now);
    // It began since the last look; and after the last pass, which is often just before it.
    seen_ = {.switches = sight.switches,
             .since = std::clamp(loop.last_pass(), std::min(last_tick_, now), now)};
    slice_since_ns_.store(seen_.since.time_since_epoch().count(), std::memory_order_relaxed);
    slice_.store(sight.switches, std::memory_order_release);
    return pause;
  }
  if (sight.idle) {
    const bool quiet = rescues_.empty() && exiled_.empty() && loop.side.look().running == 0;
    return now - seen_.since > kSleepAfterIdle && quiet ? Duration::max() : pause;
  }
  if (seen_.handled) return pause;

  Fiber* fiber = loop.running_fiber();
  if (fiber == nullptr) return pause;
  const Duration held = now - seen_.since;
  if (const auto own = fiber->stall_threshold_ns.load(std::memory_order_relaxed); own > 0)
    threshold = Duration(own);
  const bool first_look = seen_.usage_since == SteadyTime{};
  if (first_look) {
    const pid_t tid = loop.carrier_tid();
    seen_.usage = probe_.usage(tid);
    seen_.usage.cpu = ThreadProbe::cpu_time(tid);
    seen_.usage_since = now;
  }
  Suspect suspect{running_word(sight.switches), held, threshold, {}};
  if (held < threshold) {
    // Its slices are short, but they may be many. A fiber with a threshold of its own, or another
    // policy, is judged by the single slice.
    if (fiber->stall_policy.load(std::memory_order_relaxed) == 0 && !backlog &&
        loop.others_wait() == Others::kSurely) {
      const bool of_kind = fiber->learnable.load(std::memory_order_relaxed);
      const std::uint64_t key = of_kind ? fiber->kind_hash.load(std::memory_order_relaxed)
                                        : fiber->id.load(std::memory_order_relaxed);
      const Duration taken = now - std::max(last_tick_, seen_.since);
      suspect.occupied = occupancy_.add(key, taken, now);
      if (suspect.occupied >= 2 * threshold && !first_look) {
        suspect.threshold = held;
        judge(suspect, now);
        if (seen_.handled) occupancy_.forget(key);
      }
    }
    return std::min(pause, std::max<Duration>(threshold - held, 100us));
  }
  // Without two looks nothing is known of its use of the CPU.
  if (!first_look) judge(suspect, now);
  return pause;
}

// What the carrier's thread has used since the last look goes to the fiber that runs now: right on
// average, as the looks fall anywhere, and exact for slices that are long.
void Monitor::sample_cpu() {
  const pid_t tid = impl_.loop.carrier_tid();
  const Duration cpu = ThreadProbe::cpu_time(tid);
  const Duration used = tid == sampled_tid_ ? cpu - sampled_cpu_ : Duration::zero();
  sampled_tid_ = tid;
  sampled_cpu_ = cpu;
  if (Fiber* fiber = impl_.loop.running_fiber()) {
    fiber->cpu_ns.fetch_add(used.count(), std::memory_order_relaxed);
  }
}

std::optional<SteadyTime> Monitor::slice_since(std::uint64_t switches) const {
  if (slice_.load(std::memory_order_acquire) != switches) return std::nullopt;
  const SteadyTime since(Duration(slice_since_ns_.load(std::memory_order_relaxed)));
  return slice_.load(std::memory_order_relaxed) == switches ? std::optional(since) : std::nullopt;
}

void Monitor::judge(const Suspect& suspect, SteadyTime now) {
  Loop& loop = impl_.loop;
  Fiber* fiber = loop.running_fiber();
  const Others others = loop.others_wait();
  if (fiber == nullptr || others == Others::kNobody) return;

  // Its fault, or the machine's? A thread without a CPU holds the loop, but moving the loop would
  // not help. CPU time needs no descriptor, where the rest does: it decides when it can.
  const pid_t tid = loop.carrier_tid();
  const Duration cpu = ThreadProbe::cpu_time(tid) - seen_.usage.cpu;
  const Duration looked = now - seen_.usage_since;
  const bool blocked = cpu * 2 < looked && waits_in_kernel(tid, cpu, looked);
  // A runnable thread may be waiting for a CPU right now, which run_delay does not hold yet: only
  // the CPU it got counts.
  const Duration delay = blocked ? probe_.usage(tid).run_delay - seen_.usage.run_delay : Duration{};
  const Duration own_time = blocked ? looked - delay : cpu;
  if (own_time < std::min(looked, suspect.threshold) * 9 / 10) return;

  auto policy = impl_.options.on_stall;
  if (const auto own = fiber->stall_policy.load(std::memory_order_relaxed); own != 0) {
    policy = static_cast<StallPolicy>(own - 1);
  }
  std::string kind;
  StallNote note =
      describe(*fiber, tid, suspect.word, blocked, policy != StallPolicy::kRescue, kind);
  if (suspect.occupied > Duration::zero()) {
    note.report.why = why_polite(suspect.occupied, suspect.held);
  }
  // What was read of the fiber belongs to this run only if the word still says so, and if it is the
  // fiber of this word: reading the word acquires what was stored before the run began. In a short
  // runtime section the word says kInRuntime; the next look decides.
  if (loop.word() != suspect.word || loop.running_fiber() != fiber) return;
  note.report.duration = suspect.held;
  note.report.started = std::chrono::system_clock::now() - suspect.held;

  switch (policy) {
    case StallPolicy::kIgnore:
      stalls_.fetch_add(1, std::memory_order_relaxed);
      seen_.handled = true;
      return;
    case StallPolicy::kAbort:
      abort_process(std::move(note));
    case StallPolicy::kReport:
      stalls_.fetch_add(1, std::memory_order_relaxed);
      note.report.action = observe::StallAction::kReported;
      seen_.handled = true;
      break;
    case StallPolicy::kRescue: {
      const Outcome outcome =
          rescue(suspect, note, std::move(kind), others == Others::kSurely, now);
      if (outcome != Outcome::kNoThread) {
        seen_.handled = outcome == Outcome::kRescued;
        return;
      }
      // It is tried again at each look; said once.
      impl_.carriers.want_spares();
      loop.note_backlog();
      late_.store(true, std::memory_order_relaxed);
      if (std::exchange(seen_.refused, true)) return;
      stalls_.fetch_add(1, std::memory_order_relaxed);
      refused_.fetch_add(1, std::memory_order_relaxed);
      const int most = impl_.options.max_rescued;
      note.report.why = rescued_now_.load(std::memory_order_relaxed) >= most ? why_refused(most)
                                                                             : why_no_thread();
      note.report.action = observe::StallAction::kReported;
      break;
    }
  }
  seen_.open = true;
  seen_.note = note;
  seen_.since = now - suspect.held;
  reporter_.add(std::move(note));
}

void Monitor::abort_process(StallNote note) {
  note.report.action = observe::StallAction::kAborted;
  reporter_.add(std::move(note));
  // The log may be stuck; the process is to end all the same.
  reporter_.flush(kAbortPatience);
  std::abort();
}

StallNote Monitor::describe(const Fiber& fiber, pid_t tid, std::uint64_t word, bool blocked,
                            bool wait, std::string& kind) {
  StallNote note;
  kind = kind_text(fiber);
  note.report.fiber = fiber.name.get();
  note.report.spawn_site = kind;
  note.report.subject = fiber.activity.get();
  note.report.verdict = blocked ? observe::StallVerdict::kBlocked : observe::StallVerdict::kCpu;
  note.report.advice = advice_for(note.report.verdict);
  if (!blocked) {
    // A rescue does not wait for the stack: it is asked for afterwards.
    if (wait) note.stack = capture_running({.tid = tid, .run_word = word}, kCapturePatience);
    return note;
  }
  // Acquire: the bounds are read before the word.
  if (impl_.loop.word() == word) {
    note.stack = capture_waiting(tid, reinterpret_cast<std::uintptr_t>(fiber.stack.bottom),
                                 reinterpret_cast<std::uintptr_t>(fiber.stack.top()));
  }
  return note;
}

Monitor::Outcome Monitor::rescue(const Suspect& suspect, StallNote note, std::string kind,
                                 bool certain, SteadyTime now) {
  Loop& loop = impl_.loop;
  if (rescued_now_.load(std::memory_order_relaxed) >= impl_.options.max_rescued ||
      impl_.carriers.spares() <= 0) {
    return Outcome::kNoThread;
  }
  loop.stealing.store(true);
  if (!loop.steal(suspect.word)) {
    loop.stealing.store(false);
    return Outcome::kCameBack;
  }
  // The hog cannot leave its thread, nor its Carrier end, until `stealing` is cleared.
  Carrier* hog = loop.running_carrier();
  Fiber* fiber = hog->fiber;
  Rescue& entry = rescues_.emplace_back(*fiber, hog->tid, suspect.word);
  entry.since = seen_.refused ? seen_.since : now - suspect.held;
  entry.kind = std::move(kind);
  entry.kind_hash = fiber->learnable.load(std::memory_order_relaxed)
                        ? fiber->kind_hash.load(std::memory_order_relaxed)
                        : 0;
  entry.certain = certain || seen_.refused;
  entry.polite = suspect.occupied;
  note.report.action = observe::StallAction::kRescued;
  entry.note = std::move(note);
  hog->rescue.store(&entry, std::memory_order_release);
  loop.note_theft(suspect.word, entry.since, sampled_cpu_);  // what is before has been added
  // Before anybody can pick the next one of its kind.
  if (entry.certain &&
      (suspect.held >= impl_.options.stall_threshold || entry.polite > Duration::zero())) {
    exile(entry, suspect.held, now);
  }
  loop.side.stolen();
  impl_.carriers.hand_over(loop);
  // It may have carried the loop with a short one.
  set_time_slice(entry.tid, kDefaultSlice);
  loop.stealing.store(false, std::memory_order_release);
  rescued_now_.fetch_add(1, std::memory_order_relaxed);
  if (seen_.refused) {
    stalls_.fetch_sub(1, std::memory_order_relaxed);  // counted again below, as a rescued one
    seen_.refused = false;
    seen_.open = false;
  }
  if (entry.certain) follow_up(now);
  return Outcome::kRescued;
}

void Monitor::follow_up(SteadyTime now) {
  for (Rescue& entry : rescues_) {
    if (!entry.certain) {
      // One that found nobody was no stall: not counted, not reported, no reason for exile.
      if (entry.unfounded || impl_.loop.found() == Others::kPerhaps) continue;
      entry.certain = impl_.loop.found() == Others::kSurely;
      entry.unfounded = !entry.certain;
      if (entry.unfounded) continue;
    }
    if (!entry.counted) {
      entry.counted = true;
      stalls_.fetch_add(1, std::memory_order_relaxed);
      rescues_total_.fetch_add(1, std::memory_order_relaxed);
      const bool wants_stack = entry.note.report.verdict == observe::StallVerdict::kCpu;
      if (!entry.note.stack.empty() || !wants_stack) report(entry);
    }
    const auto ended = entry.ended_ns.load(std::memory_order_acquire);
    const Duration held = (ended == 0 ? now : SteadyTime(Duration(ended))) - entry.since;
    if (held >= impl_.options.stall_threshold && (ended == 0 || !entry.exiled)) {
      exile(entry, held, now);
      entry.exiled = true;
    }
  }
}

// Called again and again while it goes on: its time begins anew each time.
void Monitor::exile(Rescue& entry, Duration held, SteadyTime now) {
  Exiles& exiles = impl_.loop.exiles;
  if (entry.kind_hash == 0) {
    // Whoever runs in the fiber's block by now is the same task, or comes home in a second.
    exiles.exile_one(entry.fiber, now);
    return;
  }
  if (!exiles.exile_kind(entry.kind_hash, now)) return;
  exiled_[entry.kind_hash] = entry.kind;
  exiled_kinds_.store(exiled_.size(), std::memory_order_relaxed);
  entry.exile_note.emplace();
  observe::StallReport& about = entry.exile_note->report;
  about.started = std::chrono::system_clock::now();
  about.fiber = entry.note.report.fiber;
  about.spawn_site = entry.kind;
  about.action = observe::StallAction::kPlaced;
  about.phase = observe::StallPhase::kBegan;
  about.why = why_exiled(entry.kind, std::max(held, entry.polite), impl_.options.placement_memory);
  about.advice = advice_for_an_exiled_kind();
  if (entry.reported) report_exile(entry);
}

void Monitor::report_exile(Rescue& entry) {
  if (entry.exile_note) reporter_.add(*std::exchange(entry.exile_note, std::nullopt));
}

void Monitor::pardon(SteadyTime now) {
  while (const std::uint64_t hash = impl_.loop.exiles.pardon_one(now)) {
    const auto found = exiled_.find(hash);
    if (found == exiled_.end()) continue;
    StallNote note;
    note.report.started = std::chrono::system_clock::now();
    note.report.spawn_site = found->second;
    note.report.action = observe::StallAction::kPlaced;
    note.report.phase = observe::StallPhase::kEnded;
    note.report.why = why_pardoned(found->second, impl_.options.placement_memory);
    exiled_.erase(found);
    exiled_kinds_.store(exiled_.size(), std::memory_order_relaxed);
    reporter_.add(std::move(note));
  }
}

void Monitor::report(Rescue& entry) {
  entry.reported = true;
  reporter_.add(entry.note);
  report_exile(entry);
}

void Monitor::complete_report(SteadyTime now) {
  if (asked_ != nullptr) {
    std::vector<std::uintptr_t> frames;
    const bool answered = question_.answered(frames);
    if (!answered && now - asked_since_ < kCapturePatience) return;
    if (!answered) question_.withdraw();
    Rescue& entry = *std::exchange(asked_, nullptr);
    entry.note.stack = std::move(frames);
    if (!entry.note.stack.empty() || ++entry.tries == kMostTries) report(entry);
    return;
  }
  // It may have no CPU to answer with. There may be more hogs among those who are late: they go
  // first.
  if (impl_.loop.backlog() > 0) return;
  const auto entry = std::ranges::find_if(rescues_, [](const Rescue& r) {
    return r.counted && !r.reported && r.ended_ns.load(std::memory_order_relaxed) == 0;
  });
  if (entry == rescues_.end() || !question_.ask({.tid = entry->tid, .run_word = entry->word}))
    return;
  asked_ = &*entry;
  asked_since_ = now;
}

void Monitor::collect_ended(SteadyTime now) {
  for (auto entry = rescues_.begin(); entry != rescues_.end();) {
    const auto ended = entry->ended_ns.load(std::memory_order_acquire);
    // Whether it was one at all is known soon.
    if (ended == 0 || (!entry->certain && !entry->unfounded && watching_)) {
      ++entry;
      continue;
    }
    if (asked_ == &*entry) {
      std::vector<std::uintptr_t> frames;
      if (question_.answered(frames)) entry->note.stack = std::move(frames);
      question_.withdraw();
      asked_ = nullptr;
    }
    if (entry->counted) {
      follow_up(now);  // exile by the whole duration
      if (!entry->reported) report(*entry);
      entry->note.report.duration = SteadyTime(Duration(ended)) - entry->since;
      entry->note.report.phase = observe::StallPhase::kEnded;
      reporter_.add(std::move(entry->note));
    }
    rescued_now_.fetch_sub(1, std::memory_order_relaxed);
    entry = rescues_.erase(entry);
  }
}

bool Monitor::demote(pid_t tid, const Fiber* fiber, Duration held) const {
  const RuntimeOptions& options = impl_.options;
  if (options.rescued_nice <= 0 || held < options.demote_after) return false;
  // Those who need its lock would wait for the lowered thread.
  if (fiber == nullptr || fiber->locks_held.load(std::memory_order_relaxed) != 0) return false;
  // Relative to the thread's own; the kernel takes it from the thread, not the process.
  const int own = ::getpriority(PRIO_PROCESS, static_cast<id_t>(tid));
  return ::setpriority(PRIO_PROCESS, static_cast<id_t>(tid),
                       std::min(19, own + options.rescued_nice)) == 0;
}

void Monitor::look_at_the_side(SteadyTime now) {
  Side& side = impl_.loop.side;
  const Side::Sight sight = side.look();
  if (sight.running == 0 && sight.waiting == 0) {
    side_stuck_since_ = {};
    return;
  }
  if (sight.waiting == 0 || sight.picks != side_picks_) {
    side_picks_ = sight.picks;
    side_stuck_since_ = now;
  }
  const bool stuck = now - side_stuck_since_ >= impl_.options.stall_threshold;
  if (!stuck && now - side_looked_ < kLookAtTheSideEvery) return;
  side_looked_ = now;
  int blocked = 0;
  for (Rescue& entry : rescues_) {
    if (entry.ended_ns.load(std::memory_order_acquire) != 0) continue;
    if (stuck && ThreadProbe::state(entry.tid) != 'R') ++blocked;
    if (!entry.demoted.load(std::memory_order_relaxed) &&
        demote(entry.tid, &entry.fiber, now - entry.since)) {
      entry.demoted.store(true, std::memory_order_relaxed);
    }
  }
  side.for_each_carrier([&](Carrier& carrier) {
    if (stuck && ThreadProbe::state(carrier.tid) != 'R') ++blocked;
    const Duration held = now - SteadyTime(Duration(carrier.slice_since_ns));
    if (!carrier.demoted.load(std::memory_order_relaxed) &&
        demote(carrier.tid, carrier.slice_fiber, held)) {
      carrier.demoted.store(true, std::memory_order_relaxed);
    }
  });
  if (stuck) {
    side.allow(std::min(blocked, impl_.options.max_rescued));
  } else if (sight.waiting == 0 && sight.running < impl_.options.side_carriers) {
    side.allow(0);
  }
}

void Monitor::look_at_locks(SteadyTime now) {
  LockQuestion& question = impl_.loop.lock_question;
  if (question.pending.load(std::memory_order_acquire)) return;
  for (int i = 0; i < question.count; ++i) {
    LockQuestion::Asked& asked = question.asked[i];
    const auto entry = std::ranges::find(rescues_, asked.holder, &Rescue::task);
    if (entry == rescues_.end() || asked.tasks == 0) continue;
    const observe::LockWaiters answer{asked.tasks, asked.longest,
                                      std::string(asked.first, asked.first_length)};
    observe::LockWaiters& most = entry->note.report.lock_waiters;
    if (entry->reported && !entry->lock_reported &&
        answer.longest >= impl_.options.stall_threshold) {
      entry->lock_reported = true;
      StallNote note = entry->note;
      note.report.phase = observe::StallPhase::kHoldsLock;
      note.report.duration = now - entry->since;
      note.report.advice = advice_for_a_held_lock();
      note.report.lock_waiters = answer;
      reporter_.add(std::move(note));
    }
    if (answer.tasks >= most.tasks) most = answer;
  }
  question.count = 0;
  if (now - locks_asked_ < kAskForLocksEvery) return;
  locks_asked_ = now;
  for (const Rescue& entry : rescues_) {
    if (question.count == LockQuestion::kMost) break;
    question.asked[question.count++] = {.holder = entry.task};
  }
  question.pending.store(true, std::memory_order_relaxed);
  question.alone = impl_.loop.send(question.node);
}

void Monitor::close_stall(SteadyTime now) {
  seen_.note.report.duration = now - seen_.since;
  seen_.note.report.phase = observe::StallPhase::kEnded;
  seen_.open = false;
  reporter_.add(std::move(seen_.note));
}

}  // namespace saola::runtime::detail
