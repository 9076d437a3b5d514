#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>

#include <saola/jobs/maintainer.hpp>
#include <saola/jobs/memory_store.hpp>
#include <saola/jobs/task_worker.hpp>

#include "store_decorator.hpp"

namespace saola::jobs {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class TaskWorkerTest : public testing::Test {
 protected:
  std::string put(NewJob job = {.kind = "work"}) {
    return store->enqueue(job, Deadline::after(10s))->job.id;
  }
  Job get(const std::string& id) { return *store->get(id, Deadline::after(10s)); }

  void start(Handler handler, TaskWorkerOptions options = {}, Store* via = nullptr) {
    options.owner = "w1";
    options.tick = 2ms;
    worker.emplace(via == nullptr ? *store : *via,
                   std::map<std::string, Handler>{{"work", std::move(handler)}}, options);
    worker->start();
  }

  // Runs one job with `handler` to the end of its first attempt.
  Job run(Handler handler, NewJob job = {.kind = "work"}) {
    const std::string id = put(std::move(job));
    std::latch began(1);
    start([&](JobContext& context) {
      began.count_down();
      return handler(context);
    });
    began.wait();
    EXPECT_EQ(worker->stop(Deadline::never(), Deadline::never()), 0);
    return get(id);
  }

  // Waits for the order to stop.
  static void wait_for_stop(JobContext& context) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait(lock, context.stop_token(), [] { return false; });
  }

