// Removes the objects that a job has written when the job is pruned.
//
// An object is the job's own when
//   * its result has a member X "s3://bucket/key" beside a member X_sha256,
//   * the bucket's binding says `prune = true` and the key lies where results may be written,
//   * the key contains the job's id, so that it is no other job's, and
//   * its bytes still have that checksum: nobody has replaced it since.
// All else stays.
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/jobs/job.hpp>
#include <saola/objects/buckets.hpp>
#include <saola/observe/metrics.hpp>

namespace saola::service {

// What became of the objects of pruned jobs.
class PrunedObjects {
 public:
  // Adds saola_pruned_objects_total{outcome}.
  void declare(observe::MetricTable& table);
  // Where these are counted; declare() was called before.
  void count_in(const observe::MetricSlot& slot);

  observe::Counter removed;
  observe::Counter replaced;  // left, as they are no longer what the job wrote
  observe::Counter failed;    // attempts that failed

 private:
  observe::CounterId removed_{};
  observe::CounterId replaced_{};
  observe::CounterId failed_{};
};

// For one thread.
class ResultRemover {
 public:
  // `buckets` must outlive it.
  ResultRemover(objects::Buckets& buckets, PrunedObjects counts, const Clock& clock = real_clock());

  // Removes the own objects of `job`, a completed one, which may be gone already. An error means
  // that one of them may still be there; the first of a row of them in a bucket is logged. A bucket
  // that is away is then left alone for half a minute, so that it holds up no other's jobs.
  Result<void> remove_objects_of(const jobs::Job& job, const std::stop_token& stop);

 private:
  struct Trouble {
    Error error;
    SteadyTime until;
  };

  Result<void> remove(const objects::ObjectName& name, std::string_view sha256,
                      const std::stop_token& stop);

  objects::Buckets& buckets_;
  PrunedObjects counts_;
  const Clock& clock_;
  std::map<std::string, Trouble> in_trouble_;  // by bucket
};

}  // namespace saola::service
