// Processes that share a store, and die of SIGKILL at any moment.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <functional>
#include <latch>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include <saola/base/unique_fd.hpp>
#include <saola/jobs/maintainer.hpp>
#include <saola/jobs/task_worker.hpp>
#include <saola/jobs_sqlite/sqlite_store.hpp>
#include <saola/testing/temp_folder.hpp>

namespace saola::jobs_sqlite {
namespace {

using namespace std::chrono_literals;
using jobs::Job;
using jobs::State;

constexpr std::size_t kIdSize = 36;

// A child that runs `body` and reports ids to its parent. The test process has no other thread when
// it forks.
class Child {
 public:
  // Says one id, of exactly kIdSize bytes; atomic in a pipe.
  using Say = std::function<void(std::string_view)>;

  explicit Child(const std::function<void(const Say&)>& body) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    from_.reset(ends[0]);
    unique_fd to(ends[1]);
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    body([&](std::string_view id) {
      if (::write(to.get(), id.data(), kIdSize) != static_cast<ssize_t>(kIdSize)) ::_exit(1);
    });
    ::_exit(0);
  }
  ~Child() { kill(); }

  // The next id; empty when none comes before `deadline` or the child has ended.
  std::string hear(Deadline deadline) {
    pollfd event{from_.get(), POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining()).count();
    if (::poll(&event, 1, static_cast<int>(std::min<long>(left, 60'000))) <= 0) return "";
    char id[kIdSize];
    return ::read(from_.get(), id, kIdSize) == static_cast<ssize_t>(kIdSize)
               ? std::string(id, kIdSize)
               : "";
  }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  unique_fd from_;
  pid_t pid_ = 0;
};

std::unique_ptr<jobs::Store> open(const std::string& path, jobs::StoreOptions options = {}) {
  auto store = open_sqlite_store({.path = path, .store = std::move(options)});
  if (!store) {
    ADD_FAILURE() << store.error().message();
    std::fprintf(stderr, "%s\n", store.error().message().c_str());
  }
  return store ? *std::move(store) : nullptr;
}

TEST(Kill, NoAcknowledgedJobIsLost) {
  const TempFolder folder;
  std::mt19937 dice(7);
  int acknowledged = 0;
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    // Each tenth round begins a store anew, so that kills hit its making too.
    const std::string path = folder.path() + fmt::format("/jobs{}.db", round / 10);
    Child child([&](const Child::Say& say) {
      const auto store = open(path);
      if (!store) ::_exit(1);
      std::vector<std::jthread> threads;
      for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&, t] {
          for (;;) {
            const auto job = store->enqueue(
                {.kind = "a", .payload = std::string(static_cast<std::size_t>(t) * 3000, 'p')},
                Deadline::after(10s));
            if (!job) ::_exit(1);
            say(job->job.id);
          }
        });
      }
    });
    std::vector<std::string> ids;
    const Deadline death = Deadline::after(std::chrono::microseconds(dice() % 60'000));
    for (std::string id; !(id = child.hear(death)).empty();) ids.push_back(id);
    child.kill();
    // What it still said before it died counts too.
    for (std::string id; !(id = child.hear(Deadline::after(0s))).empty();) ids.push_back(id);

    const auto store = open(path);
    ASSERT_TRUE(store) << "round " << round;
    for (const std::string& id : ids) {
      const auto job = store->get(id, Deadline::after(10s));
      ASSERT_TRUE(job) << "round " << round << ": " << job.error().message();
    }
    acknowledged += static_cast<int>(ids.size());
  }
  RecordProperty("acknowledged", acknowledged);
  EXPECT_GT(acknowledged, kRounds);
}

TEST(Kill, AJobWhoseWorkerDiesRunsAgainAndCompletesOnce) {
  const TempFolder folder;
  const std::string path = folder.path() + "/jobs.db";
  Child child([&](const Child::Say& say) {
    const auto store = open(path);
    (void)store->enqueue({.kind = "work"}, Deadline::after(10s));
    jobs::TaskWorker worker(*store,
                            {{"work",
                              [&](jobs::JobContext& context) -> jobs::Outcome {
                                (void)context.save_checkpoint("half");
                                say(context.job().id);
                                for (;;) ::pause();
                              }}},
                            {.owner = "first"});
    worker.start();
    for (;;) ::pause();
  });
  const std::string id = child.hear(Deadline::after(20s));
  ASSERT_FALSE(id.empty());
  child.kill();

  const auto store = open(path, {.backoff = {.base = 1us}});
  const Deadline soon = Deadline::after(20s);
  EXPECT_EQ(store->get(id, soon)->state, State::kRunning);
  const jobs::LeaseToken late = store->get(id, soon)->token();
  EXPECT_EQ(store->release_owner("first", soon), 1u);
  int runs = 0;
  {
    std::latch ran(1);
    jobs::TaskWorker worker(*store,
                            {{"work",
                              [&](jobs::JobContext& context) -> jobs::Outcome {
                                EXPECT_EQ(context.job().attempt, 2);
                                EXPECT_EQ(context.job().checkpoint, "half");
                                ++runs;
                                ran.count_down();
                                return jobs::Done{"\"second\""};
                              }}},
                            {.owner = "second"});
    const jobs::Maintainer maintainer(*store, {.every = 1ms});
    worker.start();
    ran.wait();
    EXPECT_EQ(worker.stop(Deadline::never(), Deadline::never()), 0);
  }
  const Job job = *store->get(id, soon);
  EXPECT_EQ(job.state, State::kCompleted);
  EXPECT_EQ(job.result, "\"second\"");
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(store->complete(late, "\"first\"", soon).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(*store->get(id, soon), job);
}

TEST(Processes, NoJobIsClaimedTwice) {
  const TempFolder folder;
  const std::string path = folder.path() + "/jobs.db";
  constexpr int kJobs = 200;
  {
    const auto store = open(path);
    for (int i = 0; i < kJobs; ++i) {
      ASSERT_TRUE(store->enqueue({.kind = "a"}, Deadline::after(10s)));
    }
  }
  std::vector<std::unique_ptr<Child>> children;
  for (int c = 0; c < 3; ++c) {
    children.push_back(std::make_unique<Child>([&, c](const Child::Say& say) {
      const auto store = open(path);
      const std::string owner = fmt::format("w{}", c);
      for (;;) {
        const auto claimed = store->claim({.owner = owner, .kinds = {"a"}}, Deadline::after(20s));
        if (!claimed) ::_exit(1);
        if (claimed->empty()) ::_exit(0);
        if (!store->complete(claimed->front().token(), "1", Deadline::after(20s))) ::_exit(1);
        say(claimed->front().id);
      }
    }));
  }
  std::multiset<std::string> ids;
  for (const auto& child : children) {
    for (std::string id; !(id = child->hear(Deadline::after(20s))).empty();) ids.insert(id);
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(kJobs));
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), static_cast<std::size_t>(kJobs));
}

TEST(Processes, AWaiterIsWokenByAnotherProcess) {
  const TempFolder folder;
  const std::string path = folder.path() + "/jobs.db";
  int go[2];
  ASSERT_EQ(::pipe(go), 0);
  Child child([&](const Child::Say& say) {
    const auto store = open(path);
    say(std::string(kIdSize, 'r'));  // ready
    for (char c; ::read(go[0], &c, 1) == 1;) {
      if (!store->enqueue({.kind = "a"}, Deadline::after(10s))) ::_exit(1);
      // When the enqueue returned, for the parent to compare.
      say(fmt::format("{:036}", std::chrono::steady_clock::now().time_since_epoch().count()));
    }
  });
  ASSERT_FALSE(child.hear(Deadline::after(20s)).empty());
  const auto store = open(path);
  std::vector<double> latencies;
  for (int i = 0; i < 21; ++i) {
    std::uint64_t mark = store->work_mark();
    ASSERT_EQ(::write(go[1], "x", 1), 1);
    std::size_t claimed = 0;
    while (claimed == 0 && store->wait_for_work(mark, Deadline::after(10s), {})) {
      mark = store->work_mark();
      claimed = store->claim({.owner = "w", .kinds = {"a"}}, Deadline::after(10s))->size();
    }
    const auto woken = std::chrono::steady_clock::now().time_since_epoch().count();
    ASSERT_EQ(claimed, 1u);
    latencies.push_back(static_cast<double>(woken - std::stoll(child.hear(Deadline::after(10s)))) /
                        1e6);
  }
  ::close(go[0]);
  ::close(go[1]);
  std::ranges::sort(latencies);
  RecordProperty("median_ms", std::to_string(latencies[10]));
  EXPECT_LE(latencies[10], 50) << "ms from enqueue to claim in another process, median";
}

}  // namespace
}  // namespace saola::jobs_sqlite
