// What Store promises when many use it at once, and that long random histories agree with the
// memory store.
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include <saola/jobs/memory_store.hpp>

#include "store_conformance.hpp"

namespace saola::jobs {
namespace {

using namespace std::chrono_literals;

TEST_P(StoreConformance, NoJobIsClaimedTwice) {
  open();
  constexpr int kJobs = 300;
  for (int i = 0; i < kJobs; ++i) put();
  std::mutex mutex;
  std::multiset<std::string> claimed;
  {
    std::vector<std::jthread> workers;
    for (int w = 0; w < 6; ++w) {
      workers.emplace_back([&, owner = fmt::format("w{}", w)] {
        for (;;) {
          const auto jobs = store->claim({.owner = owner, .kinds = {"split"}, .limit = 3}, soon);
          ASSERT_TRUE(jobs) << jobs.error().message();
          if (jobs->empty()) return;
          for (const Job& job : *jobs) {
            {
              const std::lock_guard lock(mutex);
              claimed.insert(job.id);
            }
            ASSERT_TRUE(store->complete(job.token(), "1", soon));
          }
        }
      });
    }
  }
  EXPECT_EQ(claimed.size(), static_cast<std::size_t>(kJobs));
  EXPECT_EQ(std::set(claimed.begin(), claimed.end()).size(), static_cast<std::size_t>(kJobs));
  EXPECT_EQ(store->counts(soon)->at(State::kCompleted), static_cast<std::size_t>(kJobs));
}

TEST_P(StoreConformance, ConcurrentRepeatsOfOneRequestMakeOneJob) {
  open();
  std::atomic<int> created = 0;
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < 8; ++c) {
      clients.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          const auto job =
              store->enqueue({.kind = "split", .idempotency_key = fmt::format("key {}", i)}, soon);
          ASSERT_TRUE(job) << job.error().message();
          created += job->created;
        }
      });
    }
  }
  EXPECT_EQ(created, 20);
  EXPECT_EQ(store->counts(soon)->at(State::kAvailable), 20u);
}

TEST_P(StoreConformance, OnlyOneOfManyEndsAnAttempt) {
  open();
  for (int round = 0; round < 20; ++round) {
    put();
    const Job job = take();
    std::atomic<int> ended = 0;
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
          const auto done = t % 2 == 0 ? store->complete(job.token(), std::to_string(t), soon)
                                       : store->fail(job.token(), {.text = "x"}, soon);
          ended += done.has_value();
        });
      }
    }
    EXPECT_EQ(ended, 1);
  }
}

TEST_P(StoreConformance, AWaiterIsWokenByNewWork) {
  open();
  std::uint64_t mark = store->work_mark();
  std::jthread producer([&] { put(); });
  while (store->wait_for_work(mark, soon, {})) {
    mark = store->work_mark();
    if (!claim(1).empty()) return;
  }
  FAIL() << "nobody woke the waiter";
}

TEST_P(StoreConformance, WorkThatCameBeforeTheWaitIsNotMissed) {
  open();
  const std::uint64_t mark = store->work_mark();
  put();
  EXPECT_TRUE(store->wait_for_work(mark, soon, {}));
}

TEST_P(StoreConformance, AWaitEndsWithItsDeadlineOrStop) {
  open();
  const std::uint64_t mark = store->work_mark();
  EXPECT_FALSE(store->wait_for_work(mark, Deadline::after(1ms), {}));
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(store->wait_for_work(mark, Deadline::never(), stop.get_token()));
}

// One of every verb on random jobs, with both stores fed the same random numbers and time: all they
// answer and all they hold must be equal.
class History {
  int roll(int sides) { return static_cast<int>(dice_() % static_cast<std::uint64_t>(sides)); }
  template <typename T>
  const T& pick(const std::vector<T>& from) {
    // The last few, so that verbs meet jobs that are still about.
    const std::size_t recent = std::min<std::size_t>(from.size(), 25);
    return from[from.size() - 1 - static_cast<std::size_t>(roll(static_cast<int>(recent)))];
  }
  std::string kind() { return std::string(1, static_cast<char>('a' + roll(3))); }

  static Result<bool> done(Result<void> result) {
    if (!result) return fail(result);
    return true;
  }

  template <typename Verb>
  auto both(Verb verb) {
    auto pair = std::pair(verb(tested_), verb(oracle_));
    EXPECT_EQ(pair.first.has_value(), pair.second.has_value());
    if (!pair.first && !pair.second) {
      EXPECT_EQ(pair.first.error().message(), pair.second.error().message());
    } else if (!pair.first) {
      ADD_FAILURE() << pair.first.error().message();
    }
    return pair;
  }
  template <typename Verb>
  void equal(Verb verb) {
    const auto [a, b] = both(verb);
    if (a && b) {
      EXPECT_TRUE(*a == *b);
    }
  }

 public:
  History(Store& tested, Store& oracle, ManualClock& clock, std::uint64_t seed)
      : tested_(tested), oracle_(oracle), clock_(clock), dice_(seed) {}

