// The arbiter as the first process of a container: it inherits every orphan, and nobody else ends
// it.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <gmock/gmock.h>

#include "probe_server.hpp"

namespace saola::server {
namespace {

using testing::HasSubstr;

// The processes whose parent is `parent`, of state `state` ('Z': dead and not waited for).
int children_in_state(pid_t parent, char state) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    if (entry.path().filename().native().find_first_not_of("0123456789") != std::string::npos)
      continue;
    std::ifstream file(entry.path() / "stat");
    const std::string stat((std::istreambuf_iterator<char>(file)), {});
    // "PID (name) STATE PARENT …"
    const std::size_t at = stat.rfind(')');
    if (at == std::string::npos || at + 4 >= stat.size() || stat[at + 2] != state) continue;
    if (std::stoi(stat.substr(at + 4)) == parent) ++count;
  }
  return count;
}

void reaps_orphans(ProbeServer& server) {
  ASSERT_TRUE(server.serves()) << server.log();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(server.get("/orphan").body, "left\n");
  EXPECT_TRUE(eventually([&] {
    const std::string log = server.log();
    int reaped = 0;
    for (std::size_t at = 0; (at = log.find("not started here has ended", at)) != std::string::npos;
         ++at) {
      ++reaped;
    }
    return reaped == 5;
  })) << server.log();
  EXPECT_THAT(server.log(), HasSubstr(R"(how="exit status 7")"));
  EXPECT_EQ(children_in_state(server.pid(), 'Z'), 0);
  // Its own children are still told apart.
  const std::size_t workers = server.workers().size();
  EXPECT_EQ(workers, 2u);
}

TEST(ProcessOne, ReapsOrphansAsASubreaper) {
  ProbeServer server({"--log-level=debug"}, {}, -1, Birth::kSubreaper);
  reaps_orphans(server);
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
}

TEST(ProcessOne, ServesReapsReplacesAndEnds) {
  TempFolder directory;
  const std::string pid_file = directory.path() + "/pid";
  ProbeServer server({"--log-level=debug", "--pidfile=" + pid_file}, {}, -1, Birth::kProcessOne);
  if (!server.started()) {
    // The container this runs in forbids namespaces; the subreaper above shows the reaping alone.
    GTEST_SKIP() << "NOT TESTED: the arbiter as process 1, because this user may make no pid "
                    "namespace here";
  }
  reaps_orphans(server);
  pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  EXPECT_EQ(pid, 1);

  server.signal(SIGUSR2);
  EXPECT_TRUE(eventually([&] { return server.log_has("there is no upgrade for process 1"); }));
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return server.log_has("] reloaded"); })) << server.log();
  EXPECT_EQ(server.get("/").status, 200);
  const std::string address = server.address();

  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
  EXPECT_EQ(connect_to(address), -1);
  EXPECT_FALSE(std::filesystem::exists(pid_file));
  EXPECT_FALSE(std::filesystem::exists(server.control_path()));
}

TEST(ProcessOne, EndsOnQuitWithHoggedWorkers) {
  ProbeServer server({}, {}, -1, Birth::kProcessOne);
  if (!server.started()) {
    GTEST_SKIP() << "NOT TESTED: the arbiter as process 1, because this user may make no pid "
                    "namespace here";
  }
  ASSERT_TRUE(server.serves()) << server.log();
  const std::string address = server.address();
  std::jthread client([&] { http_get(address, "/hang"); });
  EXPECT_TRUE(eventually([&] {
    return server.show("stats").find(R"("saola_http_connections":1)") != std::string::npos;
  }));
  server.signal(SIGQUIT);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
}

}  // namespace
}  // namespace saola::server
