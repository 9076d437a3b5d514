#include "result_remover.hpp"

#include <map>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include <saola/jobs/maintainer.hpp>
#include <saola/jobs/memory_store.hpp>
#include <saola/objects/checksum.hpp>
#include <saola/objects/memory_store.hpp>

namespace saola::service {
namespace {

using namespace std::chrono_literals;

const std::string kId = "01970000-0000-7000-8000-000000000001";

class StillClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return now; }
  SystemTime system_now() const override { return SystemTime(now.time_since_epoch()); }
  SteadyTime now{};
};

// A bucket that can be told to fail.
class FailingStore final : public objects::ObjectStore {
 public:
  explicit FailingStore(objects::ObjectStore& inner) : inner_(inner) {}
  Result<objects::ObjectInfo> stat(const objects::ObjectName& name,
                                   const objects::CallOptions& options) override {
    return inner_.stat(name, options);
  }
  Result<objects::ObjectInfo> get(const objects::ObjectName& name, const objects::ByteSink& sink,
                                  const objects::GetOptions& options) override {
    ++gets;
    if (code) return fail(*code, "as the test wants it");
    return inner_.get(name, sink, options);
  }
  Result<objects::ObjectInfo> put(const objects::ObjectName& name,
                                  const objects::ByteSource& source,
                                  const objects::CallOptions& options) override {
    return inner_.put(name, source, options);
  }
  Result<void> remove(const objects::ObjectName& name,
                      const objects::CallOptions& options) override {
    return inner_.remove(name, options);
  }

  std::optional<ErrorCode> code;
  int gets = 0;

 private:
  objects::ObjectStore& inner_;
};

class ResultRemoverTest : public testing::Test {
 protected:
  ResultRemoverTest() {
    for (const auto& [name, rights] :
         {std::pair{"pruned", objects::BucketRights{true, "results/", true}},
          std::pair{"kept", objects::BucketRights{.writable = true}}}) {
      auto bucket = std::make_unique<FailingStore>(memory);
      failing[name] = bucket.get();
      EXPECT_TRUE(buckets.add(name, std::move(bucket), rights));
    }
  }

  static objects::ObjectName name(const std::string& text) {
    return *objects::ObjectName::parse(text);
  }
  void put(const std::string& object, std::string_view bytes) {
    ASSERT_TRUE(memory.put_bytes(name(object), bytes, {}));
  }
  bool there(const std::string& object) { return memory.stat(name(object), {}).has_value(); }

  static std::string result_of(const std::string& object, std::string_view bytes) {
    return R"({"file":")" + object + R"(","file_sha256":")" + objects::sha256_hex(bytes) + "\"}";
  }
  static jobs::Job job(const std::string& object, std::string_view bytes) {
    jobs::Job job;
    job.id = kId;
    job.state = jobs::State::kCompleted;
    job.result = result_of(object, bytes);
    return job;
  }
  Result<void> remove(const jobs::Job& job) { return remover.remove_objects_of(job, {}); }

  const std::string own = "s3://pruned/results/t." + kId + ".1.csv";
  objects::MemoryStore memory;
  objects::Buckets buckets;
  StillClock clock;
  std::map<std::string, FailingStore*> failing;
  ResultRemover remover{buckets, {}, clock};
};

TEST_F(ResultRemoverTest, WhatTheJobWroteGoesAndMayBeGoneAlready) {
  put(own, "bytes");
  ASSERT_TRUE(remove(job(own, "bytes")));
  EXPECT_FALSE(there(own));
  EXPECT_TRUE(remove(job(own, "bytes")));
}

TEST_F(ResultRemoverTest, WhatWasReplacedSinceStays) {
  put(own, "another's");
  EXPECT_TRUE(remove(job(own, "bytes")));
  EXPECT_TRUE(there(own));
}

TEST_F(ResultRemoverTest, NothingElseIsTouched) {
  const std::string others[] = {
      "s3://kept/results/t." + kId + ".1.csv",      // its bucket does not say so
      "s3://pruned/elsewhere/t." + kId + ".1.csv",  // not where results may be written
      "s3://pruned/results/shared.csv",             // no name of this job's own
      "s3://pruned/results/t.01970000-0000-7000-8000-000000000002.1.csv",  // another job's
  };
  for (const std::string& other : others) {
    put(other, "bytes");
    EXPECT_TRUE(remove(job(other, "bytes"))) << other;
    EXPECT_TRUE(there(other)) << other;
  }
  // A source is named without a checksum.
  put(own, "bytes");
  jobs::Job reader = job(own, "bytes");
  reader.result = R"({"source":")" + own + "\"}";
  EXPECT_TRUE(remove(reader));
  for (const char* text : {"[]", "7", "no JSON", R"({"file":1,"file_sha256":"x"})"}) {
    reader.result = text;
    EXPECT_TRUE(remove(reader)) << text;
  }
  EXPECT_TRUE(there(own));
}

TEST_F(ResultRemoverTest, ABucketThatIsAwayIsLeftAloneForAWhile) {
  put(own, "bytes");
  FailingStore& bucket = *failing["pruned"];
  bucket.code = ErrorCode::kUnavailable;
  EXPECT_FALSE(remove(job(own, "bytes")));
  EXPECT_FALSE(remove(job(own, "bytes")));
  EXPECT_EQ(bucket.gets, 1);
  bucket.code.reset();
  clock.now += 31s;
  EXPECT_TRUE(remove(job(own, "bytes")));
  EXPECT_FALSE(there(own));
}

TEST_F(ResultRemoverTest, OneObjectThatIsDeniedHoldsUpNoOther) {
  put(own, "bytes");
  FailingStore& bucket = *failing["pruned"];
  bucket.code = ErrorCode::kPermissionDenied;
  EXPECT_FALSE(remove(job(own, "bytes")));
  bucket.code.reset();
  EXPECT_TRUE(remove(job(own, "bytes")));
  EXPECT_FALSE(there(own));
}

TEST_F(ResultRemoverTest, TheObjectsOfAJobGoBeforeTheJob) {
  const auto store = jobs::make_memory_store();
  const Deadline soon = Deadline::after(10s);
  const auto complete = [&](const std::string& bucket) {
    const std::string id = store->enqueue({.kind = "work"}, soon)->job.id;
    const std::string object = "s3://" + bucket + "/results/" + id;
    put(object, "bytes");
    const auto taken = store->claim({.owner = "w", .kinds = {"work"}}, soon);
    EXPECT_TRUE(store->complete(taken->at(0).token(), result_of(object, "bytes"), soon));
    return id;
  };
  const std::string denied = complete("pruned");
  failing["pruned"]->code = ErrorCode::kPermissionDenied;
  const std::string other = complete("kept");
  const jobs::Maintainer maintainer(
      *store, {.prune_every = 1ms,
               .retention = {.completed = 0s},
               .remove_leavings = [&](const jobs::Job& job, const std::stop_token& stop) {
                 return remover.remove_objects_of(job, stop);
               }});
  while (store->get(other, soon) && !soon.passed()) std::this_thread::yield();
  EXPECT_FALSE(store->get(other, soon)) << "a job that must wait holds up no other";
  EXPECT_TRUE(store->get(denied, soon)) << "it alone knows what is to be removed";
}

}  // namespace
}  // namespace saola::service