  void step() {
    const Deadline deadline = Deadline::after(30s);
    const LeaseToken token = tokens_.empty() ? LeaseToken{} : pick(tokens_);
    const std::string id = ids_.empty() ? "none" : pick(ids_);
    const int verb = roll(20);
    SCOPED_TRACE(fmt::format("verb {}", verb));
    switch (verb) {
      case 0:
      case 1:
      case 2: {
        NewJob job{.kind = kind(), .queue = roll(4) == 0 ? "other" : "default"};
        job.payload = std::string(roll(4) * 3000, 'p');
        job.priority = roll(3);
        job.max_attempts = 1 + roll(3);
        if (roll(3) == 0) job.scheduled_at = clock_.now() + Micros(roll(5'000'000));
        if (roll(3) == 0) job.idempotency_key = std::to_string(roll(30));
        if (roll(3) == 0) job.unique_key = std::to_string(roll(5));
        const auto [a, b] = both([&](Store& s) { return s.enqueue(job, deadline); });
        if (a && b) {
          EXPECT_EQ(a->job, b->job);
          EXPECT_EQ(a->created, b->created);
          ids_.push_back(a->job.id);
        }
        break;
      }
      case 3:
      case 4:
      case 5: {
        const ClaimRequest request{.owner = fmt::format("w{}", roll(3)),
                                   .kinds = {kind(), kind()},
                                   .queues = {"default", "other"},
                                   .limit = static_cast<std::size_t>(roll(4)),
                                   .lease = Micros(1 + roll(4'000'000))};
        const auto [a, b] = both([&](Store& s) { return s.claim(request, deadline); });
        if (a && b) {
          EXPECT_EQ(*a, *b);
          for (const Job& job : *a) tokens_.push_back(job.token());
        }
        break;
      }
      case 6: {
        const std::vector some{token, tokens_.empty() ? token : pick(tokens_)};
        equal([&](Store& s) { return s.renew(some, 3s, deadline); });
        break;
      }
      case 7:
        equal([&](Store& s) { return done(s.set_progress(token, {0.5, "half"}, deadline)); });
        break;
      case 8: {
        const std::string bytes(roll(5000), 'c');
        equal([&](Store& s) { return done(s.set_checkpoint(token, bytes, deadline)); });
        break;
      }
      case 9:
      case 10:
        equal([&](Store& s) { return done(s.complete(token, "[1]", deadline)); });
        break;
      case 11: {
        const FailRequest request{
            .text = "failed",
            .next = roll(5) == 0 ? FailRequest::Next::kDiscard : FailRequest::Next::kRetry};
        equal([&](Store& s) { return done(s.fail(token, request, deadline)); });
        break;
      }
      case 12: {
        const Micros delay(roll(2) * 1'000'000);
        equal([&](Store& s) { return done(s.snooze(token, delay, deadline)); });
        break;
      }
      case 13:
        equal([&](Store& s) { return done(s.requeue(token, deadline)); });
        break;
      case 14:
        equal([&](Store& s) { return s.cancel(id, deadline); });
        break;
      case 15:
        equal([&](Store& s) { return done(s.confirm_cancelled(token, deadline)); });
        break;
      case 16:
        equal([&](Store& s) { return s.retry(id, deadline); });
        break;
      case 17:
        equal([&](Store& s) { return s.release_owner(token.owner, deadline); });
        break;
      case 18:
        equal([&](Store& s) -> Result<std::size_t> {
          auto leases = s.leases(deadline);
          if (!leases) return fail(leases);
          std::erase_if(*leases, [&](const LeaseSeen& l) { return l.expires_at > clock_.now(); });
          return s.take_back(*leases, deadline);
        });
        equal([&](Store& s) { return s.promote_due(deadline); });
        break;
      case 19:
        equal([&](Store& s) { return s.prunable({5s, 6s, 7s}, {clock_.now() - 6s}, deadline); });
        equal([&](Store& s) { return s.prune({5s, 6s, 7s}, deadline); });
        equal([&](Store& s) { return s.counts(deadline); });
        break;
    }
    // Now and then it is set back.
    clock_.advance(roll(40) == 0 ? -Micros(roll(3'000'000)) : Micros(roll(200'000)));
  }

  void compare_all() {
    const Deadline deadline = Deadline::after(30s);
    ListRequest request{.limit = 50};
    do {
      const auto [a, b] = both([&](Store& s) { return s.list(request, deadline); });
      ASSERT_TRUE(a && b);
      ASSERT_EQ(a->jobs, b->jobs);
      ASSERT_EQ(a->next_cursor, b->next_cursor);
      for (const Job& job : a->jobs) {
        equal([&](Store& s) { return s.get(job.id, deadline); });
        const auto [p, q] = both([&](Store& s) { return s.position(job.id, deadline); });
        ASSERT_TRUE(p && q);
        EXPECT_EQ(p->ahead, q->ahead);
        EXPECT_EQ(p->estimated_wait, q->estimated_wait);
      }
      request.cursor = a->next_cursor;
    } while (!request.cursor.empty());
  }

 private:
  Store& tested_;
  Store& oracle_;
  ManualClock& clock_;
  std::mt19937_64 dice_;
  std::vector<std::string> ids_ = {};
  std::vector<LeaseToken> tokens_ = {};
};

TEST_P(StoreConformance, RandomHistoriesAgreeWithTheMemoryStore) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    open({.random = seeded_random(seed), .queue_limit = 12});
    const auto oracle =
        make_memory_store({.clock = &clock, .random = seeded_random(seed), .queue_limit = 12});
    History history(*store, *oracle, clock, seed * 1000);
    for (int i = 0; i < 500 && !HasFailure(); ++i) {
      SCOPED_TRACE(fmt::format("step {}", i));
      history.step();
      if (i % 100 == 99) history.compare_all();
    }
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace saola::jobs
