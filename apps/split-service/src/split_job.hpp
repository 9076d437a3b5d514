// The job `split`: reads the table, splits it, writes the assignment and the balance report.
#pragma once

#include <saola/base/time.hpp>
#include <saola/jobs/job_context.hpp>
#include <saola/objects/object_store.hpp>

namespace saola::split_service {

inline constexpr std::string_view kSplitKind = "split";

// The largest object that is read, in bytes: the table is held in memory.
inline constexpr std::uint64_t kMaxSourceBytes = std::uint64_t{1} << 30;

// Runs one attempt. Input that cannot be split, and objects that are not there, discard the job at
// once; a store that cannot be reached now lets it be retried. The results are named after the job
// (DESTINATION/STEM.JOB-ID.assignment.csv and .report.json) and each written whole, so a repeated
// attempt replaces what an earlier one left. Stops within milliseconds of a request while it
// searches, downloads or uploads; parsing is not interrupted.
jobs::Outcome run_split(jobs::JobContext& context, objects::ObjectStore& buckets,
                        const Clock& clock);

}  // namespace saola::split_service
