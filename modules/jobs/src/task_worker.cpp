// The life of an attempt, and who moves it:
//
//                 claimer                     a job thread                keeper
//   available ──────────────► running ──────────────────────► finished ──────────────► stored, gone
//   (the store)  claim() and   live_       its handler has      live_,     the store took its end,
//                dispatch()                returned             unstored_  or refused it for good
//
// At any time before "finished" the keeper, or stop(), may ask it to stop; the reason is set once,
// but a lost lease overrides every other. What the handler then returns is stored as what the
// reason calls for (Attempt::store_outcome()); after a lost lease nothing is stored.
//
// Invariants:
//
//   * free_ is the number of job threads without work. dispatch() takes one, the keeper gives it
//     back when it first sees the attempt finished, whether or not the store takes the end. So
//     never more than options_.threads handlers run, while live_ may hold more: those whose end is
//     not stored.
//   * An attempt is in live_ from before its handler starts until its end is stored: as long as it
//     is there its lease is renewed.
//   * Job threads may have the lowest priority. They never take mutex_ and never call the store:
//     they post to mailboxes and write to event_, so a thread that the kernel has set aside holds
//     up nobody.
//   * The keeper alone speaks to the store for attempts (stop() at its very end excepted, when
//     handlers are given up). Every call has a deadline, and after each kind of call the keeper
//     looks whether leases are due, so that a slow store holds up a renewal as little as may be.
//   * The claimer holds nothing while it waits: a claim whose answer was lost is found in the store
//     by its owner's name and given back (return_strays()).
//
// When the process dies at any point, the store has the job running under a lease that nobody
// renews: it runs again. When it dies between the handler's end and the store's answer, the work
// was done twice. That is what "at least once" means.

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <saola/base/check.hpp>
#include <saola/base/log.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/futures/executor.hpp>
#include <saola/jobs/task_worker.hpp>

#include "attempt.hpp"

namespace saola::jobs {
namespace {

constexpr std::chrono::seconds kPause(1);  // after a failure of the store
constexpr std::chrono::seconds kPatience(5);

// Whether the store has said its last word about the end of an attempt. After any other failure a
// result is kept and tried again: a disk can be mounted again, a backup put back.
bool is_final(const Error& error) {
  return error.code() == ErrorCode::kConflict || error.code() == ErrorCode::kNotFound ||
         error.code() == ErrorCode::kInvalidArgument || error.code() == ErrorCode::kTooLarge;
}

}  // namespace

// Three kinds of threads. The claimer takes jobs from the store. The job threads run handlers,
// maybe at low priority; they touch neither the store nor a lock that the others need, but post to
// mailboxes. The keeper speaks to the store for all attempts: leases, progress, checkpoints, ends.
class TaskWorker::Impl {
 public:
  Impl(Store& store, std::map<std::string, Handler> handlers, TaskWorkerOptions options)
      : store_(store), handlers_(std::move(handlers)), options_(std::move(options)) {
    SAOLA_CHECK(!options_.owner.empty() && options_.threads > 0,
                "a task worker needs an owner's name and at least one thread");
  }

  ~Impl() {
    stop(Deadline::at({}), Deadline::at({}));
    // Handlers may still wait for the keeper.
    threads_.reset();
    if (!keeper_.joinable()) return;
    keeper_.request_stop();
    notify();
    keeper_.join();
  }

  void start() {
    SAOLA_CHECK(!threads_, "a task worker is started once");
    event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    SAOLA_CHECK(event_, "no descriptor is left to start a task worker");
    free_ = options_.threads;
    threads_ = std::make_unique<futures::ThreadPoolExecutor>(
        futures::ExecutorOptions{.max_workers = options_.threads,
                                 .name = "job",
                                 .initializer = options_.on_job_thread_start});
    keeper_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
    claimer_ = std::jthread([this](const std::stop_token& stop) { claim_jobs(stop); });
  }

  void stop_claiming() { claimer_.request_stop(); }

