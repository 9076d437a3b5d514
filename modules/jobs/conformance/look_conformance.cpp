// What lists, counts and limits say, and what is deleted in the end. By the fake clock.
#include <gmock/gmock.h>

#include "store_conformance.hpp"

namespace saola::jobs {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

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

TEST_P(StoreConformance, PrunableNamesWhatPruneWouldDeleteAndEraseDeletesIt) {
  open();
  const auto complete = [&] {
    const Job job = put();
    EXPECT_TRUE(store->complete(take().token(), "1", soon));
    clock.advance(1s);
    return get(job.id);
  };
  const Job first = complete();
  const Job second = complete();
  const Job cancelled = put();
  ASSERT_TRUE(store->cancel(cancelled.id, soon));
  const Retention retention{.completed = 1h, .cancelled = 1h};
  EXPECT_TRUE(store->prunable(retention, {}, soon)->empty());
  clock.advance(2h);
  const auto all = store->prunable(retention, {}, soon);
  EXPECT_EQ(ids(*all), (std::vector{first.id, second.id, cancelled.id}));
  EXPECT_FALSE(all->front().result) << "summaries";
  const EndOfJob behind{*first.finished_at, first.id};
  EXPECT_EQ(ids(*store->prunable(retention, behind, soon)), (std::vector{second.id, cancelled.id}));
  // One that runs again meanwhile is none of them any more.
  ASSERT_TRUE(store->retry(cancelled.id, soon));
  EXPECT_EQ(store->erase(*all, soon), 2u);
  EXPECT_EQ(store->get(first.id, soon).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(state(cancelled.id), State::kAvailable);
  ASSERT_TRUE(store->cancel(cancelled.id, soon));
  EXPECT_EQ(store->erase(*all, soon), 0u) << "it ended anew";
}

TEST_P(StoreConformance, PrunableForTheSizeGoesByAFewAtOnce) {
  open();
  std::vector<std::string> oldest;
  for (int i = 0; i < 15; ++i) {
    oldest.push_back(put({.kind = "split", .payload = std::string(10'000, 'p')}).id);
    ASSERT_TRUE(store->complete(take().token(), "1", soon));
    clock.advance(1s);
  }
  oldest.resize(10);
  EXPECT_TRUE(store->prunable({.max_bytes = 50'000}, {}, soon)->empty()) << "too young";
  clock.advance(1min);
  EXPECT_EQ(ids(*store->prunable({.max_bytes = 50'000}, {}, soon)), oldest);
  EXPECT_TRUE(store->prunable({.max_bytes = 1 << 30}, {}, soon)->empty());
}

}  // namespace
}  // namespace saola::jobs