  // Polls what no event tells, for at most ten seconds.
  template <typename Condition>
  static bool until(Condition condition) {
    const Deadline deadline = Deadline::after(10s);
    while (!condition()) {
      if (deadline.passed()) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::unique_ptr<Store> store = make_memory_store();
  std::optional<TaskWorker> worker;
};

TEST_F(TaskWorkerTest, RunsAJobAndStoresItsResult) {
  const Job job = run(
      [](JobContext& context) -> Outcome {
        EXPECT_EQ(context.job().attempt, 1);
        EXPECT_TRUE(context.deadline().is_never());
        return Done{"[" + context.job().payload + "]"};
      },
      {.kind = "work", .payload = "7"});
  EXPECT_EQ(job.state, State::kCompleted);
  EXPECT_EQ(job.result, "[7]");
}

TEST_F(TaskWorkerTest, AnExceptionIsARetryWithItsText) {
  const Job job = run([](JobContext&) -> Outcome { throw std::runtime_error("no such bucket"); });
  EXPECT_EQ(job.state, State::kRetryable);
  EXPECT_EQ(job.errors.at(0).text, "no such bucket");
}

TEST_F(TaskWorkerTest, AThrownIntIsARetryToo) {
  const Job job = run([](JobContext&) -> Outcome { throw 7; });
  EXPECT_EQ(job.state, State::kRetryable);
}

TEST_F(TaskWorkerTest, RetryNamesItsDelay) {
  const Job job = run([](JobContext&) -> Outcome { return Retry{"busy", 1h}; });
  EXPECT_EQ(job.state, State::kRetryable);
  EXPECT_GT(job.scheduled_at - job.created_at, 59min);
}

TEST_F(TaskWorkerTest, DiscardEndsTheJob) {
  const Job job = run([](JobContext&) -> Outcome { return Discard{"row 3 is bad"}; });
  EXPECT_EQ(job.state, State::kDiscarded);
  EXPECT_EQ(job.errors.at(0).text, "row 3 is bad");
}

TEST_F(TaskWorkerTest, SnoozeIsNoFailure) {
  const Job job = run([](JobContext&) -> Outcome { return Snooze{1h}; });
  EXPECT_EQ(job.state, State::kScheduled);
  EXPECT_EQ(job.failures, 0);
}

TEST_F(TaskWorkerTest, CancelledMayBeTheJobsOwnAnswer) {
  EXPECT_EQ(run([](JobContext&) -> Outcome { return Cancelled{}; }).state, State::kCancelled);
}

TEST_F(TaskWorkerTest, AResultTooLargeDiscardsWithAReason) {
  store = make_memory_store({.max_result = 10});
  const Job job = run([](JobContext&) -> Outcome { return Done{std::string(11, '1')}; });
  EXPECT_EQ(job.state, State::kDiscarded);
  EXPECT_THAT(job.errors.at(0).text, HasSubstr("11 bytes"));
}

TEST_F(TaskWorkerTest, ProgressReachesTheStoreWhileTheJobRuns) {
  run([&](JobContext& context) -> Outcome {
    context.progress(0.1, "first");
    context.progress(0.5, "half");
    EXPECT_TRUE(until([&] { return get(context.job().id).progress == Progress{0.5, "half"}; }));
    return Done{};
  });
}

TEST_F(TaskWorkerTest, ACheckpointIsDurableWhenItReturnsAndComesBack) {
  std::string found;
  std::latch twice(2);
  const std::string id = put();
  start([&](JobContext& context) -> Outcome {
    twice.count_down();
    if (context.job().attempt == 2) {
      found = context.job().checkpoint;
      return Done{};
    }
    EXPECT_TRUE(context.save_checkpoint("row 1000"));
    EXPECT_EQ(get(context.job().id).checkpoint, "row 1000");
    return Snooze{};
  });
  twice.wait();
  worker->stop(Deadline::never(), Deadline::never());
  EXPECT_EQ(get(id).state, State::kCompleted);
  EXPECT_EQ(found, "row 1000");
}

TEST_F(TaskWorkerTest, CancelReachesARunningJob) {
  const Job job = run([&](JobContext& context) -> Outcome {
    EXPECT_TRUE(store->cancel(context.job().id, Deadline::after(10s)));
    wait_for_stop(context);
    EXPECT_EQ(context.stop_reason(), StopReason::kCancelRequested);
    throw std::runtime_error("stopped in the middle");
  });
  EXPECT_EQ(job.state, State::kCancelled);
}

TEST_F(TaskWorkerTest, ALostLeaseStopsTheJobAndDropsItsResult) {
  const Job job = run([&](JobContext& context) -> Outcome {
    EXPECT_EQ(store->release_owner("w1", Deadline::after(10s)), 1u);
    wait_for_stop(context);
    EXPECT_EQ(context.stop_reason(), StopReason::kLeaseLost);
    EXPECT_EQ(context.save_checkpoint("late").error().code(), ErrorCode::kConflict);
    return Done{"late"};
  });
  EXPECT_EQ(job.state, State::kAvailable);
  EXPECT_FALSE(job.result);
}

TEST_F(TaskWorkerTest, TheTimeLimitFailsTheAttempt) {
  const Job job = run(
      [&](JobContext& context) -> Outcome {
        EXPECT_FALSE(context.deadline().is_never());
        wait_for_stop(context);
        EXPECT_EQ(context.stop_reason(), StopReason::kTimedOut);
        return Cancelled{};
      },
      {.kind = "work", .timeout = 20ms});
  EXPECT_EQ(job.state, State::kRetryable);
  EXPECT_THAT(job.errors.at(0).text, HasSubstr("time limit of 0.02 s"));
}

TEST_F(TaskWorkerTest, AHandlerThatMindsItsDeadlineFailsForTheTimeLimitToo) {
  const Job job = run(
      [](JobContext& context) -> Outcome {
        while (!context.deadline().passed()) std::this_thread::yield();
        return Retry{"reading did not end before its deadline"};
      },
      {.kind = "work", .timeout = 20ms});
  EXPECT_EQ(job.state, State::kRetryable);
  EXPECT_THAT(job.errors.at(0).text, HasSubstr("time limit of 0.02 s"));
}

TEST_F(TaskWorkerTest, ShutdownGivesTheJobBackWithoutCountingIt) {
  const std::string id = put();
  std::latch began(1);
  start([&](JobContext& context) -> Outcome {
    EXPECT_TRUE(context.save_checkpoint("half"));
    began.count_down();
    wait_for_stop(context);
    EXPECT_EQ(context.stop_reason(), StopReason::kShutdown);
    return Retry{"interrupted"};
  });
  began.wait();
  EXPECT_EQ(worker->stop(Deadline::after(1ms), Deadline::never()), 0);
  const Job job = get(id);
  EXPECT_EQ(job.state, State::kAvailable);
  EXPECT_EQ(job.failures, 0);
  EXPECT_EQ(job.checkpoint, "half");
  EXPECT_EQ(worker->stop(Deadline::never(), Deadline::never()), 0) << "a second stop";
}

TEST_F(TaskWorkerTest, StopWaitsForRunningJobsAndClaimsNoMore) {
  const std::string first = put();
  std::latch began(1);
  std::latch go_on(1);
  start([&](JobContext&) -> Outcome {
    began.count_down();
    go_on.wait();
    return Done{};
  });
  began.wait();
  worker->stop_claiming();
  const std::string second = put();
  std::jthread stopper([&] { worker->stop(Deadline::never(), Deadline::never()); });
  go_on.count_down();
  stopper.join();
  EXPECT_EQ(get(first).state, State::kCompleted);
  EXPECT_EQ(get(second).state, State::kAvailable);
}

TEST_F(TaskWorkerTest, AJobThatIgnoresTheOrderIsGivenBackAndFenced) {
  const std::string id = put();
  std::latch began(1);
  std::latch go_on(1);
  start([&](JobContext&) -> Outcome {
    began.count_down();
    go_on.wait();
    return Done{"too late"};
  });
  began.wait();
  EXPECT_EQ(worker->stop(Deadline::after(1ms), Deadline::after(2ms)), 1);
  EXPECT_EQ(get(id).state, State::kAvailable);
  go_on.count_down();
  worker.reset();
  EXPECT_EQ(get(id).state, State::kAvailable);
}

TEST_F(TaskWorkerTest, OtherKindsAndQueuesAreLeftAlone) {
  const std::string other_kind = put({.kind = "other"});
  const std::string other_queue = put({.kind = "work", .queue = "other"});
  EXPECT_EQ(run([](JobContext&) -> Outcome { return Done{}; }).state, State::kCompleted);
  EXPECT_EQ(get(other_kind).state, State::kAvailable);
  EXPECT_EQ(get(other_queue).state, State::kAvailable);
}

TEST_F(TaskWorkerTest, RunsAsManyAtOnceAsItHasThreads) {
  for (int i = 0; i < 6; ++i) put();
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::atomic<int> taken = 0;
  std::latch first_three(3);
  std::latch all(6);
  start(
      [&](JobContext&) -> Outcome {
        most = std::max<int>(most, ++running);
        if (taken++ < 3) first_three.arrive_and_wait();
        --running;
        all.count_down();
        return Done{};
      },
      {.threads = 3});
  all.wait();
  worker->stop(Deadline::never(), Deadline::never());
  EXPECT_EQ(most, 3);
  EXPECT_EQ(store->counts(Deadline::after(10s))->at(State::kCompleted), 6u);
}

TEST_F(TaskWorkerTest, TellsWhatRuns) {
  run([&](JobContext& context) -> Outcome {
    const std::vector<RunningJob> running = worker->running();
    EXPECT_EQ(running.size(), 1u);
    EXPECT_EQ(running.at(0).id, context.job().id);
    EXPECT_EQ(running.at(0).kind, "work");
    return Done{};
  });
  EXPECT_TRUE(worker->running().empty());
}

// A store that refuses an attempt's writes while told to.
class Refusing final : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  Result<void> complete(const LeaseToken& token, std::string_view result, Deadline d) override {
    if (results_refused-- > 0) return saola::fail(why, "refused");
    return StoreDecorator::complete(token, result, d);
  }
  Result<std::vector<LeaseState>> renew(std::span<const LeaseToken> tokens, Micros lease,
                                        Deadline d) override {
    if (++renewals == 1) first_renewal = std::chrono::steady_clock::now();
    if (renewals_refused-- > 0) return saola::fail(why, "refused");
    return StoreDecorator::renew(tokens, lease, d);
  }
  Result<std::vector<Job>> claim(const ClaimRequest& request, Deadline d) override {
    auto claimed = StoreDecorator::claim(request, d);
    if (claimed && !claimed->empty() && claims_lost-- > 0) return saola::fail(why, "no answer");
    return claimed;
  }

  ErrorCode why = ErrorCode::kUnavailable;
  int results_refused = 0;
  int claims_lost = 0;
  std::atomic<int> renewals_refused = 0;
  std::atomic<int> renewals = 0;
  SteadyTime first_renewal{};
};

TEST_F(TaskWorkerTest, AResultIsKeptUntilTheStoreCanTakeIt) {
  for (const ErrorCode why : {ErrorCode::kResourceExhausted, ErrorCode::kPermissionDenied}) {
    Refusing refusing(*store);
    refusing.why = why;
    refusing.results_refused = 1;
    const std::string id = put();
    std::latch began(1);
    start(
        [&](JobContext&) -> Outcome {
          began.count_down();
          return Done{"[1]"};
        },
        {}, &refusing);
    began.wait();
    EXPECT_EQ(worker->stop(Deadline::never(), Deadline::never()), 0);
    EXPECT_EQ(get(id).state, State::kCompleted) << to_string(why);
    EXPECT_EQ(get(id).attempt, 1);
    worker.reset();
  }
}

TEST_F(TaskWorkerTest, ARefusedRenewalIsTriedAgainAtOnce) {
  Refusing refusing(*store);
  refusing.renewals_refused = 3;
  put();
  std::latch began(1);
  start(
      [&](JobContext&) -> Outcome {
        began.count_down();
        EXPECT_TRUE(until([&] { return refusing.renewals >= 4; }));
        return Done{};
      },
      {.lease = 3s, .renew_every = 1s}, &refusing);
  began.wait();
  worker->stop(Deadline::never(), Deadline::never());
  EXPECT_LT(std::chrono::steady_clock::now() - refusing.first_renewal, 2s)
      << "by renew_every, three repeats take three seconds";
}

// A store that takes its time for progress.
class SlowProgress final : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  Result<void> set_progress(const LeaseToken& token, const Progress& progress,
                            Deadline d) override {
    std::this_thread::sleep_for(5ms);  // what it takes
    most_in_a_row = std::max(most_in_a_row, ++in_a_row);
    const std::lock_guard lock(mutex);
    stored.insert(token.job_id);
    return StoreDecorator::set_progress(token, progress, d);
  }
  Result<std::vector<LeaseState>> renew(std::span<const LeaseToken> tokens, Micros lease,
                                        Deadline d) override {
    in_a_row = 0;
    return StoreDecorator::renew(tokens, lease, d);
  }

