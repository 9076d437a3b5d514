#include <vector>

#include <benchmark/benchmark.h>
#include <boost/context/detail/fcontext.hpp>

#include <saola/runtime/runtime.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/sync/semaphore.hpp>

namespace saola::runtime {
namespace {

// The floor: two jumps of Boost.Context and nothing else.
void bare_context_jump(benchmark::State& state) {
  std::vector<char> stack(64 * 1024);
  namespace ctx = boost::context::detail;
  ctx::fcontext_t there =
      ctx::make_fcontext(stack.data() + stack.size(), stack.size(), [](ctx::transfer_t t) {
        for (;;) t = ctx::jump_fcontext(t.fctx, nullptr);
      });
  for (auto _ : state) there = ctx::jump_fcontext(there, nullptr).fctx;
  state.counters["ns_per_switch"] =
      benchmark::Counter(2.0 * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(bare_context_jump)->Repetitions(5)->ReportAggregatesOnly();

// One yield between two fibers, the monitor and rescue on.
void yield_between_two(benchmark::State& state) {
  Runtime runtime;
  runtime.run([&] {
    bool stop = false;
    Task other = spawn([&] {
      while (!stop) this_task::yield();
    });
    for (auto _ : state) this_task::yield();
    stop = true;
    other.join();
  });
  // Each iteration is two switches: there and back.
  state.counters["ns_per_switch"] =
      benchmark::Counter(2.0 * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(yield_between_two)->Repetitions(5)->ReportAggregatesOnly();

void spawn_and_join(benchmark::State& state) {
  Runtime runtime;
  runtime.run([&] {
    for (auto _ : state) spawn([] {}).join();
  });
}
BENCHMARK(spawn_and_join)->Repetitions(5)->ReportAggregatesOnly();

// One wait and one wake-up each way between two fibers.
void wake_each_other(benchmark::State& state) {
  Runtime runtime;
  runtime.run([&] {
    Semaphore there(0);
    Semaphore back(0);
    bool stop = false;
    Task other = spawn([&] {
      while (there.acquire() && !stop) back.release();
    });
    for (auto _ : state) {
      there.release();
      back.acquire();
    }
    stop = true;
    there.release();
    other.join();
  });
}
BENCHMARK(wake_each_other)->Repetitions(5)->ReportAggregatesOnly();

// Runtime::tasks() over that many parked fibers, ten of them described.
void list_of_tasks(benchmark::State& state) {
  Runtime runtime({.stack_bytes = 16 * 1024});
  runtime.run([&] {
    Event end;
    std::vector<Task> tasks;
    for (std::int64_t i = 0; i < state.range(0); ++i) tasks.push_back(spawn([&] { end.wait(); }));
    this_task::yield();
    for (auto _ : state) benchmark::DoNotOptimize(runtime.tasks({.limit = 10}));
    end.set();
    for (Task& task : tasks) task.join();
  });
}
BENCHMARK(list_of_tasks)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMillisecond);

void uncontended_mutex(benchmark::State& state) {
  Runtime runtime;
  runtime.run([&] {
    Mutex mutex;
    for (auto _ : state) {
      mutex.lock();
      mutex.unlock();
    }
  });
}
BENCHMARK(uncontended_mutex)->Repetitions(5)->ReportAggregatesOnly();

}  // namespace
}  // namespace saola::runtime