  int stop(Deadline drain, Deadline give_up) {
    const std::lock_guard one_at_a_time(stop_mutex_);
    stop_claiming();
    if (claimer_.joinable()) claimer_.join();
    std::unique_lock lock(mutex_);
    const auto idle = [&] { return live_.empty(); };
    if (wait_until(lock, drain, idle)) return 0;
    for (const auto& attempt : live_) attempt->request_stop(StopReason::kShutdown);
    if (wait_until(lock, give_up, idle)) return 0;
    std::vector<LeaseToken> left;
    int still_run = 0;
    for (const auto& attempt : live_) {
      if (attempt->stop_reason() == StopReason::kLeaseLost) continue;
      if (attempt->finished()) continue;  // the keeper goes on trying to store it
      attempt->request_stop(StopReason::kLeaseLost);
      left.push_back(attempt->token());
    }
    still_run = static_cast<int>(
        std::ranges::count_if(live_, [](const auto& attempt) { return !attempt->finished(); }));
    lock.unlock();
    for (const LeaseToken& token : left) requeue(token);
    return still_run;
  }

  std::vector<RunningJob> running() const {
    const std::lock_guard lock(mutex_);
    std::vector<RunningJob> jobs;
    for (const auto& attempt : live_) {
      const Job& job = attempt->job();
      if (!attempt->finished()) jobs.push_back({job.id, job.kind, job.attempt});
    }
    return jobs;
  }

 private:
  // Shared by the keeper's list and the thread that runs the handler, which may outlive it there.
  using AttemptPtr = std::shared_ptr<Attempt>;

  template <typename Condition>
  bool wait_until(std::unique_lock<std::mutex>& lock, Deadline deadline, Condition condition) {
    if (!deadline.is_never()) return changed_.wait_until(lock, deadline.time(), condition);
    changed_.wait(lock, condition);
    return true;
  }

  // Wakes the keeper; takes no lock.
  void notify() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the keeper is awake.
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
  }

  void requeue(const LeaseToken& token) {
    const auto done = store_.requeue(token, Deadline::after(kPatience));
    if (done || done.error().code() == ErrorCode::kConflict) return;
    log_warning("a job could not be given back; it runs again when its lease expires",
                {{"job", token.job_id}, {"error", done.error().message()}});
  }

  // Logs the first failure of a row of them.
  void report(bool& failing, const Error* error, std::string_view what) {
    if (error != nullptr && !failing) {
      log_error(what, {{"worker", options_.owner}, {"error", error->message()}});
    }
    failing = error != nullptr;
  }

