// The one suite every store passes. Include it in one test file of a store's test program and
// instantiate it:
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance, testing::Values(make_memory_subject));
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <saola/objects/object_store.hpp>
#include <saola/testing/temp_folder.hpp>

#include "result_matchers.hpp"

namespace saola::objects {

// A store to be tested, the bucket in it that may be used, and whatever must live as long.
struct StoreSubject {
  std::shared_ptr<ObjectStore> store;
  std::string bucket;
};

class StoreConformance : public testing::TestWithParam<StoreSubject (*)()> {
 protected:
  void SetUp() override {
    subject_ = GetParam()();
    ASSERT_NE(subject_.store, nullptr);
  }

  ObjectStore& store() { return *subject_.store; }
  // Keys of one case do not meet those of another, even in a store that outlives it.
  ObjectName name(std::string_view key) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    auto made = ObjectName::make(subject_.bucket, std::string("conformance/") +
                                                      std::string(test->name()).substr(0, 40) +
                                                      "/" + std::string(key));
    return made.value();
  }
  std::string scratch(const char* leaf) const { return scratch_ / leaf; }

  static std::string noise(std::size_t size, std::uint32_t seed = 1) {
    std::mt19937 random(seed);
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
  }
  static std::string file_content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write_file(const std::string& path, std::string_view content) {
    std::ofstream(path, std::ios::binary) << content;
  }
  static std::size_t entries(const std::string& directory) {
    using It = std::filesystem::directory_iterator;
    return static_cast<std::size_t>(std::distance(It(directory), It()));
  }

  StoreSubject subject_;
  const TempFolder scratch_;
};

TEST_P(StoreConformance, WhatIsPutIsGot) {
  const auto before = real_clock().system_now();
  const auto put = store().put_bytes(name("a.csv"), "x,y\n1,2\n", {});
  ASSERT_TRUE(succeeds(put));
  EXPECT_EQ(put->size, 8u);
  const auto info = store().stat(name("a.csv"), {});
  ASSERT_TRUE(succeeds(info));
  EXPECT_EQ(info->size, 8u);
  EXPECT_FALSE(info->etag.empty());
  EXPECT_LT(std::chrono::abs(info->modified - before), std::chrono::minutes(1));
  const auto bytes = store().get_bytes(name("a.csv"), 100, {});
  ASSERT_TRUE(succeeds(bytes));
  EXPECT_EQ(*bytes, "x,y\n1,2\n");
}

TEST_P(StoreConformance, EmptyObject) {
  ASSERT_TRUE(succeeds(store().put_bytes(name("empty"), "", {})));
  const auto info = store().stat(name("empty"), {});
  ASSERT_TRUE(succeeds(info));
  EXPECT_EQ(info->size, 0u);
  const auto bytes = store().get_bytes(name("empty"), 0, {});
  ASSERT_TRUE(succeeds(bytes));
  EXPECT_EQ(*bytes, "");
  ASSERT_TRUE(succeeds(store().get_file(name("empty"), scratch("empty"), {})));
  EXPECT_EQ(std::filesystem::file_size(scratch("empty")), 0u);
}

TEST_P(StoreConformance, MissingObjectIsNotFoundAndNamed) {
  const ObjectName missing = name("none.csv");
  const std::string text = missing.to_string();
  EXPECT_TRUE(fails_with(store().stat(missing, {}), ErrorCode::kNotFound, text));
  EXPECT_TRUE(fails_with(store().get_bytes(missing, 10, {}), ErrorCode::kNotFound, text));
  EXPECT_TRUE(
      fails_with(store().get_file(missing, scratch("none"), {}), ErrorCode::kNotFound, text));
  EXPECT_EQ(entries(scratch_.path()), 0u);
}

TEST_P(StoreConformance, PutReplacesAndChangesTheEtag) {
  const auto first = store().put_bytes(name("k"), "first version", {});
  const auto second = store().put_bytes(name("k"), "second", {});
  ASSERT_TRUE(succeeds(first));
  ASSERT_TRUE(succeeds(second));
  EXPECT_NE(first->etag, second->etag);
  EXPECT_EQ(store().get_bytes(name("k"), 100, {}).value(), "second");
  EXPECT_EQ(store().stat(name("k"), {})->etag, second->etag);
}

TEST_P(StoreConformance, PuttingTwiceTheSameIsHarmless) {
  ASSERT_TRUE(succeeds(store().put_bytes(name("k"), "same", {})));
  ASSERT_TRUE(succeeds(store().put_bytes(name("k"), "same", {})));
  EXPECT_EQ(store().get_bytes(name("k"), 100, {}).value(), "same");
}

