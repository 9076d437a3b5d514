#include <atomic>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include <saola/runtime/placed.hpp>
#include <saola/runtime/sync/event.hpp>

#include "leak_check.hpp"
#include "list/test_tasks.hpp"
#include "loop/forced_stealer.hpp"
#include "monitor/test_hog.hpp"

namespace saola::runtime {
namespace {

using ::testing::HasSubstr;

// Hogs until it is told to end, in a function that a stack must name.
[[gnu::noinline]] void hog_until(const std::atomic<bool>& end) {
  while (!end) burn_cpu_for(1ms);
}
// ThreadSanitizer handles a signal when it likes to, in frames of its own.
auto names_the_hog() {
#ifdef SAOLA_TSAN
  return testing::Not(testing::IsEmpty());
#else
  return HasSubstr("hog_until");
#endif
}
[[gnu::noinline]] void wait_in_here(Event& event) {
  event.wait();
  asm volatile("");  // no tail call
}

// Runs `body` on a plain thread while the runtime's main fiber waits for it.
void from_a_thread(Runtime& runtime, std::move_only_function<void()> main,
                   std::move_only_function<void()> body) {
  std::jthread thread(std::move(body));
  runtime.run(std::move(main));
}

TEST(TaskList, WorksWhileTheLoopIsHung) {
  Runtime runtime({.on_stall = StallPolicy::kIgnore});
  std::atomic<bool> end{false};
  Event never;
  std::atomic<std::uint64_t> hog{0};
  std::atomic<std::uint64_t> waiter{0};
  from_a_thread(
      runtime,
      [&] {
        Task waiting = spawn([&] { wait_in_here(never); }, {.name = "waiter"});
        waiter = waiting.id();
        this_task::yield();
        Task ready = spawn([] {}, {.name = "ready one"});
        Task hogging = spawn([&] { hog_until(end); }, {.name = "hog", .priority = Priority::kHigh});
        hog = hogging.id();
        hogging.join();
        never.set();
      },
      [&] {
        const auto list = [&] { return runtime.tasks(); };
        const TaskInfo seen = look_until(list, "hog", [](const TaskInfo& info) {
          return info.state == RunState::kRunning && info.in_state > 50ms;
        });
        EXPECT_EQ(seen.place, TaskPlace::kLoop);
        EXPECT_EQ(seen.priority, Priority::kHigh);
        EXPECT_GT(seen.cpu, 5ms);
        const TaskList all = runtime.tasks();
        EXPECT_EQ(all.total, 4U);
        EXPECT_EQ(find_task(all, "ready one")->state, RunState::kReady);
        EXPECT_EQ(find_task(all, "waiter")->state, RunState::kParked);
        EXPECT_EQ(find_task(all, "main")->wait_text, "end of task " + std::to_string(hog));
        EXPECT_THAT(names_of(runtime.task_stack(hog)), names_the_hog());
        EXPECT_THAT(names_of(runtime.task_stack(waiter)), HasSubstr("wait_in_here"));
        // Woken, but nobody can take it up.
        never.set();
        EXPECT_EQ(find_task(runtime.tasks(), "waiter")->state, RunState::kReady);
        EXPECT_THAT(names_of(runtime.task_stack(waiter)), HasSubstr("wait_in_here"));
        end = true;
      });
}

TEST(TaskList, ARescuedHogRunsAsideAndItsCpuGrows) {
  Sink sink;
  Runtime runtime({.stall_sink = &sink});
  std::atomic<bool> end{false};
  runtime.run([&] {
    Pulse pulse;
    Task hog = spawn([&] { hog_until(end); }, {.name = "hog", .kind = "hogs"});
    const auto list = [&] { return runtime.tasks(); };
    const TaskInfo first = look_until(list, "hog", [](const TaskInfo& info) {
      return info.state == RunState::kRunning && info.place == TaskPlace::kSide;
    });
    EXPECT_EQ(first.kind, "hogs");
    EXPECT_NE(first.thread, 0);
    look_until(list, "hog",
               [&](const TaskInfo& info) { return info.cpu > first.cpu + 5ms && info.exiled; });
    EXPECT_THAT(names_of(runtime.task_stack(hog.id())), names_the_hog());
    end = true;
    hog.join();
    pulse.stop();
  });
}

TEST(TaskList, ExiledFibersAreQueuedForASideCarrierAndWaitThere) {
  Sink sink;
  Runtime runtime({.max_rescued = 1, .stall_sink = &sink, .side_carriers = 1});
  runtime.run([&] {
    Pulse pulse;
    std::atomic<bool> end{false};
    Event event;
    const auto list = [&] { return runtime.tasks(); };
    Task hog = spawn([&] { hog_until(end); }, {.name = "hog", .kind = "hogs"});
    look_until(list, "hog", [](const TaskInfo& info) { return info.exiled; });
    Task next = spawn([&] { wait_in_here(event); }, {.name = "next", .kind = "hogs"});
    look_until(list, "next", [](const TaskInfo& info) {
      return info.state == RunState::kQueued && info.place == TaskPlace::kSide;
    });
    end = true;
    hog.join();
    look_until(list, "next", [](const TaskInfo& info) {
      return info.state == RunState::kParked && info.place == TaskPlace::kSide &&
             info.wait->kind == WaitKind::kEvent;
    });
    EXPECT_THAT(names_of(runtime.task_stack(next.id())), HasSubstr("wait_in_here"));
    event.set();
    next.join();
    pulse.stop();
  });
}

TEST(TaskList, NativeTasksAreInIt) {
  Runtime runtime;
  runtime.run([&] {
    std::atomic<bool> end{false};
    Event event;
    const auto list = [&] { return runtime.tasks(); };
    Task task = spawn(
        [&] {
          hog_until(end);
          while (end) std::this_thread::sleep_for(1ms);
          wait_in_here(event);
        },
        {.name = "native", .placement = Placement::kNative});
    const TaskInfo runs = look_until(list, "native", [](const TaskInfo& info) {
      return info.state == RunState::kRunning && info.cpu > 2ms;
    });
    EXPECT_FALSE(runs.fiber);
    EXPECT_EQ(runs.place, TaskPlace::kThread);
    EXPECT_THAT(names_of(runtime.task_stack(task.id())), names_the_hog());
    end = true;
    look_until(list, "native",
               [](const TaskInfo& info) { return info.state == RunState::kBlocked; });
    end = false;
    look_until(list, "native", [](const TaskInfo& info) {
      return info.state == RunState::kParked && info.wait->kind == WaitKind::kEvent;
    });
    EXPECT_THAT(names_of(runtime.task_stack(task.id())), HasSubstr("wait_in_here"));
    event.set();
    task.join();
  });
}

TEST(TaskList, FiltersOrdersAndCountsWhatItLeavesOut) {
  Runtime runtime;
  runtime.run([&] {
    Event event;
    std::vector<Task> tasks;
    for (int i = 0; i < 20; ++i) {
      tasks.push_back(spawn([&] { event.wait(); }, {.name = "t" + std::to_string(i)}));
      if (i == 9) this_task::sleep_for(30ms);
    }
    this_task::yield();
    const TaskList all = runtime.tasks();
    EXPECT_EQ(all.total, 21U);
    EXPECT_EQ(all.matching, 21U);
    EXPECT_EQ(all.tasks.size(), 21U);
    EXPECT_EQ(all.by_state[static_cast<std::size_t>(RunState::kParked)], 20U);
    EXPECT_EQ(all.by_state[static_cast<std::size_t>(RunState::kRunning)], 1U);

    const TaskList few = runtime.tasks({.state = RunState::kParked, .limit = 3});
    EXPECT_EQ(few.matching, 20U);
    EXPECT_EQ(few.total, 21U);
    ASSERT_EQ(few.tasks.size(), 3U);
    for (const TaskInfo& task : few.tasks) EXPECT_GE(task.in_state, few.tasks[2].in_state);
    EXPECT_LT(few.tasks[0].id, tasks[10].id()) << "one of those that have waited longest";

    EXPECT_EQ(runtime.tasks({.name = "t1"}).matching, 11U);
    EXPECT_EQ(runtime.tasks({.name = "tasks_test.cpp"}).matching, 20U) << "where they were spawned";
    EXPECT_EQ(runtime.tasks({.longer_than = 25ms}).matching, 10U);
    EXPECT_EQ(runtime.tasks({.order = TaskQuery::Order::kAge}).tasks[0].name, "main");
    EXPECT_EQ(runtime.tasks({.limit = 0}).tasks.size(), 0U);
    event.set();
    for (Task& task : tasks) task.join();
    EXPECT_EQ(runtime.tasks().total, 1U);
  });
}

TEST(TaskList, AnEndedTaskHasNoStack) {
  Runtime runtime;
  runtime.run([&] {
    Task task = spawn([] {});
    const std::uint64_t id = task.id();
    task.join();
    this_task::yield();
    const auto stack = runtime.task_stack(id);
    ASSERT_FALSE(stack);
    EXPECT_EQ(stack.error().code(), ErrorCode::kNotFound);
  });
}

TEST(TaskList, ManyFibersAreCountedAndDoNotStopTheLoop) {
#ifdef SAOLA_TSAN
  constexpr int kMany = 1'000;  // each costs milliseconds there
#else
  constexpr int kMany = 20'000;
#endif
  Runtime runtime({.stack_bytes = 16 * 1024});
  std::atomic<bool> listed{false};
  Event event;
  std::atomic<int> waiting{0};
  Duration longest{};
  from_a_thread(
      runtime,
      [&] {
        std::vector<Task> tasks;
        for (int i = 0; i < kMany; ++i) {
          tasks.push_back(spawn([&] {
            ++waiting;
            event.wait();
          }));
        }
        while (waiting < kMany) this_task::yield();
        Pulse pulse;
        waiting = 2 * kMany;
        while (!listed) this_task::sleep_for(1ms);
        longest = pulse.stop();
        event.set();
        for (Task& task : tasks) task.join();
      },
      [&] {
        while (waiting < 2 * kMany) std::this_thread::sleep_for(1ms);
        for (int i = 0; i < 5; ++i) {
          const TaskList list = runtime.tasks({.limit = 10});
          EXPECT_GE(list.total, static_cast<std::uint64_t>(kMany));
          EXPECT_EQ(list.tasks.size(), 10U);
        }
        listed = true;
      });
  EXPECT_LT(longest, 100ms);
}

// What is shown of a task is of that task, however fast they come, go and change threads.
TEST(TaskList, EntriesAreWholeWhileFibersDieAndTheLoopIsStolen) {
  const LeakCheck leaks;
  Runtime runtime({.on_stall = StallPolicy::kIgnore, .learn_placement = false});
  std::atomic<bool> end{false};
  std::uint64_t entries = 0;
  from_a_thread(
      runtime,
      [&] {
        ForcedStealer stealer(runtime, 50us, 1);
        Event never;
        std::uint64_t round = 0;
        while (!end) {
          std::vector<Task> tasks;
          for (int i = 0; i < 20; ++i) {
            const std::string number = std::to_string(++round);
            const std::string name = "name-" + number;
            const std::string kind = "kind-" + number;
            tasks.push_back(spawn(
                [&never, i] {
                  if (i % 3 == 0) never.wait(Deadline::after(200us));
                  this_task::yield();
                },
                {.name = name, .kind = kind}));
          }
          for (Task& task : tasks) task.join();
        }
      },
      [&] {
        const auto until = std::chrono::steady_clock::now() + 400ms;
        while (std::chrono::steady_clock::now() < until) {
          for (const TaskInfo& task : runtime.tasks().tasks) {
            if (task.name == "main") continue;
            ++entries;
            EXPECT_TRUE(task.name.starts_with("name-")) << task.name;
            EXPECT_EQ("kind-" + task.name.substr(5), task.kind);
            if (task.wait) {
              EXPECT_TRUE(task.wait->kind == WaitKind::kEvent) << task.wait_text;
              EXPECT_TRUE(task.until_deadline);
            }
            (void)runtime.task_stack(task.id);
          }
        }
        end = true;
      });
  EXPECT_GT(entries, 100U);
}

TEST(TaskList, ThreadsOfNoRuntimeAreInAListOfTheirOwn) {
  Event event;
  std::jthread thread([&] {
    ::pthread_setname_np(::pthread_self(), "plain one");
    wait_in_here(event);
  });
  const TaskInfo seen =
      look_until([] { return thread_tasks(); }, "plain one",
                 [](const TaskInfo& info) { return info.state == RunState::kParked; });
  EXPECT_THAT(names_of(thread_task_stack(seen.id)), HasSubstr("wait_in_here"));
  Runtime runtime;
  EXPECT_EQ(find_task(runtime.tasks(), "plain one"), nullptr);
  EXPECT_NE(find_task(runtime.tasks({.threads = true}), "plain one"), nullptr);
  event.set();
  thread.join();
  EXPECT_EQ(find_task(thread_tasks(), "plain one"), nullptr);
}

}  // namespace
}  // namespace saola::runtime
