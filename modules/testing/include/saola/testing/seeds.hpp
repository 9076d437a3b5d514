// For tests: the order in which fibers run, drawn by a seed, so that a race that shows once in a
// thousand runs is found in a moment and comes back each time.
//
//   TEST(Account, KeepsEveryDeposit) {
//     testing::for_seeds(200, [](std::uint64_t) {
//       Account account;
//       runtime::TaskGroup group;
//       for (int i = 0; i < 3; ++i) group.spawn([&] { account.deposit(1); });
//       group.join();
//       if (account.balance() != 3) throw std::logic_error("a deposit was lost");
//     });
//   }
//
// A test that fails says "seed 17 of 200: a deposit was lost"; SAOLA_TEST_SEED=17 in the environment
// then runs that seed alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <saola/base/time.hpp>

namespace saola::testing {

struct ScheduleOptions {
  // About one slice in so many is stolen from the loop as it begins, by the same protocol as when the
  // monitor rescues the loop from a hog: the fiber goes on where it is, beside the others, until its
  // next call into runtime. 0: none. Needs a Runtime with StallPolicy::kIgnore.
  int slices_per_theft = 0;
};

// While one lives, a Runtime that is made draws its choices from `seed`: at each switch any of the
// ready fibers, whatever its priority, may be the next.
//
// The same program with the same seed runs its fibers in the same order, provided that it depends on
// nothing but itself: in a VirtualTime, without native tasks, offload_*() or other threads, without
// peers in other processes, and with StallPolicy::kIgnore or kReport (a rescue is an event of real
// time). Thefts come at the same switches too, but from then on the stolen slice and the loop overlap
// on two threads, and what these do to each other is the kernel's choice: with thefts a seed makes a
// failure likely to return, without them certain.
class SeededSchedule {
 public:
  // REQUIRES: one at a time; made before the Runtimes that it is for, and outlives them.
  explicit SeededSchedule(std::uint64_t seed, ScheduleOptions options = {});
  ~SeededSchedule();
  SeededSchedule(const SeededSchedule&) = delete;
  SeededSchedule& operator=(const SeededSchedule&) = delete;

  // Who ran, slice by slice: the ids of the tasks, counted from that of the first that ran. Of
  // several Runtimes one after the other. REQUIRES: none is running.
  std::vector<std::uint64_t> trace() const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

// Thrown by for_seeds(): what() says which seed failed, how, and how to replay it. What the body threw
// is nested in it (std::rethrow_if_nested).
class SeedFailed : public std::runtime_error {
 public:
  SeedFailed(std::uint64_t seed, const std::string& what) : std::runtime_error(what), seed_(seed) {}
  std::uint64_t seed() const { return seed_; }

 private:
  const std::uint64_t seed_;
};

struct SeedsOptions {
  ScheduleOptions schedule = {};
  // A run that takes longer fails; so does one whose tasks wait for each other for ever. Virtual time.
  Duration limit = std::chrono::hours(24);
  // Asked after each run, if not empty: has the test framework noted a failure that was not thrown?
  // With GoogleTest: [] { return ::testing::Test::HasFailure(); }
  std::function<bool()> failed;
};

// Runs `body` under the seeds 1 to `seeds`, or under that of SAOLA_TEST_SEED alone: each time as the
// main fiber of a Runtime of its own, in virtual time, without a monitor that rescues. `body` gets the
// seed, to draw data by. Throws SeedFailed at the first seed under which `body` throws or exceeds the
// limit, or `failed()` says so. When the process is aborted meanwhile (a CHECK, or tasks that wait for
// each other's locks, which nothing can end), standard error says which seed it was. Output of other
// failures names none. REQUIRES: not called from a fiber; no Runtime or VirtualTime is alive.
void for_seeds(std::uint64_t seeds, std::function<void(std::uint64_t seed)> body,
               SeedsOptions options = {});

}  // namespace saola::testing
