// The arbiter end to end: each test starts server_probe and looks at it from outside.
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <gmock/gmock.h>

#include <saola/base/unique_fd.hpp>

#include "probe_server.hpp"
#include "settings/bind_address.hpp"

namespace saola::server {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

TEST(Arbiter, ServesAndStopsOnTerm) {
  ProbeServer server({"--workers=2", "--task-workers=2"});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_THAT(server.serving("web"), SizeIs(2));
  EXPECT_THAT(server.serving("task"), SizeIs(2));
  EXPECT_THAT(server.log(), HasSubstr("ready: 2 web, 2 task workers"));
  const std::string address = server.address();
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
  EXPECT_EQ(connect_to(address), -1);
  EXPECT_FALSE(std::filesystem::exists(server.control_path()));
}

TEST(Arbiter, TheShutdownDelayGoesOnServingWhileNotReady) {
  ProbeServer server({"--shutdown-delay=1.5", "--management-bind=127.0.0.1:0"});
  ASSERT_TRUE(server.serves()) << server.log();
  const std::string management = server.management_address();
  EXPECT_EQ(http_get(management, "/readyz").status, 200);
  EXPECT_EQ(server.get("/readyz").status, 200);
  const auto told = std::chrono::steady_clock::now();
  server.signal(SIGTERM);
  EXPECT_TRUE(eventually([&] { return http_get(management, "/readyz").status == 503; }));
  EXPECT_EQ(server.get("/readyz").status, 503) << "workers can tell, too";
  EXPECT_EQ(http_get(management, "/healthz").status, 200);
  EXPECT_EQ(server.get("/").body, "hello, world\n");
  EXPECT_THAT(server.control(R"({"command":"reload"})"), "") << "refused";
  EXPECT_EQ(server.exit_status(), 0) << server.log();
  EXPECT_GE(std::chrono::steady_clock::now() - told, std::chrono::milliseconds(1500));
}

TEST(Arbiter, ASecondTermCutsTheShutdownDelayShort) {
  ProbeServer server({"--shutdown-delay=60"});
  ASSERT_TRUE(server.serves()) << server.log();
  server.signal(SIGTERM);
  ASSERT_TRUE(eventually([&] { return server.get("/readyz").status == 503; }));
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
}

TEST(Arbiter, TitlesTellTheRole) {
  ProbeServer server({"--proc-name=spinster"});
  ASSERT_TRUE(server.serves()) << server.log();
  const auto title = [](pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
    std::string text;
    std::getline(file, text, '\0');
    return text;
  };
  const auto name = [](pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
    std::string text;
    std::getline(file, text);
    return text;
  };
  EXPECT_EQ(name(server.pid()), "spinster") << "the whole does not fit";
  EXPECT_EQ(name(server.serving("web").at(0)), "spinster: web 1");
  EXPECT_EQ(title(server.pid()), "spinster: arbiter");
  EXPECT_EQ(title(server.serving("web").at(0)), "spinster: web 1");
  EXPECT_EQ(title(server.serving("task").at(0)), "spinster: task 1");
}

TEST(Arbiter, ReplacesAKilledWorkerAtOnce) {
  ProbeServer server;
  ASSERT_TRUE(server.serves()) << server.log();
  for (const int signal : {SIGKILL, SIGSEGV}) {
    for (const char* role : {"web", "task"}) {
      const pid_t before = server.serving(role).at(0);
      ::kill(before, signal);
      EXPECT_TRUE(eventually([&] {
        const auto now = server.serving(role);
        return now.size() == 1 && now[0] != before;
      })) << server.log();
    }
  }
  // A sanitizer makes an exit status of SIGSEGV, but of this one it cannot.
  EXPECT_THAT(server.log(), HasSubstr("ended: signal KILL"));
}

TEST(Arbiter, ALimitOnTheSizeOfFilesEndsNobody) {
  ProbeServer server;
  ASSERT_TRUE(server.serves()) << server.log();
  const std::vector<WorkerRow> before = server.workers();
  std::vector<pid_t> processes{server.pid()};
  for (const WorkerRow& worker : before) processes.push_back(worker.pid);
  for (const pid_t process : processes) {
    // The log has more bytes already, so the next line is refused.
    const rlimit none{.rlim_cur = 1, .rlim_max = RLIM_INFINITY};
    ASSERT_EQ(::prlimit(process, RLIMIT_FSIZE, &none, nullptr), 0);
  }
  EXPECT_EQ(server.get("/throw").status, 500) << server.log();  // the worker logs it
  server.signal(SIGTTIN);                                       // the arbiter logs it
  const rlimit all{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  ASSERT_EQ(::prlimit(server.pid(), RLIMIT_FSIZE, &all, nullptr), 0);
  EXPECT_TRUE(eventually([&] { return server.serving("web").size() == 2; }));
  for (const pid_t process : processes) EXPECT_TRUE(process_exists(process));
}

TEST(Arbiter, ChildrenDieWithIt) {
  ProbeServer server({"--workers=2", "--management-bind=127.0.0.1:0"});
  ASSERT_TRUE(server.serves()) << server.log();
  const auto workers = server.workers();
  ASSERT_EQ(workers.size(), 4u);
  const std::string address = server.address();
  server.signal(SIGKILL);
  EXPECT_EQ(server.exit_status(), 128 + SIGKILL);
  for (const WorkerRow& worker : workers) {
    EXPECT_TRUE(eventually([&] { return !process_exists(worker.pid); })) << worker.role;
  }
  EXPECT_TRUE(open_listener(*BindAddress::parse(address), {}));
}

TEST(Arbiter, SaysThatAnAddressIsTaken) {
  const auto taken = open_listener(*BindAddress::parse("127.0.0.1:0"), {});
  ProbeServer server({"--bind=" + taken->where});
  EXPECT_EQ(server.exit_status(), 1);
  EXPECT_THAT(server.log(), HasSubstr(taken->where + " is in use"));
}

TEST(Arbiter, AWorkerThatCannotBootStopsTheServer) {
  ProbeServer server({"--probe=bad-boot"});
  EXPECT_EQ(server.exit_status(), 3) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("the probe's store is away"));
  EXPECT_THAT(server.log(), HasSubstr("a worker cannot start, so the server stops"));
}

TEST(Arbiter, ATaskWorkerThatCannotWorkStopsAServerThatStarts) {
  ProbeServer server({"--probe=bad-task"});
  EXPECT_EQ(server.exit_status(), 3) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("the task worker's store is away"));
}

