#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include <saola/base/log.hpp>
#include <saola/jobs/maintainer.hpp>

namespace saola::jobs {

class Maintainer::Impl {
 public:
  Impl(Store& store, MaintainerOptions options)
      : store_(store),
        options_(options),
        jitter_(static_cast<std::minstd_rand::result_type>(system_random())),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

 private:
  void run(const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "job upkeep");
    SteadyTime next_prune{};
    bool failing = false;
    while (!stop.stop_requested()) {
      const Deadline deadline = Deadline::after(std::chrono::seconds(5));
      auto done = store_.promote_due(deadline);
      if (done) done = store_.rescue_expired(deadline);
      if (done && *done > 0) {
        log_warning("leases of dead workers were taken away", {{"jobs", *done}});
      }
      if (done && std::chrono::steady_clock::now() >= next_prune) {
        done = store_.prune(options_.retention, deadline);
        next_prune = std::chrono::steady_clock::now() + options_.prune_every;
      }
      if (!done && !failing) {
        log_error("the job store's upkeep failed; trying on", {{"error", done.error().message()}});
      }
      failing = !done;
      std::uniform_real_distribution<double> around(0.75, 1.25);
      std::unique_lock lock(mutex_);
      stopped_.wait_for(lock, stop, options_.every * around(jitter_), [] { return false; });
    }
  }

  Store& store_;
  const MaintainerOptions options_;
  std::minstd_rand jitter_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  // Last, so that it ends before what it uses.
  std::jthread thread_;
};

Maintainer::Maintainer(Store& store, MaintainerOptions options)
    : impl_(std::make_unique<Impl>(store, options)) {}
Maintainer::~Maintainer() = default;

}  // namespace saola::jobs
