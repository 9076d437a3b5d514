#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <vector>

#include <gmock/gmock.h>

#include <saola/jobs/memory_store.hpp>
#include <saola/jobs_web/store_health.hpp>
#include <saola/testing/temp_folder.hpp>

namespace saola::jobs_web {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class SetClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return SteadyTime(ns.load()); }
  SystemTime system_now() const override { return SystemTime(ns.load()); }
  void pass(Duration time) { ns = ns.load() + time; }

 private:
  std::atomic<Duration> ns{seconds(100)};
};

struct StoreHealthTest : testing::Test {
  StoreHealthOptions options() {
    return {.clock = &clock,
            .room =
                [this] {
                  return full ? fail(ErrorCode::kResourceExhausted, "/x: full") : Result<void>();
                },
            .on_change =
                [this](bool ready, std::string_view why) {
                  const std::lock_guard lock(mutex);
                  told.push_back(ready ? "ready" : std::string(why));
                  changed.notify_all();
                }};
  }
  // Waits for the thread's nth message.
  std::string told_as(std::size_t n) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, seconds(20), [&] { return told.size() > n; });
    return n < told.size() ? told[n] : "";
  }

  SetClock clock;
  std::atomic<bool> full{false};
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> told;
  std::unique_ptr<jobs::Store> store = jobs::make_memory_store();
};

TEST_F(StoreHealthTest, TellsAFullDiskAndItsEnd) {
  StoreHealth health(*store, options());
  EXPECT_EQ(told_as(0), "ready");
  full = true;
  clock.pass(seconds(2));
  EXPECT_THAT(told_as(1), HasSubstr("there is no room for jobs, so free some: /x: full"));
  const auto seen = health.check();
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code(), ErrorCode::kResourceExhausted);
  full = false;
  clock.pass(seconds(2));
  EXPECT_EQ(told_as(2), "ready");
}

TEST_F(StoreHealthTest, LooksAtMostOnceASecond) {
  StoreHealth health(*store, options());
  EXPECT_EQ(told_as(0), "ready");
  full = true;
  EXPECT_TRUE(health.check());
  clock.pass(seconds(1));
  EXPECT_FALSE(health.check());
}

TEST_F(StoreHealthTest, ARefusedJobCountsForFiveSecondsOrUntilOneIsTaken) {
  StoreHealth health(*store, options());
  health.refused(Error(ErrorCode::kResourceExhausted, "no space is left"));
  EXPECT_THAT(health.check().error().message(),
              HasSubstr("the job store refused a job a moment ago: no space is left"));
  clock.pass(seconds(5));
  EXPECT_TRUE(health.check());
  health.refused(Error(ErrorCode::kTimedOut, "locked"));
  EXPECT_FALSE(health.check());
  health.accepted();
  EXPECT_TRUE(health.check());
}

TEST(RoomForAJob, LooksAtTheFileSystem) {
  EXPECT_TRUE(room_for_a_job(std::filesystem::temp_directory_path()));
  const auto gone = room_for_a_job("/nonexistent/folder");
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().message(), HasSubstr("the job store's folder: No such file"))
      << "clients see it: no path";
}

// Out of descriptors is no full disk.
TEST(RoomForAJob, NeedsNoDescriptor) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto room = room_for_a_job(std::filesystem::temp_directory_path());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(room) << room.error().message();
}

// In a child with mounts of its own. Without the right to mount, the kernel's word for a full disk
// is the injected one of the tests above.
TEST(RoomForAJob, SeesAFullFileSystem) {
  const TempFolder folder;
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr int kNoRight = 77;
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=512k") != 0) {
      ::_exit(kNoRight);
    }
    const auto full = room_for_a_job(folder.path());
    ::mount("tmpfs", folder.path().c_str(), "tmpfs", MS_REMOUNT, "size=2m");
    const auto roomy = room_for_a_job(folder.path());
    ::_exit(!full && full.error().code() == ErrorCode::kResourceExhausted && roomy ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) {
    std::puts("NOT TESTED: a full file system; this user may not mount one");
    return;
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace saola::jobs_web