// Signals that come while workers start wait for them instead of killing them.
TEST(Arbiter, SignalsDuringAStartHurtNobody) {
  ProbeServer server({"--workers=4", "--task-workers=4"});
  for (int i = 0; i < 50; ++i) {
    server.control(R"({"command":"reopen"})");
    std::this_thread::yield();
  }
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_THAT(server.log(), Not(HasSubstr("ended")));
}

TEST(Arbiter, ACrashLoopBacksOffAndStops) {
  ProbeServer server({"--probe=crash-boot"});
  EXPECT_EQ(server.exit_status(std::chrono::seconds(40)), 1) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("web workers keep dying: 10 in a row before they served or "
                                      "within 10 s of it, the last by signal ABRT"));
}

TEST(Arbiter, EveryKindOfCrashLoopStopsAServerThatNeverGotReady) {
  for (const auto& [how, role, end] : std::vector<std::array<std::string, 3>>{
           {"kill-boot", "web", "signal KILL"}, {"exit-boot", "web", "exit status 0"}}) {
    ProbeServer server({"--probe=" + how, "--crash-limit=5", "--crash-window=7.5"});
    EXPECT_EQ(server.exit_status(), 1) << server.log();
    EXPECT_THAT(server.log(), HasSubstr(role +
                                        " workers keep dying: 5 in a row before they served "
                                        "or within 7.5 s of it, the last by " +
                                        end));
  }
}

// Requests and jobs that end their workers must not end the server.
TEST(Arbiter, AServerThatGotReadyNeverGivesUp) {
  for (const int signal : {SIGKILL, SIGSEGV}) {
    ProbeServer server({"--crash-limit=3"});
    ASSERT_TRUE(server.serves()) << server.log();
    for (int i = 0; i < 5; ++i) {
      pid_t pid = 0;
      ASSERT_TRUE(eventually([&] {
        const auto now = server.serving("web");
        if (!now.empty()) pid = now[0];
        return pid != 0;
      })) << server.log();
      ::kill(pid, signal);
      ASSERT_TRUE(eventually([&] { return !process_exists(pid); }));
    }
    EXPECT_TRUE(eventually([&] { return server.serving("web").size() == 1; })) << server.log();
    EXPECT_THAT(server.log(), HasSubstr("web workers keep dying: 3 in a row"));
    EXPECT_THAT(server.log(), HasSubstr("The server goes on, with pauses"));
  }
}

