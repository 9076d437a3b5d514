// Ids of jobs: UUIDv7 (RFC 9562 §5.7), so that ids sort by time of creation in every store.
//
//   JobIdSource ids;
//   ids.next(now, system_random())   // "01939f3e-5c5a-7c12-9d7e-0a6b3f1f2c4d"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <saola/jobs/job.hpp>

namespace saola::jobs {

// Makes ids that grow strictly within this source, also when the clock stands or goes back: the
// time in them then runs ahead of it. Sources of several processes differ by their random bits. Not
// thread-safe.
class JobIdSource {
 public:
  // 36 characters, lower case. 48 bits of milliseconds, 12 of their fraction, 62 of `random`.
  std::string next(Time now, std::uint64_t random);

 private:
  // The latest time given out, in 1/4096 ms.
  std::uint64_t last_ = 0;
};

// Whether `text` is spelled as an id: 8-4-4-4-12 lower-case hexadecimal digits.
bool is_job_id(std::string_view text);

}  // namespace saola::jobs
