#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include <gtest/gtest.h>

#include <saola/jobs/maintainer.hpp>
#include <saola/jobs/memory_store.hpp>
#include <saola/jobs/owner.hpp>
#include <saola/jobs/task_worker.hpp>

namespace saola::jobs {
namespace {

// The owner's name of a process that has ended.
std::string dead_owner() {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe(pipe.data()), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const std::string name = this_process_as_owner();
    [[maybe_unused]] const auto written = ::write(pipe[1], name.data(), name.size());
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::array<char, 1024> name{};
  const ssize_t length = ::read(pipe[0], name.data(), name.size());
  ::close(pipe[0]);
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  return std::string(name.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
}

TEST(Owner, KnowsTheDeadFromTheLivingAndTheUnknown) {
  const std::string mine = this_process_as_owner();
  EXPECT_FALSE(is_dead_owner(mine));
  const std::string dead = dead_owner();
  EXPECT_TRUE(is_dead_owner(dead)) << dead;
  // The number of a living process that started at another time.
  EXPECT_TRUE(is_dead_owner(mine + "0"));
  for (const char* unknown : {"", "w1", "host/boot/pid:[1]/4711/123", "a/b/c/d/e"}) {
    EXPECT_FALSE(is_dead_owner(unknown)) << unknown;
  }
  const std::string place = mine.substr(0, mine.rfind('/', mine.rfind('/') - 1) + 1);
  EXPECT_FALSE(is_dead_owner(place + "x/1"));
  EXPECT_FALSE(is_dead_owner(place + "-1/1"));
}

TEST(Owner, TheMaintainerFreesTheJobsOfDeadOnesLongBeforeTheirLeasesExpire) {
  const auto store = make_memory_store();
  const Deadline soon = Deadline::after(std::chrono::seconds(10));
  for (const std::string& owner : {dead_owner(), this_process_as_owner()}) {
    ASSERT_TRUE(store->enqueue({.kind = "split"}, soon));
    ASSERT_EQ(store->claim({.owner = owner, .kinds = {"split"}}, soon)->size(), 1U);
  }
  const Maintainer upkeep(*store, {.every = std::chrono::milliseconds(1)});
  const auto count = [&](State state) { return store->counts(soon).value().at(state); };
  while (count(State::kAvailable) == 0 && !soon.passed()) std::this_thread::yield();
  EXPECT_EQ(count(State::kAvailable), 1U);
  EXPECT_EQ(count(State::kRunning), 1U) << "this process lives";
}

TEST(Owner, IsOfATaskWorkerThatIsNotNamedOtherwise) {
  EXPECT_EQ(TaskWorkerOptions().owner, this_process_as_owner());
}

TEST(OwnerBeats, SeeWhetherTheKeeperOfAnOwnerRuns) {
  OwnerBeats beats;
  const std::string mine = this_process_as_owner();
  EXPECT_FALSE(beats.lives(mine)) << "no worker runs here";
  EXPECT_FALSE(beats.lives("elsewhere/boot/ns/1/1"));
  EXPECT_FALSE(beats.lives(dead_owner()));

  const auto store = make_memory_store();
  TaskWorker worker(*store, {}, {.owner = mine, .tick = std::chrono::milliseconds(1)});
  worker.start();
  const Deadline soon = Deadline::after(std::chrono::seconds(10));
  while (!beats.lives(mine) && !soon.passed()) std::this_thread::yield();
  EXPECT_FALSE(soon.passed());
}

}  // namespace
}  // namespace saola::jobs