TEST(Arbiter, ARoleWhoseWorkersKeepDyingIsPausedAndSaysSo) {
  ProbeServer server({"--probe=crash-task", "--management-bind=127.0.0.1:0"});
  ASSERT_TRUE(server.serves()) << server.log();
  const std::string management = server.management_address();
  EXPECT_TRUE(eventually([&] {
    const HttpAnswer ready = http_get(management, "/readyz");
    return ready.status == 503 &&
           ready.body.find("task workers keep dying, ") != std::string::npos &&
           http_get(management, "/metrics").body.find("saola_workers_paused{role=\"task\"} 1") !=
               std::string::npos;
  })) << server.log();
  EXPECT_THAT(server.serving("web"), SizeIs(1));
  EXPECT_THAT(server.get("/readyz").body, HasSubstr("task workers keep dying, "));
}

TEST(Arbiter, AReloadWhoseWorkersAreKilledAgainAndAgainIsGivenUp) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  std::ofstream(file) << "threads = 2\n";
  ProbeServer server({"--config=" + file, "--crash-limit=4"});
  ASSERT_TRUE(server.serves()) << server.log();
  const auto before = server.serving("web");
  std::ofstream(file) << "probe = 'kill-boot'\n";
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return server.log_has("the reload is given up"); })) << server.log();
  EXPECT_EQ(server.serving("web"), before);
}

TEST(Arbiter, CheckConfigTriesWhatAStartWouldNeed) {
  TempFolder directory;
  const std::string state = directory.path() + "/var/here";
  std::ofstream(directory.path() + "/file") << "no folder";
  const std::string file = directory.path() + "/file";
  for (const std::string& bad :
       {std::string("--user=nobody-so-named"), std::string("--socket-group=nobody-so-named"),
        "--log-file=" + directory.path() + "/none/log", "--access-log=" + directory.path(),
        "--pidfile=" + file + "/pid", "--chdir=" + file, "--state-dir=" + file}) {
    ProbeServer check({"--check-config", "--state-dir=" + state, bad});
    EXPECT_EQ(check.exit_status(), 2) << bad << check.log();
    EXPECT_THAT(check.log(), HasSubstr(bad.substr(0, bad.find('=')))) << bad;
  }
  ProbeServer good({"--check-config", "--state-dir=" + state, "--log-file=" + file,
                    "--pidfile=" + directory.path() + "/pid"});
  EXPECT_EQ(good.exit_status(), 0) << good.log();
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/var")) << "a check makes nothing";
}

TEST(Arbiter, BadSettingsEndWithTwo) {
  ProbeServer server({"--workres=2"});
  EXPECT_EQ(server.exit_status(), 2);
  EXPECT_THAT(server.log(), HasSubstr("unknown flag --workres; did you mean --workers?"));
}

TEST(Arbiter, TtinAndTtouChangeTheNumberOfWebWorkers) {
  ProbeServer server;
  ASSERT_TRUE(server.serves()) << server.log();
  server.signal(SIGTTIN);
  EXPECT_TRUE(eventually([&] { return server.serving("web").size() == 2; })) << server.log();
  server.signal(SIGTTOU);
  EXPECT_TRUE(eventually([&] { return server.workers().size() == 2; })) << server.log();
  server.signal(SIGTTOU);
  EXPECT_TRUE(eventually([&] { return server.log_has("signal TTOU"); }));
  EXPECT_THAT(server.serving("web"), SizeIs(1)) << "the last one stays";
}

TEST(Arbiter, WinchEmptiesAndHupRefills) {
  ProbeServer server;
  ASSERT_TRUE(server.serves()) << server.log();
  server.signal(SIGWINCH);
  EXPECT_TRUE(eventually([&] { return server.workers().empty(); })) << server.log();
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return server.workers().size() == 2; })) << server.log();
}

TEST(Arbiter, HupReadsTheConfigAnew) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  std::ofstream(file) << "workers = 1\n";
  ProbeServer server({"--config=" + file, "--task-workers=1"}, {"SAOLA_BACKLOG=7"});
  ASSERT_TRUE(server.serves()) << server.log();
  // --workers=1 of the harness is a flag and wins; so the probe setting shows the reload.
  const auto before = server.workers();
  std::ofstream(file) << "threads = 3\n";
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] {
    const auto now = server.workers();
    return now.size() == 2 && now[0].generation == 2 && now[1].generation == 2;
  })) << server.log();
  for (const WorkerRow& worker : before) EXPECT_FALSE(process_exists(worker.pid));
  EXPECT_THAT(server.show("config"), HasSubstr(R"("threads":{"value":"3")"));
  EXPECT_THAT(server.show("config"),
              HasSubstr(R"("backlog":{"value":"7","origin":"SAOLA_BACKLOG")"));
}

