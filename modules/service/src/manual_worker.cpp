#include "manual_worker.hpp"

#include <array>
#include <utility>

#include <saola/base/check.hpp>
#include <saola/base/exception_text.hpp>

namespace saola::service {
namespace {

Deadline soon() {
  return Deadline::after(std::chrono::seconds(5));
}

// Progress and checkpoints go to the store at once; a cancel is seen with each of them, and with
// each look at the stop token.
class ManualAttempt final : public jobs::JobContext {
 public:
  ManualAttempt(jobs::Store& store, jobs::Job job) : store_(store), job_(std::move(job)) {}

  const jobs::Job& job() const override { return job_; }
  std::stop_token stop_token() const override {
    look();
    return stop_.get_token();
  }
  jobs::StopReason stop_reason() const override {
    return stop_.stop_requested() ? jobs::StopReason::kCancelRequested : jobs::StopReason::kNone;
  }
  Deadline deadline() const override {
    return job_.timeout.count() > 0 ? Deadline::after(job_.timeout) : Deadline::never();
  }
  void progress(double fraction, std::string_view message) override {
    std::ignore = store_.set_progress(job_.token(), {fraction, std::string(message)}, soon());
  }
  Result<void> save_checkpoint(std::string_view bytes) override {
    return store_.set_checkpoint(job_.token(), bytes, soon());
  }

 private:
  void look() const {
    const std::array token{job_.token()};
    const auto states = store_.lease_states(token, soon());
    if (states && states->front() != jobs::LeaseState::kHeld) stop_.request_stop();
  }

  jobs::Store& store_;
  const jobs::Job job_;
  mutable std::stop_source stop_;
};

jobs::Outcome run(const jobs::Handler& handler, jobs::JobContext& context) {
  try {
    return handler(context);
  } catch (...) {
    return jobs::Retry{exception_text(std::current_exception())};
  }
}

// Visits the outcome of an attempt.
struct Write {
  jobs::Store& store;
  const jobs::LeaseToken token;

  Result<void> operator()(const jobs::Done& done) {
    return store.complete(token, done.result, soon());
  }
  Result<void> operator()(const jobs::Retry& retry) {
    return store.fail(token, {.text = retry.error, .retry_after = retry.after}, soon());
  }
  Result<void> operator()(const jobs::Discard& discard) {
    return store.fail(token, {.text = discard.error, .next = jobs::FailRequest::Next::kDiscard},
                      soon());
  }
  Result<void> operator()(const jobs::Cancelled&) { return store.confirm_cancelled(token, soon()); }
  Result<void> operator()(const jobs::Snooze& snooze) {
    return store.snooze(token, snooze.delay, soon());
  }
};

}  // namespace

int run_available_jobs(jobs::Store& store, const std::map<std::string, jobs::Handler>& handlers) {
  jobs::ClaimRequest request{.owner = "test"};
  for (const auto& [kind, handler] : handlers) request.kinds.push_back(kind);
  int attempts = 0;
  while (true) {
    auto claimed = store.claim(request, soon());
    SAOLA_CHECK(claimed, "a store in memory gives jobs out");
    if (claimed->empty()) return attempts;
    for (jobs::Job& job : *claimed) {
      const jobs::Handler& handler = handlers.at(job.kind);
      const jobs::LeaseToken token = job.token();
      ManualAttempt attempt(store, std::move(job));
      // kConflict: the function itself has given its lease away.
      std::ignore = std::visit(Write{store, token}, run(handler, attempt));
      ++attempts;
    }
  }
}

}  // namespace saola::service
