// What the embedded store costs: durable enqueues by 1, 8 and 64 clients, claims with completion,
// and lists over 100,000 jobs. Rates depend on the disk's fsync.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <saola/base/check.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/jobs_sqlite/sqlite_store.hpp>
#include <saola/testing/temp_folder.hpp>

namespace saola::jobs_sqlite {
namespace {

using Seconds = std::chrono::duration<double>;

struct Home {
  Home() {
    auto opened = open_sqlite_store(
        {.path = folder.path() + "/jobs.db", .store = {.queue_limit = 10'000'000}});
    SAOLA_CHECK(opened, "the store opens");
    store = *std::move(opened);
  }
  TempFolder folder;
  std::unique_ptr<jobs::Store> store;
};

const std::string kPayload(200, 'p');

void put(jobs::Store& store, int count) {
  for (int i = 0; i < count; ++i) {
    SAOLA_CHECK(store.enqueue({.kind = "split", .payload = kPayload}, Deadline::never()), "stored");
  }
}

// Puts `count` jobs from many threads, which is faster.
void fill(jobs::Store& store, int count) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 32; ++t) threads.emplace_back([&] { put(store, count / 32); });
}

// What the disk allows: appending a page to a file and syncing it, which every commit must at least
// do.
void floor_append_fdatasync(benchmark::State& state) {
  const TempFolder folder;
  const unique_fd file(::open((folder.path() + "/log").c_str(), O_CREAT | O_WRONLY, 0600));
  const std::string page(4096, 'x');
  for (auto _ : state) {
    SAOLA_CHECK(::write(file.get(), page.data(), page.size()) == 4096, "written");
    SAOLA_CHECK(::fdatasync(file.get()) == 0, "synced");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(floor_append_fdatasync)->UseRealTime();

class Enqueue : public benchmark::Fixture {
 public:
  void SetUp(const benchmark::State& state) override {
    if (state.thread_index() == 0) home = std::make_unique<Home>();
  }
  void TearDown(const benchmark::State& state) override {
    if (state.thread_index() == 0) home.reset();
  }
  void report(benchmark::State& state, std::vector<double>& waits) {
    std::ranges::sort(waits);
    const auto at = [&](double share) {
      return waits[static_cast<std::size_t>(share * static_cast<double>(waits.size() - 1))];
    };
    using benchmark::Counter;
    state.SetItemsProcessed(state.iterations());
    state.counters["p50_ms"] = Counter(at(0.5) * 1e3, Counter::kAvgThreads);
    state.counters["p99_ms"] = Counter(at(0.99) * 1e3, Counter::kAvgThreads);
  }
  std::unique_ptr<Home> home;
};

BENCHMARK_DEFINE_F(Enqueue, Clients)(benchmark::State& state) {
  std::vector<double> waits;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    put(*home->store, 1);
    waits.push_back(Seconds(std::chrono::steady_clock::now() - begin).count());
  }
  report(state, waits);
}
BENCHMARK_REGISTER_F(Enqueue, Clients)->Threads(1)->Threads(8)->Threads(64)->UseRealTime();

void claim_and_complete(benchmark::State& state) {
  Home home;
  const auto batch = static_cast<std::size_t>(state.range(0));
  std::int64_t done = 0;
  for (auto _ : state) {
    state.PauseTiming();
    fill(*home.store, 32 * 8);
    state.ResumeTiming();
    for (;;) {
      const auto jobs =
          home.store->claim({.owner = "w", .kinds = {"split"}, .limit = batch}, Deadline::never());
      SAOLA_CHECK(jobs, "claimed");
      if (jobs->empty()) break;
      for (const jobs::Job& job : *jobs) {
        SAOLA_CHECK(home.store->complete(job.token(), "{}", Deadline::never()), "completed");
        ++done;
      }
    }
  }
  state.SetItemsProcessed(done);
}
BENCHMARK(claim_and_complete)->Arg(1)->Arg(8)->UseRealTime()->Unit(benchmark::kMillisecond);

Home& home_of_100k() {
  static Home home;
  static const bool filled = [] {
    fill(*home.store, 100'000);
    // Some of every kind of state.
    const auto jobs =
        home.store->claim({.owner = "w", .kinds = {"split"}, .limit = 1000}, Deadline::never());
    for (std::size_t i = 0; i < 900; ++i) {
      (void)home.store->complete((*jobs)[i].token(), "{}", Deadline::never());
    }
    return true;
  }();
  SAOLA_CHECK(filled, "filled");
  return home;
}

void list_100k(benchmark::State& state, const jobs::ListRequest& request) {
  jobs::Store& store = *home_of_100k().store;
  std::size_t jobs = 0;
  for (auto _ : state) jobs = store.list(request, Deadline::never())->jobs.size();
  state.counters["jobs"] = static_cast<double>(jobs);
}
BENCHMARK_CAPTURE(list_100k, newest_50, jobs::ListRequest{});
BENCHMARK_CAPTURE(list_100k, newest_1000, jobs::ListRequest{.limit = 1000});
BENCHMARK_CAPTURE(list_100k, running, jobs::ListRequest{.states = {jobs::State::kRunning}});
BENCHMARK_CAPTURE(list_100k, kind_nobody_has, jobs::ListRequest{.kind = "other"});
BENCHMARK_CAPTURE(list_100k, waiting_and_running,
                  jobs::ListRequest{.states = {jobs::State::kAvailable, jobs::State::kRunning}});

void counts_100k(benchmark::State& state) {
  jobs::Store& store = *home_of_100k().store;
  for (auto _ : state) benchmark::DoNotOptimize(store.counts(Deadline::never()));
}
BENCHMARK(counts_100k)->Unit(benchmark::kMillisecond);

void position_100k(benchmark::State& state) {
  jobs::Store& store = *home_of_100k().store;
  const std::string last = store.list({.limit = 1}, Deadline::never())->jobs.at(0).id;
  for (auto _ : state) benchmark::DoNotOptimize(store.position(last, Deadline::never()));
}
BENCHMARK(position_100k)->Unit(benchmark::kMillisecond);

void idle_claim(benchmark::State& state) {
  Home home;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        home.store->claim({.owner = "w", .kinds = {"split"}}, Deadline::never()));
  }
}
BENCHMARK(idle_claim);

}  // namespace
}  // namespace saola::jobs_sqlite
