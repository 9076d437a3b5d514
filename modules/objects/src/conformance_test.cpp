// The memory store, the directory store and the buckets, each against the one suite.
#include <saola/objects/buckets.hpp>
#include <saola/objects/directory_store.hpp>
#include <saola/objects/memory_store.hpp>
#include <saola/testing/temp_folder.hpp>

#include "store_conformance.hpp"

namespace saola::objects {
namespace {

// A new directory, gone with the subject.
struct BoundDirectory {
  TempFolder folder;
  std::unique_ptr<DirectoryStore> store = DirectoryStore::open(folder.path()).value();
};

StoreSubject memory_subject() {
  return {std::make_shared<MemoryStore>(), "samples"};
}

StoreSubject directory_subject() {
  auto bound = std::make_shared<BoundDirectory>();
  return {std::shared_ptr<ObjectStore>(bound, bound->store.get()), "samples"};
}

StoreSubject buckets_subject() {
  auto buckets = std::make_shared<Buckets>();
  EXPECT_TRUE(buckets->add("other", std::make_unique<MemoryStore>()));
  EXPECT_TRUE(buckets->add("samples", std::make_unique<MemoryStore>(), {.writable = true}));
  return {buckets, "samples"};
}

INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance, testing::Values(&memory_subject));
INSTANTIATE_TEST_SUITE_P(Directory, StoreConformance, testing::Values(&directory_subject));
INSTANTIATE_TEST_SUITE_P(Buckets, StoreConformance, testing::Values(&buckets_subject));

TEST(Buckets, OnlyConfiguredOnesCanBeReached) {
  Buckets buckets;
  const auto name = ObjectName::parse("s3://secret/k").value();
  EXPECT_TRUE(fails_with(buckets.stat(name, {}), ErrorCode::kNotFound, "no other is"));
  ASSERT_TRUE(buckets.add("samples", std::make_unique<MemoryStore>()));
  ASSERT_TRUE(buckets.add("archive", std::make_unique<MemoryStore>()));
  const char* expected = "'secret' is not configured; configured buckets: archive, samples";
  EXPECT_TRUE(fails_with(buckets.stat(name, {}), ErrorCode::kNotFound, expected));
  EXPECT_TRUE(fails_with(buckets.get_bytes(name, 1, {}), ErrorCode::kNotFound, expected));
  EXPECT_TRUE(fails_with(buckets.put_bytes(name, "x", {}), ErrorCode::kNotFound, expected));
  EXPECT_TRUE(fails_with(buckets.check("secret"), ErrorCode::kNotFound, expected));
  EXPECT_TRUE(succeeds(buckets.check("archive")));
  EXPECT_EQ(buckets.names(), (std::vector<std::string>{"archive", "samples"}));
}

TEST(Buckets, AreReadOnlyUnlessBoundWritable) {
  Buckets buckets;
  ASSERT_TRUE(buckets.add("samples", std::make_unique<MemoryStore>()));
  ASSERT_TRUE(buckets.add("out", std::make_unique<MemoryStore>(),
                          {.writable = true, .prefix = "results/"}));
  const auto put = [&](const char* name) {
    return buckets.put_bytes(ObjectName::parse(name).value(), "x", {});
  };
  const auto check = [&](const char* prefix) {
    return buckets.check_writable(ObjectPrefix::parse(prefix).value());
  };
  constexpr auto kDenied = ErrorCode::kPermissionDenied;
  EXPECT_TRUE(fails_with(put("s3://samples/a"), kDenied, "'samples' may only be read"));
  EXPECT_TRUE(fails_with(check("s3://samples/"), kDenied, "writable = true"));
  EXPECT_TRUE(fails_with(buckets.remove(ObjectName::parse("s3://samples/a").value(), {}), kDenied));
  EXPECT_TRUE(succeeds(put("s3://out/results/a")));
  EXPECT_TRUE(succeeds(check("s3://out/results/")));
  EXPECT_TRUE(succeeds(check("s3://out/results/deep")));
  for (const char* outside : {"s3://out/a", "s3://out/results"}) {
    EXPECT_TRUE(fails_with(put(outside), kDenied, "under s3://out/results/"));
  }
  for (const char* outside : {"s3://out/", "s3://out/results-too"}) {
    EXPECT_TRUE(fails_with(check(outside), kDenied, "under s3://out/results/"));
  }
  EXPECT_TRUE(succeeds(buckets.remove(ObjectName::parse("s3://out/results/a").value(), {})));
}

TEST(Buckets, BadAndDoubleNamesAreRefused) {
  Buckets buckets;
  EXPECT_TRUE(
      fails_with(buckets.add("a/b", std::make_unique<MemoryStore>()), ErrorCode::kInvalidArgument));
  EXPECT_TRUE(succeeds(buckets.add("a", std::make_unique<MemoryStore>())));
  EXPECT_TRUE(
      fails_with(buckets.add("a", std::make_unique<MemoryStore>()), ErrorCode::kAlreadyExists));
}

}  // namespace
}  // namespace saola::objects
