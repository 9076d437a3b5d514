#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <shared_mutex>

#include <gmock/gmock.h>

#include <saola/runtime/offload.hpp>
#include <saola/runtime/process.hpp>
#include <saola/runtime/scope.hpp>
#include <saola/runtime/select.hpp>
#include <saola/runtime/sync/barrier.hpp>
#include <saola/runtime/sync/broadcast.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/sync/queue.hpp>
#include <saola/runtime/sync/semaphore.hpp>
#include <saola/runtime/sync/shared_mutex.hpp>
#include <saola/runtime/sync/watch.hpp>
#include <saola/runtime/task_group.hpp>

#include "both_models.hpp"
#include "list/test_tasks.hpp"
#include "monitor/test_hog.hpp"

namespace saola::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class TaskWaits : public BothModels {
 protected:
  // Of the model that runs.
  static TaskList list() {
    if (Runtime* runtime = Runtime::current()) return runtime->tasks();
    return thread_tasks();
  }
  // Starts `wait` as a task, which is to be shown as parked for `text`; then `release` lets it end.
  static TaskInfo shows(const std::string& text, std::move_only_function<void()> wait,
                        std::move_only_function<void()> release) {
    Task task = spawn(std::move(wait), {.name = "waiter"});
    const TaskInfo seen = look_until(
        list, "waiter", [](const TaskInfo& info) { return info.state == RunState::kParked; });
    EXPECT_THAT(seen.wait_text, MatchesRegex(text));
    EXPECT_EQ(seen.id, task.id());
    EXPECT_EQ(seen.fiber, on_fibers());
    EXPECT_TRUE(seen.in_state.has_value());
    release();
    task.join();
    EXPECT_EQ(find_task(list(), "waiter"), nullptr);
    return seen;
  }
};

TEST_P(TaskWaits, LocksNameTheirHolder) {
  run([] {
    const std::string held = " 0x[0-9a-f]+ held by task " + std::to_string(this_task::id());
    Mutex mutex;
    mutex.lock();
    const TaskInfo seen =
        shows("mutex" + held, [&] { const std::lock_guard lock(mutex); }, [&] { mutex.unlock(); });
    EXPECT_EQ(seen.holder, this_task::id());
    SharedMutex shared;
    shared.lock();
    shows(
        "shared mutex" + held, [&] { const std::lock_guard lock(shared); },
        [&] { shared.unlock(); });
    shared.lock();
    shows("shared mutex" + held, [&] { std::shared_lock lock(shared); }, [&] { shared.unlock(); });
  });
}

TEST_P(TaskWaits, SignalsAreNamed) {
  run([] {
    Event event;
    shows("event 0x[0-9a-f]+", [&] { event.wait(); }, [&] { event.set(); });
    Semaphore semaphore(0);
    shows("semaphore 0x[0-9a-f]+", [&] { semaphore.acquire(); }, [&] { semaphore.release(); });
    Barrier barrier(2);
    shows(
        "barrier 0x[0-9a-f]+", [&] { (void)barrier.arrive_and_wait(); },
        [&] { (void)barrier.arrive_and_wait(); });
    Mutex mutex;
    Condition condition;
    bool ready = false;
    shows(
        "condition 0x[0-9a-f]+",
        [&] {
          std::unique_lock lock(mutex);
          condition.wait(lock, Deadline::never(), [&] { return ready; });
        },
        [&] {
          const std::lock_guard lock(mutex);
          ready = true;
          condition.notify_all();
        });
  });
}

TEST_P(TaskWaits, ChannelsAreNamed) {
  run([] {
    Queue<int> queue(1);
    shows("queue item 0x[0-9a-f]+", [&] { (void)queue.pop(); }, [&] { queue.try_push(1); });
    queue.try_push(1);
    shows("queue room 0x[0-9a-f]+", [&] { (void)queue.push(2); }, [&] { (void)queue.try_pop(); });
    Queue<int> channel(0);
    shows(
        "queue room 0x[0-9a-f]+", [&] { (void)channel.push(2); }, [&] { (void)channel.try_pop(); });
    Broadcast<int> broadcast(4);
    auto receiver = broadcast.subscribe();
    shows("broadcast 0x[0-9a-f]+", [&] { (void)receiver.receive(); }, [&] { broadcast.send(1); });
    Watch<int> watch(0);
    auto observer = watch.observe();
    shows("watch 0x[0-9a-f]+", [&] { (void)observer.changed(); }, [&] { watch.set(1); });
  });
}

TEST_P(TaskWaits, TasksAreNamed) {
  run([] {
    Event end;
    Task other = spawn([&] { end.wait(); });
    shows("end of task " + std::to_string(other.id()), [&] { other.join(); }, [&] { end.set(); });
    TaskGroup group;
    end.reset();
    group.spawn([&] { end.wait(); });
    shows("task group 0x[0-9a-f]+", [&] { group.join(); }, [&] { end.set(); });
    Event first;
    Event second;
    shows(
        "select of 2", [&] { (void)select(Deadline::never(), on_set(first), on_set(second)); },
        [&] { second.set(); });
  });
}

