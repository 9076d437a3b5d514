#include "store_conformance.hpp"

namespace saola::jobs {

Random seeded_random(std::uint64_t seed) {
  // Shared because the function object is copied with its StoreOptions.
  const auto engine = std::make_shared<std::mt19937_64>(seed);
  return [engine] { return (*engine)(); };
}

void StoreConformance::open(StoreOptions options) {
  store.reset();
  home = GetParam().make();
  options.clock = &clock;
  store = home->open(std::move(options));
}

Job StoreConformance::put(NewJob job) {
  auto enqueued = store->enqueue(job, soon);
  if (!enqueued) {
    ADD_FAILURE() << enqueued.error().message();
    return {};
  }
  return enqueued->job;
}

std::vector<Job> StoreConformance::claim(std::size_t limit, const std::string& owner) {
  auto jobs = store->claim({.owner = owner, .kinds = {"split"}, .limit = limit}, soon);
  if (!jobs) {
    ADD_FAILURE() << jobs.error().message();
    return {};
  }
  return *std::move(jobs);
}

Job StoreConformance::take(const std::string& owner) {
  std::vector<Job> jobs = claim(1, owner);
  if (jobs.size() != 1) {
    ADD_FAILURE() << "nothing to claim";
    return {.lease = Lease{}};
  }
  return std::move(jobs.front());
}

Job StoreConformance::get(const std::string& id) {
  auto job = store->get(id, soon);
  if (!job) {
    ADD_FAILURE() << job.error().message();
    return {};
  }
  return *std::move(job);
}

}  // namespace saola::jobs
