#include "fleet/log_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include <saola/server/settings.hpp>
#include <saola/testing/temp_folder.hpp>

#include "files/own_file.hpp"

namespace saola::server {
namespace {

constexpr uid_t kWorkers = 65534;

uid_t owner_of(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_uid : static_cast<uid_t>(-1);
}

Settings settings_of(const std::string& log) {
  static const SettingsTable table(server_rows());
  return table.load({"--user=65534", "--log-file=" + log}, {}).value().settings;
}

struct LogFilesTest : testing::Test {
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to run workers as another user";
  }
  TempFolder folder;
};

TEST_F(LogFilesTest, TheWorkersGetTheLogAndNothingElse) {
  const std::string log = folder.path() + "/log";
  ASSERT_TRUE(open_log_files(settings_of(log)));
  EXPECT_EQ(owner_of(log), kWorkers);
  ASSERT_TRUE(open_log_files(settings_of("/dev/null")));
  EXPECT_EQ(owner_of("/dev/null"), 0u);
}

TEST_F(LogFilesTest, ALinkThatTheyPlantedGainsNothing) {
  const std::string target = folder.path() + "/shadow";
  std::ofstream(target) << "secret";
  for (const char* name : {"/soft", "/hard"}) {
    const std::string log = folder.path() + name;
    if (std::string_view(name) == "/soft") {
      std::filesystem::create_symlink(target, log);
      ASSERT_EQ(::lchown(log.c_str(), kWorkers, kWorkers), 0);
    } else {
      std::filesystem::create_hard_link(target, log);
    }
    EXPECT_FALSE(open_log_files(settings_of(log))) << name;
  }
  EXPECT_EQ(owner_of(target), 0u);
  EXPECT_EQ(std::filesystem::file_size(target), 6u);
  // What a socket's name has become since is not given away either.
  EXPECT_FALSE(OwnFile::at(target).set_access(kWorkers, kWorkers, 0666));
  EXPECT_EQ(owner_of(target), 0u);
}

}  // namespace
}  // namespace saola::server