  // Of the keeper.
  int in_a_row = 0;
  int most_in_a_row = 0;
  std::mutex mutex;
  std::set<std::string> stored;  // guarded by mutex
};

TEST_F(TaskWorkerTest, RenewalsDoNotWaitForProgressAndEveryJobsProgressHasItsTurn) {
  constexpr int kJobs = 12;
  SlowProgress slow(*store);
  for (int i = 0; i < kJobs; ++i) put();
  std::latch ended(kJobs);
  start(
      [&](JobContext& context) -> Outcome {
        EXPECT_TRUE(until([&] {
          context.progress(0.5, "going on");
          const std::lock_guard lock(slow.mutex);
          return slow.stored.size() == kJobs;
        }));
        ended.count_down();
        return Done{};
      },
      {.threads = kJobs, .renew_every = 1ms}, &slow);
  ended.wait();
  worker->stop(Deadline::never(), Deadline::never());
  // Leases are due all the time: a renewal follows on each.
  EXPECT_EQ(slow.most_in_a_row, 1);
}

TEST_F(TaskWorkerTest, AClaimThatNobodyHeardOfIsGivenBack) {
  Refusing refusing(*store);
  refusing.claims_lost = 1;
  const std::string id = put();
  std::latch ran(1);
  start(
      [&](JobContext&) -> Outcome {
        ran.count_down();
        return Done{};
      },
      {}, &refusing);
  ran.wait();
  worker->stop(Deadline::never(), Deadline::never());
  EXPECT_EQ(get(id).state, State::kCompleted);
  EXPECT_EQ(get(id).attempt, 2);
  EXPECT_EQ(get(id).failures, 0);
}

