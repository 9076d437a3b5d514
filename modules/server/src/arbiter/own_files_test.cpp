// The files that name a server (pid file, control socket, unix sockets), end to end.
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include <saola/base/unique_fd.hpp>

#include "probe_server.hpp"

namespace saola::server {
namespace {

using testing::HasSubstr;

TEST(OwnFiles, TheUnixSocketOutlivesAnUpgradeAndEndsWithTheNewArbiter) {
  TempFolder directory;
  const std::string socket = directory.path() + "/http.sock";
  ProbeServer server({"--bind=unix:" + socket});
  ASSERT_TRUE(server.serves()) << server.log();
  server.signal(SIGUSR2);
  EXPECT_TRUE(eventually([&] {
    return server.log().rfind("ready:") != server.log().find("ready:");
  })) << server.log();
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
  EXPECT_EQ(http_get("unix:" + socket, "/").status, 200);
  EXPECT_TRUE(eventually([&] { return !server.show("stats").empty(); }));
  server.control(R"({"command":"shutdown","mode":"graceful"})");
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(socket); })) << server.log();
}

TEST(OwnFiles, RefusesThePidFileOfALiveServer) {
  TempFolder directory;
  const std::string flag = "--pidfile=" + directory.path() + "/pid";
  ProbeServer first({flag});
  ASSERT_TRUE(first.serves()) << first.log();
  ProbeServer second({flag});
  EXPECT_EQ(second.exit_status(), 1);
  EXPECT_THAT(second.log(), HasSubstr("is held by process " + std::to_string(first.pid())));
  first.signal(SIGKILL);
  first.exit_status();
  ProbeServer third({flag});
  EXPECT_TRUE(third.serves()) << third.log();
}

TEST(OwnFiles, AStalePidFileDoesNotBlockTheStart) {
  for (const std::string& text : {std::to_string(::getpid()) + "\n", std::string("1\n"),
                                  std::string(), std::string(8, '\0')}) {
    TempFolder directory;
    const std::string pid_file = directory.path() + "/pid";
    std::ofstream(pid_file) << text;
    ProbeServer server({"--pidfile=" + pid_file});
    ASSERT_TRUE(server.serves()) << server.log();
    pid_t pid = 0;
    std::ifstream(pid_file) >> pid;
    EXPECT_EQ(pid, server.pid());
  }
}

TEST(OwnFiles, RemovesOnlyTheFilesThatItMade) {
  TempFolder directory;
  const std::string pid_file = directory.path() + "/pid";
  const std::string socket = directory.path() + "/http.sock";
  ProbeServer server({"--pidfile=" + pid_file, "--bind=unix:" + socket});
  ASSERT_TRUE(server.serves()) << server.log();
  std::vector<std::string> others{pid_file, socket, server.control_path()};
  for (const std::string& path : others) {
    ASSERT_TRUE(std::filesystem::remove(path)) << path;
    std::ofstream(path) << "another's";
  }
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
  for (const std::string& path : others) EXPECT_TRUE(std::filesystem::exists(path)) << path;
}

TEST(OwnFiles, AnOverlappingRestartLeavesTheNewSocket) {
  TempFolder directory;
  const std::string bind = "--bind=unix:" + directory.path() + "/http.sock";
  ProbeServer old({bind});
  ASSERT_TRUE(old.serves()) << old.log();
  const std::string address = old.address();
  const unique_fd busy(connect_to(address));
  constexpr std::string_view kSlow = "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n";
  ::send(busy.get(), kSlow.data(), kSlow.size(), MSG_NOSIGNAL);
  ASSERT_TRUE(eventually([&] { return old.log_has("the slow request has begun"); }));
  old.signal(SIGTERM);
  ASSERT_TRUE(eventually([&] {
    const unique_fd refused(connect_to(address));
    return !refused;
  }));
  ProbeServer fresh({bind});
  ASSERT_TRUE(fresh.serves()) << fresh.log();
  EXPECT_EQ(old.exit_status(), 0) << old.log();
  EXPECT_EQ(http_get(address, "/").status, 200);
}

TEST(OwnFiles, APidFileIsNoLinkAndNoOtherFile) {
  TempFolder directory;
  const std::string precious = directory.path() + "/precious";
  const std::string content(1000, 'p');
  std::ofstream(precious) << content;
  const std::string link = directory.path() + "/pid";
  std::filesystem::create_symlink(precious, link);
  for (const std::string& path : {link, precious}) {
    ProbeServer server({"--pidfile=" + path});
    EXPECT_EQ(server.exit_status(), 1) << server.log();
    EXPECT_THAT(server.log(), HasSubstr(path));
  }
  EXPECT_EQ(std::filesystem::file_size(precious), content.size());
}

struct stat status_of(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info;
}

// nginx, another user, must be able to connect.
TEST(OwnFiles, TheUnixSocketsModeDoesNotDependOnTheUmask) {
  for (const char* umask : {"0", "022", "077"}) {
    TempFolder directory;
    const std::string socket = directory.path() + "/http.sock";
    ProbeServer server({"--bind=unix:" + socket, std::string("--umask=") + umask,
                        "--state-dir=" + directory.path() + "/var/here", "--control-socket=none"});
    ASSERT_TRUE(eventually([&] { return server.log_has("ready:"); })) << server.log();
    EXPECT_EQ(status_of(socket).st_mode & 0777, 0666u);
    EXPECT_EQ(status_of(directory.path() + "/var/here").st_mode & 022, 0u);
  }
}

TEST(OwnFiles, TheUnixSocketHasTheModeAndOwnersOfTheSettings) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  const std::string socket = directory.path() + "/http.sock";
  const std::string group = std::to_string(::getuid() == 0 ? 12345 : ::getgid());
  std::ofstream(file) << "socket-mode = '640'\n";
  ProbeServer server({"--bind=unix:" + socket, "--config=" + file});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_EQ(status_of(socket).st_mode & 0777, 0640u);
  std::ofstream(file) << "socket-mode = '660'\nsocket-group = '" << group << "'\n";
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return server.log_has("] reloaded"); })) << server.log();
  EXPECT_EQ(status_of(socket).st_mode & 0777, 0660u);
  EXPECT_EQ(std::to_string(status_of(socket).st_gid), group);
  EXPECT_EQ(status_of(server.control_path()).st_mode & 0777, 0600u);
}

TEST(OwnFiles, TheUmaskCoversTheLogFromItsFirstLine) {
  TempFolder directory;
  const std::string log = directory.path() + "/log";
  ProbeServer server({"--umask=077", "--log-file=" + log});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_EQ(status_of(log).st_mode & 0777, 0600u);
}

TEST(OwnFiles, AGroupThatThereIsNotIsNamed) {
  ProbeServer server({"--socket-group=no-such-group"});
  EXPECT_EQ(server.exit_status(), 1);
  EXPECT_THAT(server.log(), HasSubstr("--socket-group: there is no group 'no-such-group'"));
}

}  // namespace
}  // namespace saola::server
