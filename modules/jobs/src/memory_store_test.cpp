#include <saola/jobs/memory_store.hpp>

#include "store_conformance.hpp"

namespace saola::jobs {
namespace {

class MemoryHome final : public StoreHome {
 public:
  std::unique_ptr<Store> open(StoreOptions options) override {
    return make_memory_store(std::move(options));
  }
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance,
                         testing::Values(Backend{"memory",
                                                 [] { return std::make_unique<MemoryHome>(); }}),
                         backend_name);

}  // namespace
}  // namespace saola::jobs