// The heart of the matter: handlers at the lowest priority that burn every core, on a machine where
// others burn them too, do not keep their leases from being renewed.
TEST_F(TaskWorkerTest, CpuWorkCannotStarveItsLease) {
  std::atomic<bool> enough = false;
  std::vector<std::jthread> burners;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    burners.emplace_back([&] {
      while (!enough) {
      }
    });
  }
  const Maintainer maintainer(*store, {.every = 20ms});
  std::atomic<int> niceness = 0;
  const std::string id = put({.kind = "work"});
  std::latch ended(1);
  start(
      [&](JobContext& context) -> Outcome {
        const Deadline burn = Deadline::after(3s);
        while (!burn.passed() && !context.stop_token().stop_requested()) {
        }
        ended.count_down();
        return Done{};
      },
      {.lease = 1s, .renew_every = 200ms, .on_job_thread_start = [&] {
         // On Linux a nice value belongs to one thread; 0 names the caller.
         ::setpriority(PRIO_PROCESS, 0, 19);
         niceness = ::getpriority(PRIO_PROCESS, 0);
       }});
  ended.wait();
  worker->stop(Deadline::never(), Deadline::never());
  enough = true;
  EXPECT_EQ(niceness, 19);
  const Job job = get(id);
  EXPECT_EQ(job.state, State::kCompleted);
  EXPECT_EQ(job.attempt, 1);
}