  void claim_jobs(const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "job claimer");
    ClaimRequest request{
        .owner = options_.owner, .queues = options_.queues, .lease = options_.lease};
    for (const auto& [kind, handler] : handlers_) request.kinds.push_back(kind);
    bool failing = false;
    while (!stop.stop_requested()) {
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return free_ > 0; })) return;
        request.limit = static_cast<std::size_t>(free_);
      }
      const std::uint64_t mark = store_.work_mark();
      auto claimed = store_.claim(request, Deadline::after(kPatience));
      if (claimed && failing) return_strays();
      report(failing, claimed ? nullptr : &claimed.error(),
             "cannot claim jobs; will keep retrying");
      if (!claimed) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, stop, kPause, [] { return false; });
      } else if (claimed->empty()) {
        // While others run, one of them may be what the next has to wait for: a suspect runs alone.
        const bool idle = request.limit == static_cast<std::size_t>(options_.threads);
        store_.wait_for_work(mark, Deadline::after(idle ? kPatience : kPause), stop);
      }
      if (!claimed) continue;
      for (Job& job : *claimed) {
        if (stop.stop_requested()) {
          requeue(job.token());
        } else {
          dispatch(std::move(job));
        }
      }
    }
  }

  // Gives back what a claim took without anybody hearing of it: its commit went through, its answer
  // did not come.
  void return_strays() {
    const auto leases = store_.leases(Deadline::after(kPatience));
    if (!leases) return;
    for (const LeaseSeen& lease : *leases) {
      if (lease.token.owner != options_.owner) continue;
      {
        const std::lock_guard lock(mutex_);
        const bool ours = std::ranges::any_of(
            live_, [&](const auto& attempt) { return attempt->token() == lease.token; });
        if (ours) continue;
      }
      requeue(lease.token);
    }
  }

  void dispatch(Job job) {
    const Handler& handler = handlers_.at(job.kind);
    log_info("job started", {{"job", job.id}, {"kind", job.kind}, {"attempt", job.attempt}});
    auto attempt = std::make_shared<Attempt>(std::move(job), [this] { notify(); });
    {
      const std::lock_guard lock(mutex_);
      --free_;
      live_.push_back(attempt);
    }
    threads_->submit([this, attempt, &handler] {
      attempt->run(handler);
      options_.after_job();
    });
  }

  void keep(const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), kKeeperThread);
    SteadyTime next_tick{};
    next_renewal_ = now() + options_.renew_every;
    while (!stop.stop_requested()) {
      wait_for_mail(min(Deadline::at(next_tick), Deadline::after(options_.tick)));
      std::vector<AttemptPtr> live;
      {
        const std::lock_guard lock(mutex_);
        live = live_;
      }
      // Leases first, after a pause above all; and no other call that waits for the store may hold
      // up the next renewal.
      renew_when_due(live);
      for (const AttemptPtr& attempt : live) {
        save_checkpoint(*attempt);
        renew_when_due(live);
      }
      if (now() >= next_tick) {
        next_tick = now() + options_.tick;
        look(live);
        renew_when_due(live);
      }
      for (const AttemptPtr& attempt : live) {
        if (attempt->finished()) store_outcome(attempt);
        renew_when_due(live);
      }
    }
  }

  static SteadyTime now() { return std::chrono::steady_clock::now(); }

  void wait_for_mail(Deadline deadline) {
    pollfd event{event_.get(), POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining());
    ::poll(&event, 1, static_cast<int>(left.count()));
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(event_.get(), &count, sizeof count);
  }

  void save_checkpoint(Attempt& attempt) {
    const auto request = attempt.take_checkpoint();
    if (!request) return;
    request->done.set_value(
        store_.set_checkpoint(attempt.token(), request->bytes, Deadline::after(kPatience)));
  }

  void renew_when_due(const std::vector<AttemptPtr>& live) {
    if (now() < next_renewal_) return;
    next_renewal_ = now() + options_.renew_every;
    const std::vector<LeaseToken> tokens = tokens_of(live);
    if (tokens.empty()) return;
    const auto states = store_.renew(tokens, options_.lease, Deadline::after(kPatience));
    report(renewal_failing_, states ? nullptr : &states.error(),
           "leases cannot be renewed; will keep retrying");
    if (states) {
      obey(live, *states);
    } else {
      next_renewal_ = now() + options_.tick;
    }
  }

  // What is noticed every tick: cancel requests, lost leases, time limits, progress.
  void look(const std::vector<AttemptPtr>& live) {
    const std::vector<LeaseToken> tokens = tokens_of(live);
    if (tokens.empty()) return;
    if (const auto states = store_.lease_states(tokens, until_renewal(kPatience))) {
      obey(live, *states);
    }
    for (const AttemptPtr& attempt : live) {
      if (attempt->deadline().passed()) attempt->request_stop(StopReason::kTimedOut);
    }
    store_progress(live);
  }

  // For at most a tick, and never longer than until leases are due: with a slow store the attempts
  // take turns. What cannot be stored is old news soon; a lost lease shows in lease_states().
  void store_progress(const std::vector<AttemptPtr>& live) {
    const Deadline end = until_renewal(options_.tick);
    for (std::size_t i = 0; i < live.size() && !end.passed(); ++i) {
      Attempt& attempt = *live[progress_turn_++ % live.size()];
      const auto progress = attempt.take_progress();
      if (!progress || attempt.finished()) continue;
      (void)store_.set_progress(attempt.token(), *progress, until_renewal(kPause));
    }
  }

  // In `patience` from now, but when leases are due at the latest.
  Deadline until_renewal(Duration patience) const {
    return min(Deadline::after(patience), Deadline::at(next_renewal_));
  }

  static std::vector<LeaseToken> tokens_of(const std::vector<AttemptPtr>& live) {
    std::vector<LeaseToken> tokens;
    for (const AttemptPtr& attempt : live) tokens.push_back(attempt->token());
    return tokens;
  }

  static void obey(const std::vector<AttemptPtr>& live, const std::vector<LeaseState>& states) {
    for (std::size_t i = 0; i < live.size(); ++i) {
      if (states[i] == LeaseState::kLost) live[i]->request_stop(StopReason::kLeaseLost);
      if (states[i] == LeaseState::kCancelRequested) {
        live[i]->request_stop(StopReason::kCancelRequested);
      }
    }
  }

  void store_outcome(const AttemptPtr& attempt) {
    const bool first = unstored_.emplace(attempt.get(), SteadyTime{}).second;
    if (first) {
      // The handler's thread is free, whether or not the store takes the outcome at once.
      const std::lock_guard lock(mutex_);
      ++free_;
    }
    changed_.notify_all();
    SteadyTime& next_try = unstored_.at(attempt.get());
    if (now() < next_try) return;
    const auto stored = attempt->store_outcome(store_, Deadline::after(kPatience));
    const Job& job = attempt->job();
    if (!stored && !is_final(stored.error())) {
      next_try = now() + kPause;
      if (first) {
        log_error("the end of a job cannot be stored yet; it is kept and tried again",
                  {{"job", job.id}, {"error", stored.error().message()}});
      }
      return;
    }
    if (stored) {
      log_info("job ended", {{"job", job.id},
                             {"kind", job.kind},
                             {"attempt", job.attempt},
                             {"outcome", attempt->outcome_name()}});
    } else {
      log_warning("the end of a job was refused",
                  {{"job", job.id}, {"attempt", job.attempt}, {"error", stored.error().message()}});
    }
    unstored_.erase(attempt.get());
    {
      const std::lock_guard lock(mutex_);
      std::erase(live_, attempt);
    }
    changed_.notify_all();
  }

  Store& store_;
  const std::map<std::string, Handler> handlers_;
  const TaskWorkerOptions options_;

  unique_fd event_;

  // Used by the keeper only: finished attempts whose end is not stored, and when to try next.
  std::map<const Attempt*, SteadyTime> unstored_;
  bool renewal_failing_ = false;
  SteadyTime next_renewal_{};
  std::size_t progress_turn_ = 0;  // of store_progress(): counts attempts, modulo those that live

  std::mutex stop_mutex_;
  // Never taken by a job thread.
  mutable std::mutex mutex_;
  // Guarded by mutex_. Attempts from claim until their end is stored; job threads without work.
  std::vector<AttemptPtr> live_;
  int free_ = 0;
  std::condition_variable_any changed_;

  std::unique_ptr<futures::ThreadPoolExecutor> threads_;
  std::jthread keeper_;
  std::jthread claimer_;
};

TaskWorker::TaskWorker(Store& store, std::map<std::string, Handler> handlers,
                       TaskWorkerOptions options)
    : impl_(std::make_unique<Impl>(store, std::move(handlers), std::move(options))) {}
TaskWorker::~TaskWorker() = default;

void TaskWorker::start() {
  impl_->start();
}
void TaskWorker::stop_claiming() {
  impl_->stop_claiming();
}
int TaskWorker::stop(Deadline drain, Deadline give_up) {
  return impl_->stop(drain, give_up);
}
std::vector<RunningJob> TaskWorker::running() const {
  return impl_->running();
}

}  // namespace saola::jobs
