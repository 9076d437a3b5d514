// The job `split`: reads the table, splits it, writes the assignment and the balance report.
#pragma once

#include <saola/base/time.hpp>
#include <saola/jobs/job_context.hpp>
#include <saola/objects/object_store.hpp>
#include <saola/split/read.hpp>

namespace saola::split_service {

inline constexpr std::string_view kSplitKind = "split";

// What a source may be: the table is held in memory.
struct SourceLimits {
  // Of the object itself.
  std::uint64_t bytes = std::uint64_t{1} << 30;
  split::ReadLimits table = {};
};

// Runs one attempt. Input that cannot be split, and objects that are not there, discard the job at
// once; a store that cannot be reached now lets it be retried. The destination is tried with a
// small write before the work. The results are named after the attempt
// (DESTINATION/STEM.JOB-ID.ATTEMPT.assignment.csv and .report.json), each written whole; the job's
// result names those of the attempt that completed, with their SHA-256. When they cannot be written
// the outcome is kept in the checkpoint, and the next attempt only writes them. Stops within
// milliseconds of a request while it searches, downloads or uploads; parsing is not interrupted.
jobs::Outcome run_split(jobs::JobContext& context, objects::ObjectStore& buckets,
                        const Clock& clock, const SourceLimits& limits = {});

// Runs the job `check`: reads the source of the same request and says what a split would work on, as
// `saola split --check` does. Writes nothing.
jobs::Outcome run_check(jobs::JobContext& context, objects::ObjectStore& buckets,
                        const SourceLimits& limits = {});

}  // namespace saola::split_service