TEST_P(StoreConformance, Ranges) {
  ASSERT_TRUE(succeeds(store().put_bytes(name("digits"), "0123456789", {})));
  const auto range = [&](std::uint64_t offset, std::optional<std::uint64_t> length) {
    GetOptions options;
    options.offset = offset;
    options.length = length;
    return store().get_bytes(name("digits"), 100, options);
  };
  EXPECT_EQ(range(0, 1).value(), "0");
  EXPECT_EQ(range(3, 4).value(), "3456");
  EXPECT_EQ(range(7, std::nullopt).value(), "789");
  EXPECT_EQ(range(7, 1000).value(), "789");
  EXPECT_EQ(range(7, UINT64_MAX).value(), "789");
  EXPECT_EQ(range(9, 1).value(), "9");
  EXPECT_EQ(range(4, 0).value(), "");
  EXPECT_EQ(range(10, std::nullopt).value(), "");
  EXPECT_TRUE(fails_with(range(11, 1), ErrorCode::kInvalidArgument, "byte 11"));
}

TEST_P(StoreConformance, IfMatch) {
  const auto first = store().put_bytes(name("k"), "first version", {});
  ASSERT_TRUE(succeeds(first));
  GetOptions options;
  options.if_match = first->etag;
  EXPECT_EQ(store().get_bytes(name("k"), 100, options).value(), "first version");
  ASSERT_TRUE(succeeds(store().put_bytes(name("k"), "second", {})));
  EXPECT_TRUE(fails_with(store().get_bytes(name("k"), 100, options), ErrorCode::kConflict,
                         name("k").to_string()));
}

TEST_P(StoreConformance, LargeObjectThroughFilesIsByteExact) {
  const std::string content = noise(5 * 1024 * 1024 + 12345);
  write_file(scratch("up"), content);
  ASSERT_TRUE(succeeds(store().put_file(name("big"), scratch("up"), {})));
  std::uint64_t last = 0;
  int calls = 0;
  GetOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, last);
    EXPECT_EQ(total, content.size());
    last = done;
    ++calls;
  };
  const auto info = store().get_file(name("big"), scratch("down"), options);
  ASSERT_TRUE(succeeds(info));
  EXPECT_EQ(info->size, content.size());
  EXPECT_EQ(last, content.size());
  EXPECT_GT(calls, 1);
  EXPECT_TRUE(file_content(scratch("down")) == content);
}

TEST_P(StoreConformance, PutReportsProgress) {
  const std::string content = noise(1024 * 1024 + 7);
  std::uint64_t last = 0;
  CallOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, last);
    EXPECT_EQ(total, content.size());
    last = done;
  };
  ASSERT_TRUE(succeeds(store().put_bytes(name("p"), content, options)));
  EXPECT_EQ(last, content.size());
}

TEST_P(StoreConformance, GetFileReplacesWholeFilesOnly) {
  ASSERT_TRUE(succeeds(store().put_bytes(name("k"), "new content", {})));
  write_file(scratch("f"), "old content");
  EXPECT_TRUE(fails_with(store().get_file(name("none"), scratch("f"), {}), ErrorCode::kNotFound));
  EXPECT_EQ(file_content(scratch("f")), "old content");
  ASSERT_TRUE(succeeds(store().get_file(name("k"), scratch("f"), {})));
  EXPECT_EQ(file_content(scratch("f")), "new content");
  EXPECT_EQ(entries(scratch_.path()), 1u);
}

TEST_P(StoreConformance, GetFileIntoAMissingDirectoryFails) {
  ASSERT_TRUE(succeeds(store().put_bytes(name("k"), "x", {})));
  EXPECT_TRUE(
      fails_with(store().get_file(name("k"), scratch("no/f"), {}), ErrorCode::kNotFound, "no/f"));
  EXPECT_TRUE(fails_with(store().get_file(name("k"), scratch_.path() + "/", {}),
                         ErrorCode::kInvalidArgument));
}

TEST_P(StoreConformance, SinkErrorEndsTheTransferAndIsReturned) {
  ASSERT_TRUE(succeeds(store().put_bytes(name("k"), noise(300 * 1024), {})));
  int calls = 0;
  const auto sink = [&](std::span<const std::byte>) -> Result<void> {
    ++calls;
    return fail(ErrorCode::kDataCorrupt, "row 3 is broken");
  };
  EXPECT_TRUE(
      fails_with(store().get(name("k"), sink, {}), ErrorCode::kDataCorrupt, "row 3 is broken"));
  EXPECT_EQ(calls, 1);
}

TEST_P(StoreConformance, MoreBytesThanAllowedAreTooLarge) {
  ASSERT_TRUE(succeeds(store().put_bytes(name("k"), "12345", {})));
  EXPECT_TRUE(fails_with(store().get_bytes(name("k"), 4, {}), ErrorCode::kTooLarge));
  EXPECT_EQ(store().get_bytes(name("k"), 5, {}).value(), "12345");
}