TEST(Arbiter, AReloadAppliesWhatItCanAndWarnsAboutTheRest) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  const std::string first = directory.path() + "/first.pid";
  const std::string second = directory.path() + "/second.pid";
  std::ofstream(file) << "pidfile = '" << first << "'\nbacklog = 7\n";
  ProbeServer server({"--config=" + file});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_THAT(server.show("listeners"), HasSubstr(R"("backlog":7)"));
  EXPECT_TRUE(std::filesystem::exists(first));
  std::ofstream(file) << "pidfile = '" << second << "'\nbacklog = 8\nproc-name = 'renamed'\n"
                      << "umask = '077'\ncontrol-socket = '/elsewhere'\nchdir = '/'\n";
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] {
    return server.log_has("info    [arbiter " + std::to_string(server.pid()) + "] reloaded");
  })) << server.log();
  EXPECT_THAT(server.show("listeners"), HasSubstr(R"("backlog":8)"));
  EXPECT_FALSE(std::filesystem::exists(first));
  EXPECT_TRUE(std::filesystem::exists(second));
  for (const pid_t pid : {server.pid(), server.serving("web").at(0)}) {
    std::ifstream title("/proc/" + std::to_string(pid) + "/cmdline");
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    EXPECT_THAT(std::string(std::istreambuf_iterator<char>(title), {}), HasSubstr("renamed: "));
    EXPECT_THAT(std::string(std::istreambuf_iterator<char>(status), {}), HasSubstr("Umask:\t0077"));
  }
  EXPECT_THAT(server.log(), HasSubstr("control-socket is '/elsewhere' now (" + file +
                                      ":5), but 'auto' stays in "
                                      "force until the server is restarted or upgraded (USR2)"));
  EXPECT_THAT(server.log(), HasSubstr("chdir is '/' now"));
  EXPECT_THAT(server.show("config"), HasSubstr(R"("control-socket":{"value":"auto")"));
}

TEST(Arbiter, ABadConfigOnHupChangesNothing) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  std::ofstream(file) << "threads = 2\n";
  ProbeServer server({"--config=" + file});
  ASSERT_TRUE(server.serves()) << server.log();
  const auto before = server.serving("web");
  std::ofstream(file) << "threats = 2\n";
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return server.log_has("the reload is refused"); }));
  EXPECT_THAT(server.log(), HasSubstr("did you mean threads?"));
  std::ofstream(file) << "probe = 'bad-boot'\n";
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return server.log_has("the reload is given up"); }));
  EXPECT_TRUE(eventually([&] { return server.workers().size() == 2; }));
  EXPECT_EQ(server.serving("web"), before);
}

TEST(Arbiter, ABusyTaskWorkerDrainsAfterAReload) {
  ProbeServer server({"--probe=busy-task", "--drain-timeout=0.5"});
  ASSERT_TRUE(server.serves()) << server.log();
  const pid_t old_task = server.serving("task").at(0);
  server.signal(SIGHUP);
  // The new one serves while the old one still drains; then the limit makes it put its job back.
  EXPECT_TRUE(eventually([&] {
    const auto now = server.serving("task");
    return now.size() == 1 && now[0] != old_task;
  })) << server.log();
  EXPECT_TRUE(eventually([&] { return !process_exists(old_task); })) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("the job was put back"));
  EXPECT_THAT(server.log(), Not(HasSubstr("is killed")));
}

TEST(Arbiter, ABusyTaskWorkerPutsItsJobBackWhenTheServerStops) {
  ProbeServer server({"--probe=busy-task", "--graceful-timeout=0.3"});
  ASSERT_TRUE(server.serves()) << server.log();
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("the job was put back"));
  EXPECT_THAT(server.log(), HasSubstr("worker task 1 ended: exit status 0"));
}

TEST(Arbiter, AStoppedWorkerIsHungAndReplaced) {
  ProbeServer server({"--timeout=1"});
  ASSERT_TRUE(server.serves()) << server.log();
  const pid_t stopped = server.serving("task").at(0);
  ::kill(stopped, SIGSTOP);
  EXPECT_TRUE(eventually([&] { return !process_exists(stopped); })) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("worker task 1 is hung"));
  EXPECT_TRUE(eventually([&] { return server.serving("task").size() == 1; })) << server.log();
}

