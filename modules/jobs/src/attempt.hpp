// One attempt at a job, between the thread that runs its handler and the keeper that speaks to the
// store for it.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include <saola/jobs/job_context.hpp>
#include <saola/jobs/store.hpp>

#include "mailbox.hpp"

namespace saola::jobs {

// A checkpoint on its way to the store.
struct CheckpointRequest {
  std::string bytes;
  std::promise<Result<void>> done;
};

class Attempt final : public JobContext {
 public:
  // `notify` wakes the keeper; it takes no lock.
  Attempt(Job job, std::function<void()> notify);

  // The handler's thread.
  void run(const Handler& handler);
  const Job& job() const override { return job_; }
  std::stop_token stop_token() const override { return stop_.get_token(); }
  StopReason stop_reason() const override { return reason_.load(std::memory_order_acquire); }
  Deadline deadline() const override { return deadline_; }
  void progress(double fraction, std::string_view message) override;
  Result<void> save_checkpoint(std::string_view bytes) override;

  // The keeper.
  LeaseToken token() const { return job_.token(); }
  // The first reason stays, but a lost lease overrides all.
  void request_stop(StopReason reason);
  bool finished() const { return finished_.load(std::memory_order_acquire); }
  std::unique_ptr<Progress> take_progress() { return progress_.take(); }
  std::unique_ptr<CheckpointRequest> take_checkpoint() { return checkpoint_.take(); }
  // Writes how the attempt ended to the store. REQUIRES: finished().
  Result<void> store_outcome(Store& store, Deadline deadline) const;
  // For the log. REQUIRES: finished().
  std::string_view outcome_name() const;

 private:
  const Job job_;
  const std::function<void()> notify_;
  const Deadline deadline_;
  std::stop_source stop_;
  // Set before stop_ is requested.
  std::atomic<StopReason> reason_ = StopReason::kNone;
  Mailbox<Progress> progress_;
  Mailbox<CheckpointRequest> checkpoint_;
  // Written by the handler's thread before finished_ becomes true (release), read after (acquire).
  Outcome outcome_;
  std::atomic<bool> finished_ = false;
};

}  // namespace saola::jobs