TEST_P(TaskWaits, DescriptorsAndProcessesAreNamed) {
  run([] {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    PollFd mine{unique_fd(ends[0])};
    const unique_fd theirs(ends[1]);
    shows(
        "read of fd " + std::to_string(mine.fd()) + ".*",
        [&] { (void)mine.wait_readable(Deadline::never()); },
        [&] { EXPECT_EQ(::write(theirs.get(), "x", 1), 1); });
    auto process = Process::start({"sleep", "60"});
    ASSERT_TRUE(process);
    shows(
        "end of process " + std::to_string(process->pid()),
        [&] { (void)process->wait(Deadline::never()); }, [&] { ::kill(process->pid(), SIGKILL); });
  });
}

TEST_P(TaskWaits, ASleepTellsItsDeadlineAndHowLongItHasBeen) {
  run([] {
    Task sleeper = spawn([] { this_task::sleep_for(60s); }, {.name = "sleeper"});
    const auto began = std::chrono::steady_clock::now();
    const TaskInfo seen = look_until(list, "sleeper", [](const TaskInfo& info) {
      return info.state == RunState::kParked && info.in_state >= 60ms;
    });
    const auto waited = std::chrono::steady_clock::now() - began;
    EXPECT_EQ(seen.wait_text, "sleep");
    EXPECT_LE(*seen.in_state, waited + 20ms);  // the loop's idea of time is that coarse
    EXPECT_GE(seen.age, *seen.in_state - 20ms);
    ASSERT_TRUE(seen.until_deadline);
    EXPECT_GT(*seen.until_deadline, 40s);
    EXPECT_LE(*seen.until_deadline, 60s);
    EXPECT_FALSE(seen.cancel_requested);
    sleeper.cancel();
    EXPECT_THROW(sleeper.join(), Cancelled);
  });
}

TEST_P(TaskWaits, TheDeadlineOfAScopeIsShownWhateverTheTaskDoes) {
  run([] {
    Event end;
    Task task = spawn(
        [&] {
          (void)with_deadline(50s, [&] { end.wait(); });
          end.reset();
          this_task::set_activity("outside");
          end.wait();
        },
        {.name = "scoped"});
    const TaskInfo inside =
        look_until(list, "scoped", [](const TaskInfo& info) { return info.until_deadline; });
    EXPECT_GT(*inside.until_deadline, 30s);
    end.set();
    look_until(list, "scoped", [](const TaskInfo& info) {
      return info.activity == "outside" && info.state == RunState::kParked && !info.until_deadline;
    });
    end.set();
    task.join();
  });
}

TEST_P(TaskWaits, ACancelThatIsNotHeardIsShown) {
  run([] {
    Event end;
    Task task = spawn(
        [&] {
          const this_task::Uncancellable deaf;
          end.wait();
        },
        {.name = "deaf"});
    task.cancel();
    const TaskInfo seen = look_until(
        list, "deaf", [](const TaskInfo& info) { return info.state == RunState::kParked; });
    EXPECT_TRUE(seen.cancel_requested);
    end.set();
    task.join();
  });
}

SAOLA_BOTH_MODELS(TaskWaits);

TEST(TaskList, OffloadedWorkIsShownAndWhatQueuesForAThread) {
  Runtime runtime({.cpu_threads = 1});
  runtime.run([&] {
    std::atomic<bool> end{false};
    const auto work = [&] {
      offload_cpu([&] {
        while (!end) std::this_thread::sleep_for(1ms);
      });
    };
    const auto list = [&] { return runtime.tasks(); };
    Task first = spawn(work, {.name = "first"});
    const TaskInfo seen = look_until(
        list, "first", [](const TaskInfo& info) { return info.state == RunState::kOffloaded; });
    EXPECT_EQ(seen.wait_text, "offload_cpu");
    EXPECT_NE(seen.thread, 0);
    Task second = spawn(work, {.name = "second"});
    look_until(list, "second",
               [](const TaskInfo& info) { return info.state == RunState::kQueued; });
    // What the pool's thread does comes first, then where the task called it.
    EXPECT_THAT(names_of(runtime.task_stack(first.id())), HasSubstr("offload"));
    end = true;
    first.join();
    second.join();
  });
}

TEST(TaskList, OffloadedCpuCountsForTheTask) {
  Runtime runtime;
  runtime.run([&] {
    Event end;
    Task task = spawn(
        [&] {
          offload_cpu([] { burn_cpu_for(10ms); });
          end.wait();
        },
        {.name = "worker"});
    const TaskInfo seen = look_until(
        [&] { return runtime.tasks(); }, "worker",
        [](const TaskInfo& info) { return info.wait && info.wait->kind == WaitKind::kEvent; });
    EXPECT_GE(seen.cpu, 10ms);
    end.set();
    task.join();
  });
}

}  // namespace
}  // namespace saola::runtime