TEST_P(StoreConformance, StopAndDeadlineEndCalls) {
  ASSERT_TRUE(succeeds(store().put_bytes(name("k"), "old", {})));
  std::stop_source stop;
  stop.request_stop();
  GetOptions stopped;
  stopped.stop = stop.get_token();
  GetOptions late;
  late.deadline = Deadline::at(SteadyTime{});
  for (const auto& [options, code] :
       {std::pair{stopped, ErrorCode::kCancelled}, std::pair{late, ErrorCode::kTimedOut}}) {
    EXPECT_TRUE(fails_with(store().stat(name("k"), options), code));
    EXPECT_TRUE(fails_with(store().get_bytes(name("k"), 10, options), code));
    EXPECT_TRUE(fails_with(store().get_file(name("k"), scratch("f"), options), code));
    EXPECT_TRUE(fails_with(store().put_bytes(name("k"), "new", options), code));
  }
  EXPECT_EQ(entries(scratch_.path()), 0u);
  EXPECT_EQ(store().get_bytes(name("k"), 10, {}).value(), "old");
}

TEST_P(StoreConformance, StopFromTheProgressCallbackEndsAGet) {
  ASSERT_TRUE(succeeds(store().put_bytes(name("k"), noise(3 * 1024 * 1024), {})));
  std::stop_source stop;
  GetOptions options;
  options.stop = stop.get_token();
  options.progress = [&](std::uint64_t, std::uint64_t) { stop.request_stop(); };
  EXPECT_TRUE(
      fails_with(store().get_file(name("k"), scratch("f"), options), ErrorCode::kCancelled));
  EXPECT_EQ(entries(scratch_.path()), 0u);
}

TEST_P(StoreConformance, RemovesAndMayRepeatIt) {
  ASSERT_TRUE(succeeds(store().put_bytes(name("a/k"), "x", {})));
  ASSERT_TRUE(succeeds(store().put_bytes(name("a/k2"), "y", {})));
  EXPECT_TRUE(succeeds(store().remove(name("a/k"), {})));
  EXPECT_TRUE(fails_with(store().stat(name("a/k"), {}), ErrorCode::kNotFound));
  EXPECT_TRUE(succeeds(store().remove(name("a/k"), {})));
  EXPECT_EQ(store().get_bytes(name("a/k2"), 10, {}).value(), "y");
}

TEST_P(StoreConformance, AnObjectOverTheLimitIsRefusedBeforeAByteIsRead) {
  ASSERT_TRUE(succeeds(store().put_bytes(name("k"), noise(1000), {})));
  GetOptions options;
  options.max_bytes = 999;
  const auto sink = [](std::span<const std::byte>) -> Result<void> {
    ADD_FAILURE() << "a byte was read";
    return {};
  };
  EXPECT_TRUE(fails_with(store().get(name("k"), sink, options), ErrorCode::kTooLarge,
                         "has 1000 bytes, more than the 999 bytes"));
  EXPECT_TRUE(fails_with(store().get_bytes(name("k"), 999, {}), ErrorCode::kTooLarge));
  options.length = 10;
  options.max_bytes = 10;
  EXPECT_EQ(store().get_bytes(name("k"), 10, options).value(), noise(1000).substr(0, 10));
}

TEST_P(StoreConformance, UnusualKeys) {
  for (const char* key : {"with space.csv", "plus+sign", "tilde~", "grün/ñ/日本.csv", "per%20cent",
                          "a&b=c", "q?x=1", "hash#1", "semi;colon", "quote'\"", "(par){cur}[sq]",
                          "$!*,:@", "-leading-dash", "back\\slash", "..hidden", "a..b", "<tag>&"}) {
    const std::string content = std::string("content of ") + key;
    ASSERT_TRUE(succeeds(store().put_bytes(name(key), content, {}))) << key;
    const auto bytes = store().get_bytes(name(key), 1000, {});
    ASSERT_TRUE(succeeds(bytes)) << key;
    EXPECT_EQ(*bytes, content) << key;
  }
}

TEST_P(StoreConformance, ReadersSeeOneWholeVersionWhileWritersReplaceIt) {
  const std::string versions[] = {std::string(700'000, 'a'), std::string(300'000, 'b'),
                                  std::string(500'000, 'c')};
  ASSERT_TRUE(succeeds(store().put_bytes(name("k"), versions[0], {})));
  std::atomic<int> bad = 0;
  {
    std::vector<std::jthread> threads;
    for (int w = 0; w < 2; ++w) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          if (!store().put_bytes(name("k"), versions[i % 3], {})) ++bad;
        }
      });
    }
    for (int r = 0; r < 2; ++r) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          const auto bytes = store().get_bytes(name("k"), 1'000'000, {});
          const bool whole = bytes ? std::find(std::begin(versions), std::end(versions), *bytes) !=
                                         std::end(versions)
                                   : bytes.error().code() == ErrorCode::kConflict;
          if (!whole) ++bad;
        }
      });
    }
  }
  EXPECT_EQ(bad, 0);
  EXPECT_TRUE(succeeds(store().get_bytes(name("k"), 1'000'000, {})));
}

}  // namespace saola::objects
