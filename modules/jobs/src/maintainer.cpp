#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include <saola/base/log.hpp>
#include <saola/jobs/maintainer.hpp>
#include <saola/jobs/owner.hpp>

#include "lease_watch.hpp"
#include "pruner.hpp"

namespace saola::jobs {
namespace {

constexpr std::chrono::seconds kPatience(5);
// Looks that are this many intervals apart were held up: by a pause of the machine or this process,
// or by the store.
constexpr int kGap = 10;

}  // namespace

class Maintainer::Impl {
 public:
  Impl(Store& store, MaintainerOptions options)
      : store_(store),
        options_(std::move(options)),
        watch_(options_.every * kGap),
        jitter_(static_cast<std::minstd_rand::result_type>(system_random())),
        pruner_(store, options_),
        owner_lives_(options_.owner_lives
                         ? options_.owner_lives
                         : [beats = std::make_shared<OwnerBeats>()](
                               const std::string& owner) { return beats->lives(owner); }),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

 private:
  void run(const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "job upkeep");
    bool failing = false;
    while (!stop.stop_requested()) {
      const Deadline deadline = Deadline::after(kPatience);
      auto done = store_.promote_due(deadline);
      if (done) done = rescue(deadline);
      if (!done) watch_.forget();
      if (!done && !failing) {
        log_error("the job store's upkeep failed; will keep retrying",
                  {{"error", done.error().message()}});
      }
      failing = !done;
      std::uniform_real_distribution<double> around(0.75, 1.25);
      std::unique_lock lock(mutex_);
      stopped_.wait_for(lock, stop, options_.every * around(jitter_), [] { return false; });
    }
  }

  // Frees the jobs of processes of this machine that are no more, and takes them out of `leases`.
  Result<void> release_dead(std::vector<LeaseSeen>& leases, Deadline deadline) {
    std::set<std::string> dead;
    for (const LeaseSeen& lease : leases) {
      if (is_dead_owner(lease.token.owner)) dead.insert(lease.token.owner);
    }
    for (const std::string& owner : dead) {
      const auto count = store_.release_owner(owner, deadline);
      if (!count) return fail(count);
      if (*count == 0) continue;
      log_warning("a task worker died; its jobs run again", {{"owner", owner}, {"jobs", *count}});
    }
    std::erase_if(leases, [&](const LeaseSeen& lease) { return dead.contains(lease.token.owner); });
    return {};
  }

  // Takes leases from owners that let them expire; how many.
  Result<std::size_t> rescue(Deadline deadline) {
    auto leases = store_.leases(deadline);
    if (!leases) return fail(leases);
    if (auto done = release_dead(*leases, deadline); !done) return fail(done);
    watch_.look(*leases, std::chrono::steady_clock::now());
    bool doubtful = false;
    for (const LeaseSeen& lease : watch_.overdue(std::chrono::steady_clock::now())) {
      if (owner_lives_(lease.token.owner)) {
        watch_.renewed(lease, std::chrono::steady_clock::now());
      } else {
        doubtful = true;
      }
    }
    if (!doubtful) return 0;
    const SteadyTime before = std::chrono::steady_clock::now();
    if (auto works = store_.probe(deadline); !works) return fail(works);
    const SteadyTime now = std::chrono::steady_clock::now();
    // A write that had to wait proves that others had to wait too.
    if (now - before > options_.every) {
      watch_.forget();
      return 0;
    }
    const std::vector<LeaseSeen> expired = watch_.expired(now);
    if (expired.empty()) return 0;
    const auto taken = store_.take_back(expired, deadline);
    if (taken && *taken > 0) {
      log_warning("jobs were taken from workers that did not renew their leases",
                  {{"jobs", *taken}, {"worker", expired.front().token.owner}});
      options_.on_rescue(*taken);
    }
    return taken;
  }

  Store& store_;
  const MaintainerOptions options_;
  LeaseWatch watch_;
  std::minstd_rand jitter_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  const Pruner pruner_;
  const std::function<bool(const std::string& owner)> owner_lives_;
  // Last, so that it ends before what it uses.
  std::jthread thread_;
};

Maintainer::Maintainer(Store& store, MaintainerOptions options)
    : impl_(std::make_unique<Impl>(store, std::move(options))) {}
Maintainer::~Maintainer() = default;

}  // namespace saola::jobs