TEST(Arbiter, TheControlSocketIsPrivateAndSturdy) {
  ProbeServer server;
  ASSERT_TRUE(server.serves()) << server.log();
  const auto mode = std::filesystem::status(server.control_path()).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  // Nonsense, an endless line and a client that just sits there.
  const unique_fd idle(connect_to("unix:" + server.control_path()));
  for (const std::string& text : {std::string("nonsense\n"), std::string("{}\n"),
                                  std::string(200'000, 'x'), std::string("\0\xff\n", 3)}) {
    const unique_fd fd(connect_to("unix:" + server.control_path()));
    ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    ::shutdown(fd.get(), SHUT_WR);
    char buffer[512];
    while (::recv(fd.get(), buffer, sizeof buffer, 0) > 0) {
    }
  }
  EXPECT_THAT(server.show("workers"), HasSubstr(R"("role":"web")"));
  EXPECT_EQ(server.control(R"({"command":"show","what":"nothing"})"), "");
}

TEST(Arbiter, ObeysTheControlSocket) {
  ProbeServer server;
  ASSERT_TRUE(server.serves()) << server.log();
  server.control(R"({"command":"worker","action":"add"})");
  EXPECT_TRUE(eventually([&] { return server.serving("web").size() == 2; })) << server.log();
  server.control(R"({"command":"worker","action":"remove"})");
  EXPECT_TRUE(eventually([&] { return server.workers().size() == 2; })) << server.log();
  const pid_t before = server.serving("web").at(0);
  server.control(R"({"command":"worker","action":"kill","pid":)" + std::to_string(before) + "}");
  EXPECT_TRUE(eventually([&] {
    const auto now = server.serving("web");
    return now.size() == 1 && now[0] != before;
  })) << server.log();
  EXPECT_THAT(server.show("stacks"), HasSubstr(R"("worker":"task 1")"));
  EXPECT_THAT(server.show("stats"), HasSubstr(R"("saola_workers{role=web}":1)"));
  EXPECT_THAT(server.show("events"), HasSubstr("worker_started"));
  server.control(R"({"command":"reload"})");
  EXPECT_TRUE(eventually([&] { return server.log_has("reloaded"); })) << server.log();
  server.control(R"({"command":"shutdown","mode":"quick"})");
  EXPECT_EQ(server.exit_status(), 0) << server.log();
}

// The process that serves now: with its pid file, its control socket and workers of its own.
TEST(Arbiter, UpgradesOnUsr2WithoutLosingTheSocket) {
  TempFolder directory;
  const std::string pid_file = directory.path() + "/pid";
  const auto read_pid = [](const std::string& path) {
    pid_t pid = 0;
    std::ifstream(path) >> pid;
    return pid;
  };
  ProbeServer server({"--pidfile=" + pid_file});
  ASSERT_TRUE(server.serves()) << server.log();
  const std::string address = server.address();
  EXPECT_EQ(read_pid(pid_file), server.pid());
  server.signal(SIGUSR2);
  ASSERT_TRUE(eventually([&] { return read_pid(pid_file + ".2") > 0; })) << server.log();
  const pid_t successor = read_pid(pid_file + ".2");
  EXPECT_TRUE(eventually([&] {
    return server.log().rfind("ready:") != server.log().find("ready:");
  })) << server.log();
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
  EXPECT_TRUE(eventually([&] { return read_pid(pid_file) == successor; })) << server.log();
  EXPECT_EQ(http_get(address, "/").status, 200);
  EXPECT_TRUE(eventually([&] { return server.address() == address; })) << server.log();
  server.control(R"({"command":"shutdown","mode":"graceful"})");
  EXPECT_TRUE(eventually([&] { return !process_exists(successor); })) << server.log();
  EXPECT_EQ(read_pid(pid_file), 0);
}

TEST(Arbiter, AnUpgradeThatCannotBootChangesNothing) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  std::ofstream(file) << "threads = 2\n";
  ProbeServer server({"--config=" + file});
  ASSERT_TRUE(server.serves()) << server.log();
  std::ofstream(file) << "threats = 2\n";
  server.signal(SIGUSR2);
  EXPECT_TRUE(eventually([&] {
    return server.log_has("has ended (exit status 2: its settings are wrong; --check-config");
  })) << server.log();
  std::ofstream(file) << "probe = 'bad-boot'\n";
  server.signal(SIGUSR2);
  EXPECT_TRUE(eventually([&] { return server.log_has("has ended (exit status 3)"); }))
      << server.log();
  EXPECT_EQ(server.get("/").status, 200);
  EXPECT_THAT(server.show("stats"), HasSubstr(R"("state":"serving")"));
}

// After a power cut, or as process 1 of a container, the number belongs to anybody.
// The old server finishes a request while the new one has taken its place, perhaps with the inode
// that the old one's socket had.
// Children are numbered in the order of their starts: web, task, and the task worker's successor.
TEST(Arbiter, ATaskWorkerThatRetiresIsReplaced) {
  ProbeServer server({"--probe=retire-first-task"});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_TRUE(eventually([&] { return server.log_has("worker task 1 ended: exit status 0"); }))
      << server.log();
  EXPECT_THAT(server.log(),
              HasSubstr("worker task 1 asks for a successor: the probe has had enough"));
  EXPECT_THAT(server.serving("task"), SizeIs(1));
}

TEST(Arbiter, UsesSystemdsSocketsAndTellsSystemd) {
  TempFolder directory;
  const std::string path = directory.path() + "/notify";
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::ranges::copy(path, name.sun_path);
  const unique_fd notify(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(notify.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  const timeval limit{.tv_sec = 20};
  ::setsockopt(notify.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const auto told = [&] {
    char text[256];
    const ssize_t got = ::recv(notify.get(), text, sizeof text, 0);
    return std::string(text, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  };
  const auto socket = open_listener(*BindAddress::parse("127.0.0.1:0"), {});
  ProbeServer server({}, {"NOTIFY_SOCKET=" + path}, socket->fd.get());
  EXPECT_THAT(told(), HasSubstr("READY=1\nMAINPID=" + std::to_string(server.pid())));
  EXPECT_EQ(server.address(), socket->where);
  EXPECT_EQ(server.get("/").status, 200);
  server.signal(SIGHUP);
  EXPECT_THAT(told(), HasSubstr("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(told(), "READY=1");
  EXPECT_EQ(server.get("/").status, 200);
  server.signal(SIGTERM);
  EXPECT_EQ(told(), "STOPPING=1");
  EXPECT_EQ(server.exit_status(), 0) << server.log();
}

// Root gives workers to somebody else, who can still write the logs; others are told why not.
TEST(Arbiter, RunsWorkersAsAnotherUser) {
  TempFolder directory;
  std::filesystem::permissions(directory.path(), std::filesystem::perms::all);
  const std::string access = directory.path() + "/access";
  ProbeServer server({"--user=nobody", "--access-log=" + access});
  if (::geteuid() != 0) {
    EXPECT_EQ(server.exit_status(), 1);
    EXPECT_THAT(server.log(), HasSubstr("only root can run workers as somebody else"));
    return;
  }
  ASSERT_TRUE(server.serves()) << server.log();
  for (const WorkerRow& worker : server.workers()) {
    std::ifstream status("/proc/" + std::to_string(worker.pid) + "/status");
    const std::string text((std::istreambuf_iterator<char>(status)),
                           std::istreambuf_iterator<char>());
    EXPECT_THAT(text, HasSubstr("Uid:\t65534\t65534\t65534")) << worker.role;
    EXPECT_THAT(text, HasSubstr("Gid:\t65534\t65534\t65534")) << worker.role;
  }
  server.get("/");
  EXPECT_TRUE(eventually([&] { return std::filesystem::file_size(access) > 0; }));
}

TEST(Arbiter, SaysWhatIsWrongBeforeItStarts) {
  const auto log_of = [](std::vector<std::string> flags) {
    ProbeServer server(std::move(flags));
    EXPECT_EQ(server.exit_status(), 1);
    return server.log();
  };
  EXPECT_THAT(log_of({"--user=nosuchuser"}), HasSubstr("there is no user 'nosuchuser'"));
  EXPECT_THAT(log_of({"--chdir=/nonexistent"}), HasSubstr("--chdir /nonexistent"));
  EXPECT_THAT(log_of({"--state-dir=/proc/x"}), HasSubstr("choose another --state-dir"));
  EXPECT_THAT(log_of({"--log-file=/nonexistent/x"}), HasSubstr("choose another --log-file"));
  EXPECT_THAT(log_of({"--bind=fd://77"}), HasSubstr("no such descriptor was inherited"));
}

}  // namespace
}  // namespace saola::server
