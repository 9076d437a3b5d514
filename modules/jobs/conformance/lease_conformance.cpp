// What becomes of jobs whose worker dies, whose clock is set back, or whose time has not come. By the fake clock.
#include <gmock/gmock.h>

#include "store_conformance.hpp"

namespace saola::jobs {
namespace {

using namespace std::chrono_literals;

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

TEST_P(StoreConformance, ACancelledSuspectRunsBesideOthersAgain) {
  open();
  for (int i = 0; i < 2; ++i) put();
  claim(2, "dead");
  ASSERT_EQ(store->release_owner("dead", soon), 2u);
  const Job job = take("w1");
  ASSERT_TRUE(job.suspect);
  ASSERT_TRUE(store->cancel(job.id, soon));
  ASSERT_TRUE(store->confirm_cancelled(job.token(), soon));
  EXPECT_FALSE(get(job.id).suspect);
  ASSERT_TRUE(store->retry(job.id, soon));
  EXPECT_FALSE(get(job.id).suspect);
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

// More than upkeep handles at once of other things, and one.
constexpr int kVeryMany = 1001;

TEST_P(StoreConformance, OfTheJobsOfAnOwnerThatRanVeryManyNoneIsBlamed) {
  open({.queue_limit = 2 * kVeryMany});
  for (int i = 0; i < kVeryMany; ++i) put();
  ASSERT_EQ(claim(2 * kVeryMany).size(), std::size_t{kVeryMany});
  const auto none_is_blamed = [&] {
    while (store->release_owner("w1", soon).value_or(0) > 0) {
    }
    const auto page = store->list({.limit = 1000}, soon);
    const auto rest = store->list({.cursor = page->next_cursor, .limit = 1000}, soon);
    for (const auto& jobs : {page->jobs, rest->jobs}) {
      for (const Job& job : jobs) ASSERT_EQ(job.failures, 0) << job.id;
    }
    EXPECT_EQ(page->jobs.size() + rest->jobs.size(), std::size_t{kVeryMany});
  };
  none_is_blamed();
}

TEST_P(StoreConformance, AllLeasesAreSeenAndTakenBackTogether) {
  open({.queue_limit = 2 * kVeryMany});
  for (int i = 0; i < kVeryMany; ++i) put();
  ASSERT_EQ(claim(2 * kVeryMany).size(), std::size_t{kVeryMany});
  const auto leases = store->leases(soon);
  ASSERT_EQ(leases->size(), std::size_t{kVeryMany});
  EXPECT_EQ(store->take_back(*leases, soon), std::size_t{kVeryMany});
  for (const LeaseSeen& lease : *leases) {
    const Job job = get(lease.token.job_id);
    ASSERT_EQ(job.failures, 0) << job.id;
    ASSERT_TRUE(job.suspect) << job.id;
  }
}

TEST_P(StoreConformance, AWaitThatBeginsBetweenTwoLooksAtTheClockBeginsAnew) {
  // Each look at it takes time.
  class Running final : public Clock {
   public:
    SteadyTime steady_now() const override { return SteadyTime(Duration(now += step)); }
    SystemTime system_now() const override { return SystemTime(Duration(now += step)); }
    mutable std::atomic<std::int64_t> now = 1'780'000'000'000'000'000;
    std::int64_t step = 0;
  } running;
  // Wherever the looks of one promotion fall.
  for (int looks = 1; looks <= 6; ++looks) {
    running.step = 0;
    home = GetParam().make();
    store.reset();
    store = home->open({.clock = &running});
    const Job job = put();
    const FailRequest in_an_hour{.text = "x", .retry_after = 1h};
    ASSERT_TRUE(store->fail(take().token(), in_an_hour, soon));
    running.step = 10'000'000;
    running.now -= looks * running.step - 1'000;
    ASSERT_TRUE(store->promote_due(soon));
    EXPECT_EQ(state(job.id), State::kRetryable) << looks;
  }
}

}  // namespace
}  // namespace saola::jobs
