#include "files/socket_file.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>

#include <saola/testing/temp_folder.hpp>

namespace saola::server {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr uid_t kWorkers = 12345;

struct stat status_of(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info;
}

TEST(SocketFile, HasItsAccessAndReplacesOneThatNobodyListensOn) {
  TempFolder folder;
  const std::string path = folder.path() + "/s";
  for (int i = 0; i < 2; ++i) {
    const auto made = make_socket_file(path, {.mode = 0640});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(status_of(path).st_mode & 0777, 0640u);
    EXPECT_TRUE(made->file.is_there());
  }
  const auto made = make_socket_file(path, {});
  ASSERT_EQ(::listen(made->fd.get(), 1), 0);
  const auto second = make_socket_file(path, {});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text(), HasSubstr("is in use"));
  made->file.remove();
  EXPECT_FALSE(fs::exists(path));
}

TEST(SocketFile, NothingButASocketIsReplaced) {
  TempFolder folder;
  const std::string path = folder.path() + "/s";
  std::ofstream(path) << "precious";
  const auto made = make_socket_file(path, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(fs::file_size(path), 8u);
}

// A folder of the workers' user, and beside it one of root's.
class SocketFileOfRoot : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "takes root, for files of another user";
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
    for (const std::string& each : {theirs, roots}) fs::create_directory(each);
    ASSERT_EQ(::chown(theirs.c_str(), kWorkers, kWorkers), 0);
  }

  TempFolder folder_;
  const std::string theirs = folder_.path() + "/theirs";
  const std::string roots = folder_.path() + "/roots";
  const std::string path = theirs + "/control.sock";
};

TEST_F(SocketFileOfRoot, IsMadeInTheFolderOfAnotherUser) {
  const auto made = make_socket_file(path, {.mode = 0600});
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(status_of(path).st_mode & 0777, 0600u);
  EXPECT_EQ(status_of(path).st_uid, 0u);
  ASSERT_EQ(::listen(made->fd.get(), 1), 0);
  EXPECT_TRUE(OwnFile::at(path).has_listener()) << "by its name as well";
  const auto again = make_socket_file(path, {});
  EXPECT_THAT(again.error().text(), HasSubstr("is in use"));
  made->file.remove();
  EXPECT_TRUE(fs::is_empty(theirs)) << "nothing is left";
}

TEST_F(SocketFileOfRoot, ALinkInItsPlaceOrOnTheWayLeadsNowhere) {
  fs::create_symlink(roots + "/made", path);
  ASSERT_EQ(::lchown(path.c_str(), kWorkers, kWorkers), 0);
  EXPECT_FALSE(make_socket_file(path, {}));
  fs::create_directory_symlink(roots, theirs + "/run");
  ASSERT_EQ(::lchown((theirs + "/run").c_str(), kWorkers, kWorkers), 0);
  const auto made = make_socket_file(theirs + "/run/control.sock", {});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("a link that another user has made"));
  EXPECT_TRUE(fs::is_empty(roots));
}

TEST_F(SocketFileOfRoot, IsNotMadeWhereEverybodyMayReplaceIt) {
  ASSERT_EQ(::chmod(roots.c_str(), 0777), 0);
  const auto made = make_socket_file(roots + "/s", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_FALSE(check_socket_folder(roots + "/s"));
  ASSERT_EQ(::chmod(roots.c_str(), 01777), 0);
  EXPECT_TRUE(check_socket_folder(roots + "/s"));
  EXPECT_TRUE(fs::is_empty(roots));
  EXPECT_TRUE(make_socket_file(roots + "/s", {}));
}

// The workers' user changes the folder for a link to root's, and its socket for one of root's, as
// fast as it can, while root makes, changes and removes a socket there.
TEST_F(SocketFileOfRoot, WhoeverRacesWithItGainsNothing) {
  const std::string run = theirs + "/run";
  const std::string precious = roots + "/control.sock";
  const auto roots_own = make_socket_file(precious, {.mode = 0600});
  ASSERT_TRUE(roots_own);
  const pid_t attacker = ::fork();
  if (attacker == 0) {
    if (::setresgid(kWorkers, kWorkers, kWorkers) != 0 ||
        ::setresuid(kWorkers, kWorkers, kWorkers) != 0) {
      ::_exit(1);
    }
    while (true) {
      ::mkdir(run.c_str(), 0777);
      ::rename(run.c_str(), (theirs + "/away").c_str());
      [[maybe_unused]] const int linked = ::symlink(roots.c_str(), run.c_str());
      ::unlink(run.c_str());
      ::rename((theirs + "/away").c_str(), run.c_str());
    }
  }
  ASSERT_GT(attacker, 0);
  for (int i = 0; i < 300; ++i) {
    const auto made = make_socket_file(run + "/control.sock", {0666, kWorkers, kWorkers});
    if (made) made->file.remove();
  }
  ::kill(attacker, SIGKILL);
  ::waitpid(attacker, nullptr, 0);
  EXPECT_TRUE(roots_own->file.is_there());
  EXPECT_EQ(status_of(precious).st_uid, 0u);
  EXPECT_EQ(status_of(precious).st_mode & 0777, 0600u);
  EXPECT_EQ(std::distance(fs::directory_iterator(roots), {}), 1) << "and nothing else is there";
}

}  // namespace
}  // namespace saola::server
