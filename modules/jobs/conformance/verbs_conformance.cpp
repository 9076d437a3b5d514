// What each verb of Store promises, by the fake clock.
#include <algorithm>
#include <cmath>
#include <set>

#include <gmock/gmock.h>

#include "store_conformance.hpp"

namespace saola::jobs {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::vector<std::string> ids(const std::vector<Job>& jobs) {
  std::vector<std::string> ids;
  for (const Job& job : jobs) ids.push_back(job.id);
  return ids;
}

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

TEST_P(StoreConformance, AnExpiredLeaseIsRescuedAndFenced) {
  open();
  const Job job = put();
  const Job lost = take("w1");
  const std::vector<LeaseSeen> seen = *store->leases(soon);
  ASSERT_EQ(seen, (std::vector{LeaseSeen{lost.token(), lost.lease->expires_at, 15s}}));
  clock.advance(15s);
  EXPECT_EQ(store->take_back(seen, soon), 1u);
  EXPECT_EQ(store->take_back(seen, soon), 0u);
  EXPECT_TRUE(store->leases(soon)->empty());
  const Job rescued = get(job.id);
  EXPECT_EQ(rescued.state, State::kAvailable) << "lost for the first time, it runs again at once";
  EXPECT_EQ(rescued.failures, 1);
  ASSERT_EQ(rescued.errors.size(), 1u);
  EXPECT_EQ(rescued.errors[0].text, "its lease expired: its worker died, hung or lost the store");
  const Job again = take("w1");
  EXPECT_EQ(again.attempt, 2);

  // The same owner, so that only the attempt tells the two apart.
  const auto conflict = [](const Result<void>& r) {
    return !r && r.error().code() == ErrorCode::kConflict;
  };
  EXPECT_TRUE(conflict(store->set_progress(lost.token(), {0.5, "late"}, soon)));
  EXPECT_TRUE(conflict(store->set_checkpoint(lost.token(), "late", soon)));
  EXPECT_TRUE(conflict(store->complete(lost.token(), "late", soon)));
  EXPECT_TRUE(conflict(store->fail(lost.token(), {.text = "late"}, soon)));
  EXPECT_TRUE(conflict(store->snooze(lost.token(), 1s, soon)));
  EXPECT_TRUE(conflict(store->requeue(lost.token(), soon)));
  EXPECT_TRUE(conflict(store->confirm_cancelled(lost.token(), soon)));
  EXPECT_EQ(store->renew(std::vector{lost.token()}, 15s, soon)->front(), LeaseState::kLost);
  LeaseToken thief = again.token();
  thief.owner = "w2";
  EXPECT_TRUE(conflict(store->complete(thief, "stolen", soon)));
  EXPECT_EQ(get(job.id), again);
}

TEST_P(StoreConformance, WritesToAJobThatIsGoneAreNotFound) {
  open();
  const LeaseToken unknown{"00000000-0000-7000-8000-000000000000", 1, "w1"};
  EXPECT_EQ(store->complete(unknown, "1", soon).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(store->get(unknown.job_id, soon).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(store->position(unknown.job_id, soon).error().code(), ErrorCode::kNotFound);
}

TEST_P(StoreConformance, ALateRenewalIsAcceptedUntilTheLeaseIsTaken) {
  open();
  put();
  const Job job = take();
  const std::vector<LeaseSeen> seen = *store->leases(soon);
  clock.advance(1h);
  EXPECT_EQ(store->renew(std::vector{job.token()}, 15s, soon)->front(), LeaseState::kHeld);
  EXPECT_EQ(store->take_back(seen, soon), 0u) << "it was renewed since it was seen";
  EXPECT_EQ(state(job.id), State::kRunning);
}

TEST_P(StoreConformance, AProbeChangesNoJob) {
  open();
  const Job job = put();
  EXPECT_TRUE(store->probe(soon));
  EXPECT_EQ(get(job.id), job);
}

TEST_P(StoreConformance, ReleaseOwnerTakesOnlyItsLeases) {
  open();
  for (int i = 0; i < 3; ++i) put();
  const std::vector<Job> dead = claim(2, "dead");
  const Job alive = take("alive");
  EXPECT_EQ(store->release_owner("dead", soon), 2u);
  EXPECT_EQ(store->release_owner("dead", soon), 0u);
  for (const Job& job : dead) EXPECT_EQ(state(job.id), State::kAvailable);
  EXPECT_EQ(state(alive.id), State::kRunning);
}

TEST_P(StoreConformance, AJobThatDiedBesideOthersIsASuspectAndCountsNoFailure) {
  open();
  for (int i = 0; i < 3; ++i) put();
  for (const Job& job : claim(3, "dead")) EXPECT_FALSE(job.suspect);
  ASSERT_EQ(store->release_owner("dead", soon), 3u);
  const Page page = *store->list({}, soon);
  for (const Job& job : page.jobs) {
    EXPECT_TRUE(job.suspect);
    EXPECT_EQ(job.failures, 0);
    EXPECT_EQ(job.interruptions, 1);
    ASSERT_EQ(job.errors.size(), 1u);
    EXPECT_EQ(job.errors[0].text, "the worker that ran it died") << "clients see it: no owner";
  }
}

TEST_P(StoreConformance, ASuspectRunsAlone) {
  open();
  for (int i = 0; i < 2; ++i) put();
  claim(2, "dead");
  ASSERT_EQ(store->take_back(*store->leases(soon), soon), 2u);
  const Job urgent = put({.kind = "split", .priority = 1});
  put();
  EXPECT_EQ(ids(claim(4, "w1")), std::vector{urgent.id}) << "up to the first suspect only";
  EXPECT_TRUE(claim(4, "w1").empty()) << "the suspect's turn, and w1 runs another";
  const std::vector<Job> alone = claim(4, "w2");
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_TRUE(alone[0].suspect);
  EXPECT_TRUE(claim(4, "w2").empty()) << "nothing beside a suspect";

  // It kills its worker again: now it is known.
  ASSERT_EQ(store->release_owner("w2", soon), 1u);
  EXPECT_EQ(get(alone[0].id).failures, 1);
  EXPECT_TRUE(get(alone[0].id).suspect);
  // Ends that it comes to itself clear it.
  const Job again = take("w3");
  EXPECT_EQ(again.id, alone[0].id) << "in its place";
  ASSERT_TRUE(store->requeue(again.token(), soon));
  EXPECT_TRUE(get(again.id).suspect) << "a shutdown says nothing";
  ASSERT_TRUE(store->fail(take("w3").token(), {.text = "bad row"}, soon));
  EXPECT_FALSE(get(again.id).suspect);
  const Job innocent = take("w3");
  EXPECT_TRUE(innocent.suspect);
  ASSERT_TRUE(store->complete(innocent.token(), "1", soon));
  EXPECT_FALSE(get(innocent.id).suspect);
  EXPECT_EQ(get(innocent.id).failures, 0);
}

TEST_P(StoreConformance, AJobThatKillsItsWorkersIsDiscardedInTheEnd) {
  open();
  const Job job = put({.kind = "split", .max_attempts = 2});
  take("a");
  EXPECT_EQ(store->release_owner("a", soon), 1u);
  take("b");
  EXPECT_EQ(store->release_owner("b", soon), 1u);
  EXPECT_EQ(state(job.id), State::kDiscarded);
}

TEST_P(StoreConformance, AJobThatLosesItsWorkerAgainWaitsForIt) {
  open();
  const Job job = put();
  for (int loss = 1; loss <= 2; ++loss) {
    take("w");
    EXPECT_EQ(store->release_owner("w", soon), 1u);
  }
  EXPECT_EQ(state(job.id), State::kRetryable);
  EXPECT_LE(get(job.id).scheduled_at, clock.now() + 2s);
  clock.advance(2s);
  EXPECT_EQ(store->promote_due(soon), 1u);
  EXPECT_EQ(take().id, job.id);
}

TEST_P(StoreConformance, AnInterruptedOrFailedJobKeepsItsPlace) {
  open();
  const Job job = put();
  clock.advance(1s);
  put();
  take("w");
  ASSERT_EQ(store->release_owner("w", soon), 1u);
  EXPECT_EQ(take("w").id, job.id);
  ASSERT_EQ(store->take_back(*store->leases(soon), soon), 1u);
  clock.advance(2s);
  store->promote_due(soon);
  const Job third = take("w");
  EXPECT_EQ(third.id, job.id);
  ASSERT_TRUE(store->fail(third.token(), {.text = "x", .retry_after = 1s}, soon));
  clock.advance(1s);
  ASSERT_EQ(store->promote_due(soon), 1u);
  const Job fourth = take("w");
  EXPECT_EQ(fourth.id, job.id);
  ASSERT_TRUE(store->snooze(fourth.token(), 1s, soon));
  clock.advance(1s);
  ASSERT_EQ(store->promote_due(soon), 1u);
  EXPECT_EQ(store->position(job.id, soon)->ahead, 0u);
  EXPECT_EQ(take("w").id, job.id);
}

TEST_P(StoreConformance, AnOperatorsRetryTakesANewPlace) {
  open();
  const Job job = put();
  clock.advance(1s);
  const Job other = put();
  ASSERT_TRUE(store->cancel(job.id, soon));
  clock.advance(1s);
  ASSERT_TRUE(store->retry(job.id, soon));
  EXPECT_EQ(ids(claim(2)), (std::vector{other.id, job.id}));
}

TEST_P(StoreConformance, AWaitIsNoLongerThanItsLengthWhenTheClockIsSetBack) {
  open();
  clock.advance(1h);
  const Job retried = put();
  ASSERT_TRUE(store->fail(take().token(), {.text = "x", .retry_after = 10s}, soon));
  const Job snoozed = put();
  ASSERT_TRUE(store->snooze(take().token(), 20s, soon));
  const Job at_a_time = put({.kind = "split", .scheduled_at = clock.now() + 30s});
  clock.advance(-1h);
  EXPECT_EQ(store->promote_due(soon), 2u) << "both waits begin anew";
  EXPECT_EQ(get(retried.id).scheduled_at, clock.now() + 10s);
  EXPECT_EQ(get(snoozed.id).scheduled_at, clock.now() + 20s);
  EXPECT_EQ(store->promote_due(soon), 0u);
  clock.advance(20s);
  EXPECT_EQ(store->promote_due(soon), 2u);
  EXPECT_EQ(state(retried.id), State::kAvailable);
  EXPECT_EQ(state(snoozed.id), State::kAvailable);
  EXPECT_EQ(state(at_a_time.id), State::kScheduled) << "a time that a client named stands";
}

TEST_P(StoreConformance, AJobKeepsItsPlaceWhenTheClockIsSetBack) {
  open();
  clock.advance(1h);
  std::vector<Job> before;
  for (int i = 0; i < 3; ++i) {
    before.push_back(put());
    clock.advance(1s);
  }
  const Job soon_due = put({.kind = "split", .scheduled_at = clock.now() + 1s});
  clock.advance(1s);
  ASSERT_EQ(store->promote_due(soon), 1u);
  const Job interrupted = take();
  clock.advance(-1h);
  EXPECT_EQ(store->promote_due(soon), 4u);
  EXPECT_EQ(store->promote_due(soon), 0u);
  EXPECT_LE(get(before[2].id).scheduled_at, clock.now()) << "since when it may run";
  ASSERT_TRUE(store->requeue(interrupted.token(), soon));
  clock.advance(1s);
  const Job after = put();
  EXPECT_EQ(ids(claim(5)),
            (std::vector{interrupted.id, before[1].id, before[2].id, soon_due.id, after.id}));
}

TEST_P(StoreConformance, ScheduledJobsComeOnTime) {
  open();
  const Job job = put({.kind = "split", .scheduled_at = clock.now() + 10s});
  EXPECT_EQ(job.state, State::kScheduled);
  EXPECT_EQ(put({.kind = "merge", .scheduled_at = clock.now() - 10s}).scheduled_at, clock.now());
  EXPECT_TRUE(claim(1).empty());
  clock.advance(10s - 1us);
  EXPECT_EQ(store->promote_due(soon), 0u);
  clock.advance(1us);
  EXPECT_EQ(store->promote_due(soon), 1u);
  EXPECT_EQ(take().id, job.id);
}

TEST_P(StoreConformance, ListGoesFromTheNewestByPages) {
  open();
  std::vector<std::string> all;
  for (int i = 0; i < 7; ++i) {
    all.insert(all.begin(), put({.kind = i % 2 == 0 ? "split" : "merge"}).id);
    if (i % 3 == 0) clock.advance(1ms);
  }
  std::vector<std::string> seen;
  ListRequest request{.limit = 3};
  do {
    const auto page = store->list(request, soon);
    ASSERT_TRUE(page);
    EXPECT_LE(page->jobs.size(), 3u);
    for (const Job& job : page->jobs) {
      seen.push_back(job.id);
      EXPECT_EQ(job.payload, "") << "summaries only";
    }
    request.cursor = page->next_cursor;
  } while (!request.cursor.empty());
  EXPECT_EQ(seen, all);
}

TEST_P(StoreConformance, ListFilters) {
  open();
  const Job merge = put({.kind = "merge", .queue = "other"});
  put();
  put();
  const Job running = take();
  const auto list = [&](ListRequest request) { return ids(store->list(request, soon)->jobs); };
  EXPECT_EQ(list({.kind = "merge"}), std::vector{merge.id});
  EXPECT_EQ(list({.queue = "other"}), std::vector{merge.id});
  EXPECT_EQ(list({.states = {State::kRunning}}), std::vector{running.id});
  EXPECT_EQ(list({.states = {State::kRunning, State::kAvailable}}).size(), 3u);
  EXPECT_TRUE(list({.states = {State::kRunning}, .kind = "merge"}).empty());
  EXPECT_EQ(store->list({.limit = 0}, soon).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->list({.limit = 1001}, soon).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->list({.cursor = "' OR 1"}, soon).error().code(), ErrorCode::kInvalidArgument);
}

TEST_P(StoreConformance, CountsEveryState) {
  open();
  put();
  put();
  take();
  const auto counts = store->counts(soon);
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->size(), std::size(kAllStates));
  EXPECT_EQ(counts->at(State::kAvailable), 1u);
  EXPECT_EQ(counts->at(State::kRunning), 1u);
  EXPECT_EQ(counts->at(State::kDiscarded), 0u);
}

TEST_P(StoreConformance, QueueStatusAndPosition) {
  open();
  put();
  const Job done = take();
  clock.advance(10s);
  EXPECT_FALSE(store->queue_status("default", soon)->mean_run);
  ASSERT_TRUE(store->complete(done.token(), "1", soon));
  for (int i = 0; i < 5; ++i) put();
  const Job last = put({.kind = "split", .priority = -1});
  put({.kind = "split", .scheduled_at = clock.now() + 1h});
  put({.kind = "split", .queue = "other"});
  EXPECT_FALSE(store->position(last.id, soon)->estimated_wait) << "nothing runs";
  ASSERT_EQ(claim(2).size(), 2u);

  const auto status = store->queue_status("default", soon);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->waiting, 5u);
  EXPECT_EQ(status->available, 4u);
  EXPECT_EQ(status->running, 2u);
  EXPECT_EQ(status->mean_run, 10s);
  const auto position = store->position(last.id, soon);
  ASSERT_TRUE(position);
  EXPECT_EQ(position->ahead, 3u);
  EXPECT_EQ(position->estimated_wait, 20s);
  EXPECT_EQ(store->position(done.id, soon)->ahead, 0u);
  EXPECT_EQ(store->position(done.id, soon)->estimated_wait, 0s);
}

TEST_P(StoreConformance, UsageTellsBytesAndTheOldestAvailableJob) {
  open();
  const auto empty = store->usage(soon);
  ASSERT_TRUE(empty);
  EXPECT_FALSE(empty->oldest_available);
  const Job first = put({.kind = "split", .payload = std::string(100'000, 'p')});
  clock.advance(1s);
  put();
  const auto usage = store->usage(soon);
  EXPECT_GE(usage->bytes, empty->bytes + 90'000);
  EXPECT_EQ(usage->oldest_available, first.created_at);
}

TEST_P(StoreConformance, TheLimitOfBytesRefusesNewJobsOnly) {
  constexpr std::uint64_t kLimit = 400'000;
  open({.max_bytes = kLimit});
  const NewJob job{.kind = "split", .payload = std::string(5'000, 'p'), .idempotency_key = "1"};
  put(job);
  auto last = store->enqueue({.kind = "split", .payload = job.payload}, soon);
  int accepted = 1;
  for (; last; ++accepted) last = store->enqueue({.kind = "split", .payload = job.payload}, soon);
  EXPECT_EQ(last.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(last.error().text(), HasSubstr("as many as it may"));
  EXPECT_FALSE(store->enqueue(job, soon)->created) << "a repeat is answered";
  // Whatever was accepted comes to its end, whatever that takes.
  const std::string large(50'000, 'x');
  for (int i = 0; i < accepted; ++i) {
    const Job taken = take();
    ASSERT_TRUE(store->set_checkpoint(taken.token(), large, soon));
    ASSERT_TRUE(store->complete(taken.token(), "\"" + large + "\"", soon)) << i;
  }
  // Pruning by size makes room again, the oldest first, once their clients can have seen the end.
  EXPECT_EQ(store->prune({.max_bytes = kLimit / 2}, soon), 0u);
  clock.advance(1min);
  const auto pruned = store->prune({.max_bytes = kLimit / 2}, soon);
  ASSERT_TRUE(pruned);
  EXPECT_GT(*pruned, 0u);
  EXPECT_LE(store->usage(soon)->bytes, kLimit / 2);
  EXPECT_TRUE(store->enqueue({.kind = "split"}, soon));
  const auto left = store->list({.states = {State::kCompleted}, .limit = 1000}, soon);
  for (const Job& kept : left->jobs) EXPECT_NE(kept.idempotency_key, "1") << "the oldest went";
}

TEST_P(StoreConformance, AJobThatFinishedInTheFutureIsKeptNoLongerThanOthers) {
  open();
  clock.advance(std::chrono::years(10));
  const Job job = put({.kind = "split", .payload = std::string(10'000, 'p')});
  ASSERT_TRUE(store->complete(take().token(), "1", soon));
  clock.advance(-std::chrono::years(10));
  const Retention retention{.completed = 1h};
  EXPECT_EQ(store->prune(retention, soon), 1u);
  EXPECT_EQ(get(job.id).finished_at, clock.now());
  clock.advance(1h);
  EXPECT_EQ(store->prune(retention, soon), 0u);
  clock.advance(1us);
  EXPECT_EQ(store->prune(retention, soon), 1u);
  EXPECT_EQ(store->get(job.id, soon).error().code(), ErrorCode::kNotFound);
  // A little ahead: neither kept for longer by its size.
  clock.advance(30min);
  put({.kind = "split", .payload = std::string(10'000, 'p')});
  ASSERT_TRUE(store->complete(take().token(), "1", soon));
  clock.advance(-30min);
  EXPECT_EQ(store->prune({.completed = 1h, .max_bytes = 1}, soon), 1u);
}

TEST_P(StoreConformance, PruneDeletesOldFinalJobsOnly) {
  open();
  const Job completed = put({.kind = "split", .idempotency_key = "k"});
  ASSERT_TRUE(store->complete(take().token(), "1", soon));
  const Job discarded = put();
  ASSERT_TRUE(
      store->fail(take().token(), {.text = "x", .next = FailRequest::Next::kDiscard}, soon));
  const Job waiting = put();
  const Retention retention{.completed = 1h, .cancelled = 1h, .discarded = 2h};
  clock.advance(1h);
  EXPECT_EQ(store->prune(retention, soon), 0u);
  clock.advance(1us);
  EXPECT_EQ(store->prune(retention, soon), 1u);
  EXPECT_EQ(store->get(completed.id, soon).error().code(), ErrorCode::kNotFound);
  clock.advance(2h);
  EXPECT_EQ(store->prune(retention, soon), 1u);
  EXPECT_EQ(store->get(discarded.id, soon).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(state(waiting.id), State::kAvailable);
  EXPECT_TRUE(store->enqueue({.kind = "split", .idempotency_key = "k"}, soon)->created);
}

}  // namespace
}  // namespace saola::jobs
