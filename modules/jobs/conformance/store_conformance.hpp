// The suite that every store passes. A store's test instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance, testing::Values(backend), backend_name);
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <saola/jobs/store.hpp>

namespace saola::jobs {

// Time that moves when told. Thread-safe.
class ManualClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return SteadyTime(Duration(now_.load())); }
  SystemTime system_now() const override { return SystemTime(Duration(now_.load())); }
  void advance(Duration by) { now_ += by.count(); }
  Time now() const { return std::chrono::floor<Micros>(system_now()); }

 private:
  // Nanoseconds since the epoch; begins in 2026.
  std::atomic<std::int64_t> now_ = 1'780'000'000'000'000'000;
};

// A store's home: a folder, a database. Ends with the test.
class StoreHome {
 public:
  virtual ~StoreHome() = default;
  // Opens the store of this home; fails the test when that fails.
  virtual std::unique_ptr<Store> open(StoreOptions options) = 0;
};

struct Backend {
  std::string name;
  std::function<std::unique_ptr<StoreHome>()> make;

  // In the names of tests; without it they would hold addresses.
  friend void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }
};

inline std::string backend_name(const testing::TestParamInfo<Backend>& info) {
  return info.param.name;
}

inline std::vector<std::string> ids(const std::vector<Job>& jobs) {
  std::vector<std::string> ids;
  for (const Job& job : jobs) ids.push_back(job.id);
  return ids;
}

// The same random numbers in every run. Thread-safe as far as one store's lock goes.
Random seeded_random(std::uint64_t seed);

class StoreConformance : public testing::TestWithParam<Backend> {
 protected:
  // Opens `store` anew, empty.
  void open(StoreOptions options = {});

  // Enqueues `job`, which must work.
  Job put(NewJob job = {.kind = "split"});
  // Claims one job of kind "split", which must be there.
  Job take(const std::string& owner = "w1");
  std::vector<Job> claim(std::size_t limit, const std::string& owner = "w1");
  Job get(const std::string& id);
  State state(const std::string& id) { return get(id).state; }

  ManualClock clock;
  std::unique_ptr<StoreHome> home;
  std::unique_ptr<Store> store;
  const Deadline soon = Deadline::after(std::chrono::seconds(30));
};

}  // namespace saola::jobs
