// What enqueueing promises: what is kept, refused and answered with the job that is there already. By the fake clock.
#include <gmock/gmock.h>

#include "store_conformance.hpp"

namespace saola::jobs {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST_P(StoreConformance, EnqueueKeepsWhatItWasGiven) {
  open();
  const Job job = put({.kind = "split",
                       .queue = "heavy",
                       .payload = R"({"source":"s3://a/b \u0000 é"})",
                       .priority = -3,
                       .max_attempts = 7,
                       .timeout = 90s,
                       .idempotency_key = "key 1",
                       .unique_key = "unique 1"});
  EXPECT_EQ(job.state, State::kAvailable);
  EXPECT_EQ(job.attempt, 0);
  EXPECT_EQ(job.created_at, clock.now());
  EXPECT_EQ(job.scheduled_at, clock.now());
  EXPECT_EQ(job.priority, -3);
  EXPECT_EQ(job.max_attempts, 7);
  EXPECT_EQ(job.timeout, 90s);
  EXPECT_EQ(job.queue, "heavy");
  EXPECT_FALSE(job.started_at || job.finished_at || job.result || job.lease);
  EXPECT_EQ(get(job.id), job);
}

TEST_P(StoreConformance, PayloadMayHoldAnyBytes) {
  open();
  const std::string payload("a\0b\xff\"'", 6);
  EXPECT_EQ(get(put({.kind = "split", .payload = payload}).id).payload, payload);
}

TEST_P(StoreConformance, EnqueueRefusesBadRequests) {
  open({.max_payload = 10});
  const auto code = [&](const NewJob& job) { return store->enqueue(job, soon).error().code(); };
  EXPECT_EQ(code({.kind = ""}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.kind = "a b"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.kind = std::string(65, 'a')}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.kind = "a", .queue = "'; DROP TABLE jobs"}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.kind = "a", .payload = "12345678901"}), ErrorCode::kTooLarge);
  EXPECT_EQ(code({.kind = "a", .max_attempts = 0}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.kind = "a", .max_attempts = 101}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.kind = "a", .timeout = -1s}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.kind = "a", .idempotency_key = std::string(256, 'k')}),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->counts(soon)->at(State::kAvailable), 0u);
}

TEST_P(StoreConformance, APassedDeadlineChangesNothing) {
  open();
  const auto late = store->enqueue({.kind = "split"}, Deadline::at(SteadyTime{}));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kTimedOut);
  EXPECT_EQ(store->counts(soon)->at(State::kAvailable), 0u);
}

TEST_P(StoreConformance, IdempotencyKeyAnswersWithTheFirstJob) {
  open();
  const NewJob request{.kind = "split", .payload = "[1]", .idempotency_key = "k"};
  const Job first = put(request);
  const Job taken = take();
  ASSERT_TRUE(store->complete(taken.token(), "{}", soon));
  const auto again = store->enqueue(request, soon);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->job, get(first.id));

  NewJob other = request;
  other.payload = "[2]";
  const auto conflict = store->enqueue(other, soon);
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(conflict.error().text(), HasSubstr(first.id));

  NewJob other_kind = request;
  other_kind.kind = "merge";
  EXPECT_TRUE(store->enqueue(other_kind, soon)->created);
}

TEST_P(StoreConformance, UniqueKeyHoldsUntilTheJobIsFinal) {
  open();
  const NewJob request{.kind = "split", .unique_key = "nightly"};
  const Job first = put(request);
  EXPECT_FALSE(store->enqueue(request, soon)->created);
  const Job taken = take();
  const auto while_running = store->enqueue(request, soon);
  EXPECT_FALSE(while_running->created);
  EXPECT_EQ(while_running->job.id, first.id);
  ASSERT_TRUE(store->complete(taken.token(), "{}", soon));
  EXPECT_TRUE(store->enqueue(request, soon)->created);
}

TEST_P(StoreConformance, AFullQueueRefusesAndSaysItsDepth) {
  open({.queue_limit = 2});
  put({.kind = "split", .idempotency_key = "k"});
  put({.kind = "merge", .scheduled_at = clock.now() + 1h});
  const auto full = store->enqueue({.kind = "split"}, soon);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(full.error().text(), HasSubstr("2 jobs"));
  EXPECT_TRUE(store->enqueue({.kind = "split", .queue = "other"}, soon)) << "another queue";
  EXPECT_TRUE(store->enqueue({.kind = "split", .idempotency_key = "k"}, soon)) << "a repeat";
  take();
  EXPECT_TRUE(store->enqueue({.kind = "split"}, soon)) << "a running job does not wait";
}

}  // namespace
}  // namespace saola::jobs
