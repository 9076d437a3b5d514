// Backups of a store in use, and what a restore does with them.
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>

#include <saola/jobs_sqlite/backup.hpp>
#include <saola/jobs_sqlite/sqlite_store.hpp>
#include <saola/testing/temp_folder.hpp>

namespace saola::jobs_sqlite {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class BackupTest : public testing::Test {
 protected:
  std::unique_ptr<jobs::Store> open(const std::string& at) {
    auto store = open_sqlite_store({.path = at});
    EXPECT_TRUE(store) << store.error().message();
    return store ? *std::move(store) : nullptr;
  }
  static std::string put(jobs::Store& store) {
    return store.enqueue({.kind = "a", .payload = std::string(1000, 'p')}, Deadline::after(10s))
        ->job.id;
  }

  TempFolder folder;
  const std::string path = folder.path() + "/jobs.db";
  const std::string backup = folder.path() + "/backup.db";
  const Deadline soon = Deadline::after(20s);
};

TEST_F(BackupTest, UnderLoadItHoldsWhatWasAcknowledgedBefore) {
  std::vector<std::string> before;
  std::string running;
  {
    const auto store = open(path);
    for (int i = 0; i < 200; ++i) before.push_back(put(*store));
    running = store->claim({.owner = "w1", .kinds = {"a"}}, soon)->front().id;
    std::atomic<bool> enough = false;
    std::atomic<int> more = 0;
    std::vector<std::jthread> load;
    for (int t = 0; t < 3; ++t) {
      load.emplace_back([&] {
        while (!enough) {
          put(*store);
          ++more;
        }
      });
    }
    while (more < 50) std::this_thread::yield();
    for (int i = 0; i < 5; ++i) {
      std::filesystem::remove(backup);
      const auto done = backup_sqlite_store(path, backup);
      ASSERT_TRUE(done) << done.error().message();
    }
    enough = true;
    load.clear();
    EXPECT_TRUE(store->enqueue({.kind = "a"}, soon)) << "the store in use is not touched";
  }
  EXPECT_FALSE(std::filesystem::exists(backup + "-wal")) << "one file";

  // The disk is lost; a new one gets the backup.
  std::filesystem::remove(path);
  const auto restored = restore_sqlite_store(backup, path);
  ASSERT_TRUE(restored) << restored.error().message();
  const auto store = open(path);
  ASSERT_TRUE(store);
  for (const std::string& id : before) ASSERT_TRUE(store->get(id, soon)) << id;
  EXPECT_EQ(store->get(running, soon)->state, jobs::State::kRunning);
  EXPECT_EQ(store->release_owner("w1", soon), 1u) << "and runs again";
  put(*store);
}

TEST_F(BackupTest, ReplacesAStoreThatNobodyUsesAndKeepsIt) {
  std::string kept;
  std::string later;
  {
    const auto store = open(path);
    kept = put(*store);
    ASSERT_TRUE(backup_sqlite_store(path, backup));
    later = put(*store);
    const auto refused = restore_sqlite_store(backup, path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kConflict) << refused.error().message();
    EXPECT_TRUE(store->get(later, soon)) << "left as it was";
    put(*store);
  }
  const auto restored = restore_sqlite_store(backup, path);
  ASSERT_TRUE(restored) << restored.error().message();
  EXPECT_EQ(open(path)->get(later, soon).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(open(path)->get(kept, soon));
  EXPECT_TRUE(open(path + "-replaced")->get(later, soon));
}

TEST_F(BackupTest, RemovesTheLogOfAStoreThatIsLost) {
  std::string kept;
  {
    const auto store = open(path);
    kept = put(*store);
    ASSERT_TRUE(backup_sqlite_store(path, backup));
    std::filesystem::copy_file(path + "-wal", path + "-left");
  }
  std::filesystem::remove(path);
  std::filesystem::rename(path + "-left", path + "-wal");
  ASSERT_TRUE(restore_sqlite_store(backup, path));
  EXPECT_TRUE(open(path)->get(kept, soon));
}

TEST_F(BackupTest, WhatRootRestoresIsStillTheServices) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root, so there is no other owner";
  constexpr uid_t kService = 12345;
  const auto owner = [&] {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_uid;
  };
  put(*open(path));
  ASSERT_TRUE(backup_sqlite_store(path, backup));
  ASSERT_EQ(::chown(path.c_str(), kService, kService), 0);
  ASSERT_TRUE(restore_sqlite_store(backup, path));
  EXPECT_EQ(owner(), kService);
  // The store is lost: its folder says whose it was.
  std::filesystem::remove(path);
  ASSERT_EQ(::chown(folder.path().c_str(), kService + 1, kService), 0);
  ASSERT_TRUE(restore_sqlite_store(backup, path));
  EXPECT_EQ(owner(), kService + 1);
}

TEST_F(BackupTest, RefusesWhatIsNoBackupAndOverwritesNothing) {
  const auto code = [](const Result<void>& result) { return result.error().code(); };
  EXPECT_FALSE(backup_sqlite_store(path, backup)) << "there is no store";
  EXPECT_FALSE(std::filesystem::exists(backup));
  const std::string id = put(*open(path));
  EXPECT_EQ(code(restore_sqlite_store(backup, path)), ErrorCode::kNotFound);
  std::ofstream(backup) << "mine";
  EXPECT_EQ(code(backup_sqlite_store(path, backup)), ErrorCode::kAlreadyExists);
  EXPECT_EQ(std::filesystem::file_size(backup), 4u);
  EXPECT_EQ(code(restore_sqlite_store(backup, path)), ErrorCode::kDataCorrupt);
  std::filesystem::remove(backup);
  {
    const auto store = open(path);
    for (int i = 0; i < 50; ++i) put(*store);
  }
  ASSERT_TRUE(backup_sqlite_store(path, backup));
  {
    std::fstream file(backup, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5 * 4096);
    file << std::string(20 * 4096, 'z');
  }
  EXPECT_EQ(code(restore_sqlite_store(backup, path)), ErrorCode::kDataCorrupt);
  EXPECT_TRUE(open(path)->get(id, soon)) << "left as it was";
}

}  // namespace
}  // namespace saola::jobs_sqlite
