// Whether jobs can be taken now, and why not: what /readyz tells.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/jobs/store.hpp>

namespace saola::jobs_web {

// Fails when the file system of `folder` has no room for a job: full, over its quota, read-only,
// gone. Reserves 1 MiB in a file without a name and gives it back; nothing is written or synced.
Result<void> room_for_a_job(const std::string& folder);

// What is looked at besides the store, and whom it informs.
struct StoreHealthOptions {
  const Clock* clock = &real_clock();
  // Whether there is room for a job; empty: not asked.
  std::function<Result<void>()> room;
  // Told whenever the answer changes, and the first one. From a thread of this class.
  std::function<void(bool ready, std::string_view why)> on_change;
};

// Looks every two seconds from a thread of its own: is there room, can the store be read, can its
// lock for writing be had. And listens to what became of enqueues. Thread-safe.
//
//   StoreHealth health(*store, {.room = [] { return room_for_a_job("/var/lib/app"); }});
//   if (auto ready = health.check(); !ready) return not_ready(ready.error());
class StoreHealth {
 public:
  // `store` must outlive it.
  StoreHealth(jobs::Store& store, StoreHealthOptions options);
  // Joins the thread, which may be inside the store for up to a second.
  ~StoreHealth();

  // Whether jobs can be taken; the error says why not. Looks, unless it was done within the last
  // second. Blocks the thread for up to two.
  Result<void> check();
  // The store refused a job for want of something: not ready for the next few seconds. Any thread.
  void refused(const Error& error);
  // The store took one.
  void accepted();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace saola::jobs_web
