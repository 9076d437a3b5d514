// A store in this process's memory: for tests, and the oracle of every other store. Nothing in it
// survives the process.
#pragma once

#include <memory>

#include <saola/jobs/store.hpp>

namespace saola::jobs {

std::unique_ptr<Store> make_memory_store(StoreOptions options = {});

}  // namespace saola::jobs