TEST_F(TaskWorkerTest, AfterEachJobItsThreadIsTold) {
  std::atomic<int> handled = 0;
  std::atomic<int> after = 0;
  std::latch both(2);
  put({.kind = "work"});
  put({.kind = "work"});
  start(
      [&](JobContext&) -> Outcome {
        if (++handled == 1) throw std::runtime_error("this one fails");
        return Done{};
      },
      {.after_job = [&] {
        ++after;
        EXPECT_GE(handled, after);
        both.count_down();
      }});
  both.wait();
  worker->stop(Deadline::never(), Deadline::never());
}

// Rounds of upkeep, counted by the looks at the leases.
class CountedLooks final : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  Result<std::vector<LeaseSeen>> leases(Deadline d) override {
    ++looks;
    looks.notify_all();
    return StoreDecorator::leases(d);
  }
  Result<void> probe(Deadline d) override {
    if (!writable) return saola::fail(ErrorCode::kTimedOut, "locked");
    return StoreDecorator::probe(d);
  }
  void wait_for_looks(int more) {
    for (const int until = looks + more; looks < until;) looks.wait(looks);
  }
  std::atomic<int> looks = 0;
  std::atomic<bool> writable = true;
};

TEST(MaintainerTest, TakesNoLeaseWhileTheStoreRefusesWritesOrItsOwnerLives) {
  const auto memory = make_memory_store();
  CountedLooks store(*memory);
  const Deadline soon = Deadline::after(10s);
  const std::string id = store.enqueue({.kind = "work"}, soon)->job.id;
  ASSERT_EQ(store.claim({.owner = "w1", .kinds = {"work"}, .lease = 20ms}, soon)->size(), 1u);
  std::atomic<bool> lives = false;
  std::atomic<std::size_t> rescued = 0;
  store.writable = false;
  const Maintainer maintainer(store, {.every = 2ms,
                                      .owner_lives =
                                          [&](const std::string& owner) {
                                            EXPECT_EQ(owner, "w1");
                                            return lives.load();
                                          },
                                      .on_rescue = [&](std::size_t jobs) { rescued += jobs; }});
  store.wait_for_looks(40);
  EXPECT_EQ(store.get(id, soon)->state, State::kRunning);
  lives = true;
  store.wait_for_looks(2);  // the round in which nobody lived is over
  store.writable = true;
  store.wait_for_looks(40);
  EXPECT_EQ(store.get(id, soon)->state, State::kRunning);
  lives = false;
  while (store.get(id, soon)->state == State::kRunning && !soon.passed()) store.wait_for_looks(1);
  EXPECT_EQ(store.get(id, soon)->state, State::kAvailable);
  while (rescued == 0 && !soon.passed()) store.wait_for_looks(1);
  EXPECT_EQ(rescued, 1u);
}

