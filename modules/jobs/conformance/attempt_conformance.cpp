// What an attempt may do with its job: claim, renew, tell progress, end it. By the fake clock.
#include <cmath>

#include <gmock/gmock.h>

#include "store_conformance.hpp"

namespace saola::jobs {
namespace {

using namespace std::chrono_literals;

TEST_P(StoreConformance, ClaimGoesByPriorityThenTime) {
  open();
  const Job low = put({.kind = "split", .priority = -1});
  const Job first = put();
  clock.advance(1ms);
  const Job second = put();
  const Job high = put({.kind = "split", .priority = 5});
  EXPECT_EQ(ids(claim(2)), (std::vector{high.id, first.id}));
  EXPECT_EQ(ids(claim(9)), (std::vector{second.id, low.id}));
  EXPECT_TRUE(claim(9).empty());
}

TEST_P(StoreConformance, ClaimOrderHoldsAcrossKindsAndQueues) {
  open();
  const Job a = put({.kind = "a", .queue = "q1"});
  const Job b = put({.kind = "b", .queue = "q2", .priority = 1});
  const Job c = put({.kind = "b", .queue = "q1"});
  put({.kind = "c", .queue = "q1", .priority = 9});
  put({.kind = "a", .queue = "q3", .priority = 9});
  const auto jobs = store->claim(
      {.owner = "w", .kinds = {"a", "b", "a"}, .queues = {"q1", "q2"}, .limit = 10}, soon);
  ASSERT_TRUE(jobs);
  EXPECT_EQ(ids(*jobs), (std::vector{b.id, a.id, c.id}));
}

TEST_P(StoreConformance, ClaimGivesALeaseAndTheWholeJob) {
  open();
  const Job put_job = put({.kind = "split", .payload = "[7]"});
  clock.advance(5s);
  const auto jobs = store->claim({.owner = "w9", .kinds = {"split"}, .lease = 20s}, soon);
  ASSERT_TRUE(jobs && jobs->size() == 1);
  const Job& job = jobs->front();
  EXPECT_EQ(job.state, State::kRunning);
  EXPECT_EQ(job.attempt, 1);
  EXPECT_EQ(job.payload, "[7]");
  EXPECT_EQ(job.started_at, clock.now());
  EXPECT_EQ(job.lease, (Lease{"w9", clock.now() + 20s, 20s}));
  EXPECT_EQ(job.created_at, put_job.created_at);
  EXPECT_EQ(get(job.id), job);
}

TEST_P(StoreConformance, ClaimNeedsAnOwnerAndALease) {
  open();
  put();
  EXPECT_EQ(store->claim({.owner = "", .kinds = {"split"}}, soon).error().code(),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->claim({.owner = "w", .kinds = {"split"}, .lease = 0s}, soon).error().code(),
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(store->claim({.owner = "w", .kinds = {}}, soon)->empty());
  EXPECT_TRUE(store->claim({.owner = "w", .kinds = {"split"}, .limit = 0}, soon)->empty());
}

TEST_P(StoreConformance, RenewExtendsAndTells) {
  open();
  for (int i = 0; i < 3; ++i) put();
  const std::vector<Job> jobs = claim(3);
  ASSERT_EQ(jobs.size(), 3u);
  ASSERT_TRUE(store->cancel(jobs[1].id, soon));
  ASSERT_TRUE(store->complete(jobs[2].token(), "1", soon));
  clock.advance(10s);
  const LeaseToken unknown{"00000000-0000-7000-8000-000000000000", 1, "w1"};
  const std::vector tokens{jobs[0].token(), jobs[1].token(), jobs[2].token(), unknown};
  const auto states = store->renew(tokens, 15s, soon);
  ASSERT_TRUE(states);
  EXPECT_EQ(*states, (std::vector{LeaseState::kHeld, LeaseState::kCancelRequested,
                                  LeaseState::kLost, LeaseState::kLost}));
  EXPECT_EQ(get(jobs[0].id).lease->expires_at, clock.now() + 15s);
  clock.advance(1s);
  EXPECT_EQ(*store->lease_states(tokens, soon), *states);
  EXPECT_EQ(get(jobs[0].id).lease->expires_at, clock.now() + 14s) << "looking extends nothing";
  EXPECT_EQ(get(jobs[1].id).lease->expires_at, clock.now() + 14s);
}

TEST_P(StoreConformance, ProgressIsCutToItsRange) {
  open();
  put();
  const Job job = take();
  ASSERT_TRUE(store->set_progress(job.token(), {0.25, "quarter"}, soon));
  EXPECT_EQ(get(job.id).progress, (Progress{0.25, "quarter"}));
  ASSERT_TRUE(store->set_progress(job.token(), {7, std::string(1023, 'x') + "é"}, soon));
  EXPECT_EQ(get(job.id).progress, (Progress{1, std::string(1023, 'x')}));
  ASSERT_TRUE(store->set_progress(job.token(), {std::nan(""), ""}, soon));
  EXPECT_EQ(get(job.id).progress, (Progress{0, ""}));
}

TEST_P(StoreConformance, CheckpointOutlivesAttemptsUntilCompletion) {
  open({.max_checkpoint = 8});
  put();
  const Job job = take();
  const std::string bytes("a\0b\xfe", 4);
  ASSERT_TRUE(store->set_checkpoint(job.token(), bytes, soon));
  EXPECT_EQ(store->set_checkpoint(job.token(), "123456789", soon).error().code(),
            ErrorCode::kTooLarge);
  ASSERT_TRUE(store->fail(job.token(), {.text = "oops", .retry_after = 1s}, soon));
  clock.advance(1s);
  ASSERT_EQ(store->promote_due(soon), 1u);
  const Job again = take();
  EXPECT_EQ(again.checkpoint, bytes);
  ASSERT_TRUE(store->complete(again.token(), "{}", soon));
  EXPECT_EQ(get(job.id).checkpoint, "");
}

TEST_P(StoreConformance, CompleteKeepsTheResult) {
  open({.max_result = 16});
  put();
  const Job job = take();
  EXPECT_EQ(store->complete(job.token(), std::string(17, '1'), soon).error().code(),
            ErrorCode::kTooLarge);
  EXPECT_EQ(state(job.id), State::kRunning);
  clock.advance(3s);
  ASSERT_TRUE(store->complete(job.token(), R"({"a":1})", soon));
  const Job done = get(job.id);
  EXPECT_EQ(done.state, State::kCompleted);
  EXPECT_EQ(done.result, R"({"a":1})");
  EXPECT_EQ(done.finished_at, clock.now());
  EXPECT_EQ(done.progress.fraction, 1);
  EXPECT_FALSE(done.lease);
  EXPECT_EQ(store->complete(job.token(), "{}", soon).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(get(job.id).result, R"({"a":1})") << "the final state is written once";
}

TEST_P(StoreConformance, FailRetriesWithBackoffThenDiscards) {
  open({.backoff = {.base = 1s, .cap = 3s}});
  const Job job = put({.kind = "split", .max_attempts = 4});
  for (int attempt = 1; attempt <= 4; ++attempt) {
    const Job taken = take();
    EXPECT_EQ(taken.attempt, attempt);
    ASSERT_TRUE(store->fail(taken.token(), {.text = fmt::format("no {}", attempt)}, soon));
    const Job failed = get(job.id);
    EXPECT_EQ(failed.failures, attempt);
    ASSERT_EQ(failed.errors.size(), static_cast<std::size_t>(attempt));
    EXPECT_EQ(failed.errors.back(),
              (AttemptError{attempt, clock.now(), fmt::format("no {}", attempt)}));
    if (attempt == 4) break;
    EXPECT_EQ(failed.state, State::kRetryable);
    EXPECT_GE(failed.scheduled_at, clock.now());
    EXPECT_LE(failed.scheduled_at, clock.now() + std::min<Micros>(1s * (1 << (attempt - 1)), 3s));
    EXPECT_TRUE(claim(1).empty());
    clock.advance(3s);
    EXPECT_EQ(store->promote_due(soon), 1u);
    EXPECT_EQ(state(job.id), State::kAvailable);
  }
  EXPECT_EQ(state(job.id), State::kDiscarded);
  EXPECT_EQ(get(job.id).finished_at, clock.now());
}

TEST_P(StoreConformance, FailMayDiscardAtOnceOrNameTheDelay) {
  open();
  put();
  put();
  const Job hopeless = take();
  ASSERT_TRUE(store->fail(hopeless.token(),
                          {.text = "bad input", .next = FailRequest::Next::kDiscard}, soon));
  EXPECT_EQ(state(hopeless.id), State::kDiscarded);
  const Job later = take();
  ASSERT_TRUE(store->fail(later.token(), {.text = "busy", .retry_after = 7s}, soon));
  EXPECT_EQ(get(later.id).scheduled_at, clock.now() + 7s);
}

TEST_P(StoreConformance, LongErrorsAreCutAndOldOnesDropped) {
  open();
  const Job job = put({.kind = "split", .max_attempts = 100});
  for (std::size_t i = 0; i < kMaxErrors + 3; ++i) {
    ASSERT_TRUE(
        store->fail(take().token(), {.text = std::string(9000, 'e'), .retry_after = 0s}, soon));
    ASSERT_EQ(store->promote_due(soon), 1u);
  }
  const Job failed = get(job.id);
  ASSERT_EQ(failed.errors.size(), kMaxErrors);
  EXPECT_EQ(failed.errors.front().attempt, 4);
  EXPECT_EQ(failed.errors.back().text.size(), 8192u);
}

TEST_P(StoreConformance, SnoozeAndRequeueAreNoFailures) {
  open();
  const Job job = put({.kind = "split", .max_attempts = 1});
  ASSERT_TRUE(store->snooze(take().token(), 10s, soon));
  EXPECT_EQ(state(job.id), State::kScheduled);
  EXPECT_EQ(get(job.id).scheduled_at, clock.now() + 10s);
  EXPECT_EQ(store->promote_due(soon), 0u);
  clock.advance(10s);
  EXPECT_EQ(store->promote_due(soon), 1u);
  ASSERT_TRUE(store->snooze(take().token(), 0s, soon));
  EXPECT_EQ(state(job.id), State::kAvailable);
  ASSERT_TRUE(store->requeue(take().token(), soon));
  EXPECT_EQ(state(job.id), State::kAvailable);
  const Job taken = take();
  EXPECT_EQ(taken.attempt, 4) << "the fencing token grows with every claim";
  EXPECT_EQ(taken.failures, 0);
  EXPECT_TRUE(taken.errors.empty());
}

TEST_P(StoreConformance, RequeueKeepsThePlaceInTheQueue) {
  open();
  const Job first = put();
  clock.advance(1s);
  put();
  ASSERT_TRUE(store->requeue(take().token(), soon));
  EXPECT_EQ(take().id, first.id);
}

}  // namespace
}  // namespace saola::jobs
