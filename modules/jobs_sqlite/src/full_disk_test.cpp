// A store without space: clear errors, nothing acknowledged is lost, and it works again afterwards.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>

#include <saola/jobs_sqlite/sqlite_store.hpp>
#include <saola/testing/temp_folder.hpp>

namespace saola::jobs_sqlite {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string kPayload(20'000, 'p');

// Enqueues until that fails; answers the ids that were acknowledged and the error.
std::pair<std::vector<std::string>, std::optional<Error>> fill(jobs::Store& store) {
  std::vector<std::string> ids;
  for (int i = 0; i < 10'000; ++i) {
    auto job = store.enqueue({.kind = "a", .payload = kPayload}, Deadline::after(10s));
    if (!job) return {std::move(ids), std::move(job.error())};
    ids.push_back(job->job.id);
  }
  return {std::move(ids), std::nullopt};
}

// On a real small file system. Runs in a child with mounts of its own; answers what went
// wrong, or nothing.
std::string on_a_small_disk(const std::string& folder) {
  const std::string path = folder + "/jobs.db";
  if (::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=2m") != 0) return "mount failed";
  auto opened = open_sqlite_store({.path = path});
  if (!opened) return opened.error().message();
  auto store = *std::move(opened);
  // Something else takes part of the space, and gives it back later.
  const std::string ballast = folder + "/ballast";
  std::ofstream(ballast) << std::string(400'000, 'b') << std::flush;
  auto [ids, error] = fill(*store);
  if (!error) return "it never got full";
  if (error->code() != ErrorCode::kResourceExhausted) return "wrong error: " + error->message();
  if (ids.size() < 10) return fmt::format("full too early: {}", ids.size());
  const auto all_there = [&] {
    return std::ranges::all_of(ids, [&](const std::string& id) {
      const auto job = store->get(id, Deadline::after(10s));
      return job && job->payload == kPayload;
    });
  };
  if (!all_there()) return "a job was lost when the disk got full";
  // Accepted jobs go on, though there is no room for new ones.
  const auto taken = store->claim({.owner = "w", .kinds = {"a"}, .limit = 3}, Deadline::after(10s));
  if (!taken || taken->size() != 3) return "accepted jobs cannot be claimed";
  for (const jobs::Job& each : *taken) {
    const auto done = store->complete(each.token(), "\"" + kPayload + "\"", Deadline::after(10s));
    if (!done) return "accepted jobs cannot end: " + done.error().message();
  }
  if (store->usage(Deadline::after(10s))->has_room) return "it says that there is room";
  ::unlink(ballast.c_str());
  const auto job = store->enqueue({.kind = "a", .payload = kPayload}, Deadline::after(10s));
  if (!job) return "not usable again: " + job.error().message();
  ids.push_back(job->job.id);
  store.reset();
  opened = open_sqlite_store({.path = path});
  if (!opened) return "not opened again: " + opened.error().message();
  store = *std::move(opened);
  return all_there() ? "" : "a job was lost in the end";
}

TEST(FullDisk, ASmallFileSystemRefusesAndRecovers) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: the small file system cannot be mounted";
  const TempFolder folder;
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::string verdict = "unshare failed";
    if (::unshare(CLONE_NEWNS) == 0 &&
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) {
      verdict = on_a_small_disk(folder.path());
    }
    const auto written = ::write(pipe[1], verdict.data(), verdict.size());
    ::_exit(written < 0);
  }
  ::close(pipe[1]);
  std::string verdict;
  char buffer[4096];
  for (ssize_t n; (n = ::read(pipe[0], buffer, sizeof buffer)) > 0;) {
    verdict.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(pipe[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(verdict, "");
}

}  // namespace
}  // namespace saola::jobs_sqlite
