// submit → result, one at a time and with many in flight, in both models.
#include <vector>

#include <benchmark/benchmark.h>

#include <saola/futures/fiber_executor.hpp>
#include <saola/runtime/runtime.hpp>

namespace saola::futures {
namespace {

void one_at_a_time(benchmark::State& state, Executor& pool) {
  for (auto _ : state) benchmark::DoNotOptimize(pool.submit([] { return 1; }).result());
}

// The time of one iteration is that of `kInFlight` futures; items are futures.
constexpr int kInFlight = 200'000;

void in_flight(benchmark::State& state, Executor& pool) {
  std::vector<Future<int>> futures;
  futures.reserve(kInFlight);
  for (auto _ : state) {
    futures.clear();
    for (int i = 0; i < kInFlight; ++i) futures.push_back(pool.submit([i] { return i; }));
    for (const Future<int>& future : futures) benchmark::DoNotOptimize(future.result());
  }
  state.SetItemsProcessed(state.iterations() * kInFlight);
}

using Body = void (*)(benchmark::State&, Executor&);

// A plain thread and a pool of threads: what the table of peers has.
void threads(benchmark::State& state, Body body) {
  ThreadPoolExecutor pool({.max_workers = 5});
  body(state, pool);
}
// A fiber that waits for a pool of threads: a request that hands work away.
void fiber_and_threads(benchmark::State& state, Body body) {
  runtime::Runtime loop;
  loop.run([&] {
    ThreadPoolExecutor pool({.max_workers = 5});
    body(state, pool);
  });
}
void fibers(benchmark::State& state, Body body) {
  runtime::Runtime loop;
  loop.run([&] {
    FiberExecutor pool(loop, {.max_workers = 5});
    body(state, pool);
  });
}

BENCHMARK_CAPTURE(threads, one_at_a_time, one_at_a_time)->UseRealTime();
BENCHMARK_CAPTURE(fiber_and_threads, one_at_a_time, one_at_a_time)->UseRealTime();
BENCHMARK_CAPTURE(fibers, one_at_a_time, one_at_a_time)->UseRealTime();
BENCHMARK_CAPTURE(threads, in_flight, in_flight)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fiber_and_threads, in_flight, in_flight)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fibers, in_flight, in_flight)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace saola::futures
