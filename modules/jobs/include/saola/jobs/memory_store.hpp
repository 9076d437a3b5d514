// A store in this process's memory: for tests, and the oracle of every other store. Nothing in it
// survives the process, and no other process sees it.
//
//   const auto store = make_memory_store({.clock = &test_clock});
//   ASSERT_TRUE(store->enqueue({.kind = "split"}, Deadline::never()));
#pragma once

#include <memory>

#include <saola/jobs/store.hpp>

namespace saola::jobs {

// A new, empty store. Passes the suite of conformance/ by scanning all its jobs: every call is
// linear in their number and holds the store's one lock. bytes() counts the jobs and their texts,
// not the allocator's overhead.
std::unique_ptr<Store> make_memory_store(StoreOptions options = {});

}  // namespace saola::jobs
