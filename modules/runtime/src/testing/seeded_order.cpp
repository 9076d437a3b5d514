#include "testing/seeded_order.hpp"

#include <saola/base/check.hpp>

#include "runtime_impl.hpp"

namespace saola::runtime::detail {

std::atomic<Seeds*> Seeds::current_{nullptr};

Seeds::Seeds(std::uint64_t seed, int slices_per_theft)
    : seed_(seed), slices_per_theft_(slices_per_theft) {
  SAOLA_CHECK(Runtime::Impl::alive.load() == 0,
              "a seeded schedule begins before the Runtimes that it is for are made");
  Seeds* none = nullptr;
  SAOLA_CHECK(current_.compare_exchange_strong(none, this), "there is a seeded schedule already");
}

Seeds::~Seeds() {
  SAOLA_CHECK(Runtime::Impl::alive.load() == 0, "a Runtime outlived its seeded schedule");
  current_.store(nullptr);
}

SeededOrder* Seeds::for_new_loop(const RuntimeOptions& options) {
  Seeds* seeds = current_.load();
  if (seeds == nullptr) return nullptr;
  SAOLA_CHECK(seeds->slices_per_theft_ == 0 || options.on_stall == StallPolicy::kIgnore,
              "a schedule with thefts needs StallPolicy::kIgnore: there is one thief at a time");
  const std::lock_guard lock(seeds->mutex_);
  return &seeds->orders_.emplace_back(seeds->seed_ + seeds->orders_.size(),
                                      seeds->slices_per_theft_);
}

std::vector<std::uint64_t> Seeds::trace() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t> all;
  for (const SeededOrder& order : orders_) {
    all.insert(all.end(), order.trace().begin(), order.trace().end());
  }
  return all;
}

}  // namespace saola::runtime::detail
