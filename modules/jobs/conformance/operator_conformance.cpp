// What an operator may do with a job: cancel and retry. By the fake clock.
#include <gmock/gmock.h>

#include "store_conformance.hpp"

namespace saola::jobs {
namespace {

using namespace std::chrono_literals;

TEST_P(StoreConformance, CancelOfAWaitingJobIsImmediate) {
  open();
  const Job available = put();
  const Job scheduled = put({.kind = "split", .scheduled_at = clock.now() + 1h});
  for (const Job& job : {available, scheduled}) {
    const auto cancelled = store->cancel(job.id, soon);
    ASSERT_TRUE(cancelled);
    EXPECT_EQ(cancelled->state, State::kCancelled);
    EXPECT_EQ(cancelled->finished_at, clock.now());
    EXPECT_EQ(*cancelled, get(job.id));
    EXPECT_EQ(store->cancel(job.id, soon)->state, State::kCancelled) << "again";
  }
  EXPECT_TRUE(claim(1).empty());
}

TEST_P(StoreConformance, CancelOfARunningJobIsAskedThenConfirmed) {
  open();
  put();
  const Job job = take();
  const auto asked = store->cancel(job.id, soon);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->state, State::kRunning);
  EXPECT_TRUE(asked->cancel_requested);
  EXPECT_EQ(store->renew(std::vector{job.token()}, 15s, soon)->front(),
            LeaseState::kCancelRequested);
  ASSERT_TRUE(store->confirm_cancelled(job.token(), soon));
  EXPECT_EQ(state(job.id), State::kCancelled);
  EXPECT_FALSE(get(job.id).cancel_requested);
  EXPECT_EQ(store->confirm_cancelled(job.token(), soon).error().code(), ErrorCode::kConflict);
}

TEST_P(StoreConformance, ANotedCancelWinsOverFailureButNotOverAResult) {
  open();
  for (int i = 0; i < 5; ++i) put();
  const std::vector<Job> jobs = claim(5);
  ASSERT_EQ(jobs.size(), 5u);
  for (const Job& job : jobs) ASSERT_TRUE(store->cancel(job.id, soon));
  ASSERT_TRUE(store->fail(jobs[0].token(), {.text = "stopped"}, soon));
  ASSERT_TRUE(store->snooze(jobs[1].token(), 5s, soon));
  ASSERT_TRUE(store->requeue(jobs[2].token(), soon));
  ASSERT_TRUE(store->complete(jobs[3].token(), "1", soon));
  EXPECT_EQ(store->take_back(*store->leases(soon), soon), 1u);
  for (const int i : {0, 1, 2, 4}) EXPECT_EQ(state(jobs[i].id), State::kCancelled) << i;
  EXPECT_EQ(state(jobs[3].id), State::kCompleted);
}

TEST_P(StoreConformance, CancelAndRetryKnowTheirStates) {
  open();
  const std::string nobody = "00000000-0000-7000-8000-000000000000";
  EXPECT_EQ(store->cancel(nobody, soon).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(store->retry("no id at all", soon).error().code(), ErrorCode::kNotFound);
  const Job job = put();
  EXPECT_EQ(store->retry(job.id, soon).error().code(), ErrorCode::kConflict) << "available";
  const Job taken = take();
  EXPECT_EQ(store->retry(job.id, soon).error().code(), ErrorCode::kConflict) << "running";
  ASSERT_TRUE(store->complete(taken.token(), "1", soon));
  EXPECT_EQ(store->cancel(job.id, soon).error().code(), ErrorCode::kConflict) << "completed";
  EXPECT_EQ(store->retry(job.id, soon).error().code(), ErrorCode::kConflict) << "completed";
}

TEST_P(StoreConformance, RetryGivesAllAttemptsAgain) {
  open();
  const Job job = put({.kind = "split", .max_attempts = 1});
  ASSERT_TRUE(store->fail(take().token(), {.text = "first"}, soon));
  ASSERT_EQ(state(job.id), State::kDiscarded);
  const auto retried = store->retry(job.id, soon);
  ASSERT_TRUE(retried);
  EXPECT_EQ(retried->state, State::kAvailable);
  EXPECT_EQ(retried->failures, 0);
  EXPECT_FALSE(retried->finished_at);
  EXPECT_EQ(retried->errors.size(), 1u);
  const Job taken = take();
  EXPECT_EQ(taken.attempt, 2);
  ASSERT_TRUE(store->complete(taken.token(), "1", soon));
  EXPECT_EQ(state(job.id), State::kCompleted);
}

TEST_P(StoreConformance, RetryOfAWaitingRetryRunsItNow) {
  open();
  const Job job = put();
  ASSERT_TRUE(store->fail(take().token(), {.text = "x", .retry_after = 1h}, soon));
  EXPECT_EQ(store->retry(job.id, soon)->state, State::kAvailable);
  EXPECT_EQ(take().id, job.id);
}

TEST_P(StoreConformance, RetryRespectsUniqueKeysAndTheQueueLimit) {
  open({.queue_limit = 1});
  const Job first = put({.kind = "split", .unique_key = "u"});
  ASSERT_TRUE(store->cancel(first.id, soon));
  const Job second = put({.kind = "split", .unique_key = "u"});
  EXPECT_EQ(store->retry(first.id, soon).error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(store->cancel(second.id, soon));
  put();
  EXPECT_EQ(store->retry(first.id, soon).error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(state(first.id), State::kCancelled);
}

}  // namespace
}  // namespace saola::jobs