TEST(MaintainerTest, PromotesRescuesAndPrunes) {
  const auto store = make_memory_store({.backoff = {.base = 1us, .cap = 1us}});
  const Deadline soon = Deadline::after(10s);
  const std::string lost = store->enqueue({.kind = "work"}, soon)->job.id;
  ASSERT_EQ(store->claim({.owner = "dead", .kinds = {"work"}, .lease = 1us}, soon)->size(), 1u);
  const std::string old = store->enqueue({.kind = "old"}, soon)->job.id;
  ASSERT_TRUE(store->cancel(old, soon));
  std::uint64_t mark = store->work_mark();
  const Maintainer maintainer(*store,
                              {.every = 1ms, .prune_every = 1ms, .retention = {.cancelled = 0s}});
  ASSERT_TRUE(store->wait_for_work(mark, soon, {}));
  EXPECT_EQ(store->claim({.owner = "alive", .kinds = {"work"}}, soon)->at(0).id, lost);
  while (store->get(old, soon) && !soon.passed()) std::this_thread::yield();
  EXPECT_EQ(store->get(old, soon).error().code(), ErrorCode::kNotFound);
}

TEST(MaintainerTest, AJobWhoseLeavingsStayIsDeletedOnlyForItsRoom) {
  const auto store = make_memory_store();
  const Deadline soon = Deadline::after(10s);
  std::vector<std::string> jobs;
  for (const std::size_t size : {500'000, 1'000}) {
    jobs.push_back(
        store->enqueue({.kind = "work", .payload = std::string(size, 'p')}, soon)->job.id);
    const auto taken = store->claim({.owner = "w", .kinds = {"work"}}, soon);
    ASSERT_TRUE(store->complete(taken->at(0).token(), "1", soon));
  }
  std::atomic<int> tried = 0;
  const Maintainer maintainer(
      *store, {.prune_every = 1ms,
               .retention = {.completed = 0s, .max_bytes = 400'000},
               .remove_leavings = [&](const Job& job, const std::stop_token&) -> Result<void> {
                 EXPECT_EQ(job.result, "1");
                 ++tried;
                 return fail(ErrorCode::kPermissionDenied, "as the test wants it");
               }});
  while (store->get(jobs[0], soon) && !soon.passed()) std::this_thread::yield();
  EXPECT_FALSE(store->get(jobs[0], soon));
  const int until_now = tried;
  while (tried < until_now + 5 && !soon.passed()) std::this_thread::yield();
  EXPECT_TRUE(store->get(jobs[1], soon)) << "it is tried again and again";
}

}  // namespace
}  // namespace saola::jobs
