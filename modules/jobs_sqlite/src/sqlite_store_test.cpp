#include <saola/jobs_sqlite/sqlite_store.hpp>
#include <saola/testing/temp_folder.hpp>

#include "store_conformance.hpp"

namespace saola::jobs {
namespace {

class SqliteHome final : public StoreHome {
 public:
  std::unique_ptr<Store> open(StoreOptions options) override {
    auto store = jobs_sqlite::open_sqlite_store(
        {.path = folder_.path() + "/jobs.db", .store = std::move(options)});
    if (!store) {
      ADD_FAILURE() << store.error().message();
      return nullptr;
    }
    return *std::move(store);
  }

 private:
  TempFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformance,
                         testing::Values(Backend{"sqlite",
                                                 [] { return std::make_unique<SqliteHome>(); }}),
                         backend_name);

}  // namespace
}  // namespace saola::jobs
