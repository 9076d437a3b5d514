// Web workers end to end: each test starts server_probe and talks HTTP to it.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <saola/base/unique_fd.hpp>

#include "probe_server.hpp"
#include "settings/bind_address.hpp"

namespace saola::server {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class EveryClass : public testing::TestWithParam<const char*> {
 protected:
  std::string flag() const { return std::string("--worker-class=") + GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(WebWorker, EveryClass, testing::Values("green", "threads", "sync"));

TEST_P(EveryClass, Serves) {
  ProbeServer server({flag()});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_EQ(server.get("/").body, "hello, world\n");
  EXPECT_EQ(server.get("/throw").status, 500);
  EXPECT_THAT(server.log(), HasSubstr("thrown by the probe"));
  EXPECT_EQ(server.get("/pid").body, std::to_string(server.serving("web").at(0)));
}

TEST_P(EveryClass, ReadsBodies) {
  ProbeServer server({flag()});
  ASSERT_TRUE(server.serves()) << server.log();
  const unique_fd fd(connect_to(server.address()));
  const std::string body(300'000, 'x');
  const std::string request =
      "POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n" + body;
  std::jthread sender([&] { ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL); });
  const HttpAnswer answer = read_answer(fd.get());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, body);
}

// A response that has begun and not ended.
class Stream {
 public:
  Stream(const std::string& address, std::string_view path) : fd_(connect_to(address)) {
    const std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    ::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL);
  }
  // Everything up to `end`, or to the end of the stream.
  std::string read_until(std::string_view end) {
    std::string in;
    char byte = 0;
    while (!in.ends_with(end) && ::recv(fd_.get(), &byte, 1, 0) == 1) in += byte;
    return in;
  }

 private:
  unique_fd fd_;
};

TEST_P(EveryClass, TermFinishesARequestInFlight) {
  ProbeServer server({flag()});
  ASSERT_TRUE(server.serves()) << server.log();
  const std::string address = server.address();
  HttpAnswer answer;
  std::jthread client([&] { answer = http_get(address, "/slow"); });
  ASSERT_TRUE(eventually([&] { return server.log_has("the slow request has begun"); }));
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
  client.join();
  EXPECT_EQ(answer.body, "slow\n");
}

TEST_P(EveryClass, StreamsEndInOrderWhenTheServerStops) {
  ProbeServer server({flag(), "--access-log=-"});
  ASSERT_TRUE(server.serves()) << server.log();
  Stream stream(server.address(), "/events");
  EXPECT_THAT(stream.read_until("tick"), HasSubstr("200 OK"));
  server.signal(SIGTERM);
  EXPECT_THAT(stream.read_until("0\r\n\r\n"), HasSubstr("bye\n"));
  EXPECT_EQ(server.exit_status(), 0) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("\"GET /events HTTP/1.1\" 200"));
  EXPECT_THAT(server.log(), Not(HasSubstr("the time to finish is over")));
}

TEST_P(EveryClass, AStreamThatDoesNotEndIsCutAndLogged) {
  ProbeServer server({flag(), "--access-log=-", "--graceful-timeout=0.2"});
  ASSERT_TRUE(server.serves()) << server.log();
  Stream stream(server.address(), "/deaf");
  stream.read_until("tick");
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("worker web 1 cuts its connections"));
  EXPECT_THAT(server.log(), HasSubstr("\"GET /deaf HTTP/1.1\" 200"));
  EXPECT_THAT(server.log(), Not(HasSubstr("is killed")));
}

TEST_P(EveryClass, AReloadEndsStreamsSoThatTheOldWorkerCanLeave) {
  ProbeServer server({flag(), "--keepalive=0.1"});
  ASSERT_TRUE(server.serves()) << server.log();
  const pid_t before = server.serving("web").at(0);
  Stream stream(server.address(), "/events");
  stream.read_until("tick");
  server.signal(SIGHUP);
  EXPECT_THAT(stream.read_until("0\r\n\r\n"), HasSubstr("bye\n"));
  EXPECT_TRUE(eventually([&] { return !process_exists(before); })) << server.log();
}

TEST_P(EveryClass, IdleConnectionsMakeRoomForRequests) {
  ProbeServer server({flag(), "--worker-connections=2", "--keepalive=600"});
  ASSERT_TRUE(server.serves()) << server.log();
  std::vector<unique_fd> idle;
  for (int i = 0; i < 10; ++i) idle.emplace_back(connect_to(server.address()));
  EXPECT_EQ(server.get("/").status, 200);
}

// Connections have these from their listener.
TEST(WebWorker, ListenersNoticeVanishedClients) {
  const auto listener = open_listener(*BindAddress::parse("127.0.0.1:0"), {});
  ProbeServer server({"--tcp-keepalive=15", "--tcp-user-timeout=2.5"}, {}, listener->fd.get());
  ASSERT_TRUE(server.serves()) << server.log();
  const auto option = [&](int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(listener->fd.get(), level, name, &value, &size);
    return value;
  };
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 15);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 5);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 2500);
}

TEST(WebWorker, RaisesTheLimitOfOpenFilesAndKeepsSomeForOthers) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 128, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  ProbeServer server({"--worker-connections=1000000"});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(server.serves()) << server.log();
  for (const pid_t pid :
       {server.pid(), server.serving("web").at(0), server.serving("task").at(0)}) {
    rlimit now{};
    ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, nullptr, &now), 0);
    EXPECT_EQ(now.rlim_cur, std::min<rlim_t>(before.rlim_max, 1 << 20));
  }
  if (before.rlim_max < 1'000'000) {
    EXPECT_THAT(server.log(), HasSubstr("connections instead of --worker-connections 1000000"));
  }
}

TEST(WebWorker, TheAccessLogNamesTheClientBehindAProxyOnAUnixSocket) {
  TempFolder directory;
  ProbeServer server({"--bind=unix:" + directory.path() + "/s", "--access-log=-",
                      "--access-log-format=client=%(h)s."});
  ASSERT_TRUE(server.serves()) << server.log();
  const unique_fd fd(connect_to(server.address()));
  constexpr std::string_view kRequest =
      "GET / HTTP/1.1\r\nHost: probe\r\nX-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n\r\n";
  ::send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
  EXPECT_EQ(read_answer(fd.get()).status, 200);
  EXPECT_TRUE(eventually([&] { return server.log_has("client=203.0.113.9."); })) << server.log();
}

TEST(WebWorker, TheRootPathIsTakenOffAndPassedOn) {
  ProbeServer server({"--root-path=/site"});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_EQ(server.get("/site/where").body, "/site|/where");
  EXPECT_EQ(server.get("/where").body, "/site|/where");
  EXPECT_EQ(server.get("/sitewhere").body, "hello, world\n") << "another path";
  const unique_fd fd(connect_to(server.address()));
  constexpr std::string_view kRequest =
      "GET /where HTTP/1.1\r\nHost: probe\r\nX-Forwarded-Prefix: /other\r\n\r\n";
  ::send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
  EXPECT_EQ(read_answer(fd.get()).body, "/other|/where");
}

TEST_P(EveryClass, QuitDoesNotWait) {
  ProbeServer server({flag()});
  ASSERT_TRUE(server.serves()) << server.log();
  const std::string address = server.address();
  HttpAnswer answer;
  std::jthread client([&] { answer = http_get(address, "/hang"); });
  EXPECT_TRUE(eventually([&] {
    return server.show("stats").find(R"("saola_http_connections":1)") != std::string::npos;
  }));
  server.signal(SIGQUIT);
  EXPECT_EQ(server.exit_status(), 0) << server.log();
  client.join();
  EXPECT_EQ(answer.status, 0);
}

// Clients that ask without a pause: half of them on a connection for each request, half keep theirs
// as long as they may.
class Load {
 public:
  explicit Load(std::string address) : address_(std::move(address)) {
    for (int i = 0; i < 4; ++i) {
      clients_.emplace_back([this] { run_one_shot(); });
      clients_.emplace_back([this] { run_keeping(); });
    }
  }
  // Ends the clients.
  void stop() {
    end_ = true;
    clients_.clear();
  }
  std::atomic<int> good{0};
  std::atomic<int> bad{0};

 private:
  void count(const HttpAnswer& answer) { (answer.status == 200 ? good : bad)++; }
  void run_one_shot() {
    while (!end_) count(http_get(address_, "/"));
  }
  void run_keeping() {
    static constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    unique_fd fd;
    while (!end_) {
      if (!fd) fd.reset(connect_to(address_));
      ::send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
      const HttpAnswer answer = read_answer(fd.get());
      count(answer);
      if (answer.status != 200 || answer.closes) fd.reset();
    }
  }

  const std::string address_;
  std::atomic<bool> end_{false};
  std::vector<std::jthread> clients_;
};

TEST_P(EveryClass, ReloadsUnderRequestsLoseNone) {
  ProbeServer server({flag(), "--workers=2"});
  ASSERT_TRUE(server.serves()) << server.log();
  Load load(server.address());
  for (int reload = 1; reload <= 20; ++reload) {
    server.signal(SIGHUP);
    EXPECT_TRUE(eventually([&] {
      const auto workers = server.workers();
      return std::ranges::all_of(workers, [&](const WorkerRow& worker) {
        return worker.generation == reload + 1 ? worker.stage == "serving"
                                               : worker.stage == "leaving";
      });
    })) << server.log();
  }
  load.stop();
  EXPECT_EQ(load.bad, 0) << server.log();
  EXPECT_GT(load.good, 50);
}

TEST_P(EveryClass, AnUpgradeUnderRequestsLosesNone) {
  ProbeServer server({flag()});
  ASSERT_TRUE(server.serves()) << server.log();
  Load load(server.address());
  server.signal(SIGUSR2);
  EXPECT_TRUE(eventually([&] {
    return server.log().rfind("ready:") != server.log().find("ready:");
  })) << server.log();
  server.signal(SIGTERM);
  // The task worker's end has the lowest priority, and the clients take every core meanwhile.
  EXPECT_EQ(server.exit_status(std::chrono::seconds(60)), 0) << server.log();
  const int before = load.good;
  EXPECT_TRUE(eventually([&] { return load.good > before + 20; })) << server.log();
  load.stop();
  EXPECT_EQ(load.bad, 0) << server.log();
  EXPECT_TRUE(eventually(
      [&] { return !server.control(R"({"command":"shutdown","mode":"quick"})").empty(); }));
}

TEST(WebWorker, AHogDoesNotFreezeAGreenWorkerAndIsReported) {
  ProbeServer server;
  ASSERT_TRUE(server.serves()) << server.log();
  const std::string address = server.address();
  std::jthread hog([&] { http_get(address, "/hog"); });
  EXPECT_TRUE(eventually([&] {
    http_get(address, "/");
    return server.show("stalls").find("rescued") != std::string::npos;
  })) << server.log();
  EXPECT_THAT(server.get("/metrics").body, HasSubstr(R"(saola_stalls_total{action="rescued"} 1)"));
}

TEST(WebWorker, AHungWorkerWritesItsStacksAndIsReplaced) {
  ProbeServer server({"--on-stall=ignore", "--timeout=1.5"});
  ASSERT_TRUE(server.serves()) << server.log();
  const pid_t before = server.serving("web").at(0);
  const std::string address = server.address();
  std::jthread client([&] { http_get(address, "/hang"); });
  EXPECT_TRUE(eventually([&] {
    const auto now = server.serving("web");
    return now.size() == 1 && now[0] != before;
  })) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("worker web 1 is hung"));
  EXPECT_THAT(server.log(), HasSubstr("thread " + std::to_string(before)));
  EXPECT_THAT(server.log(), HasSubstr("ended: signal ABRT"));
  EXPECT_EQ(server.get("/").status, 200);
}

TEST(WebWorker, ASyncWorkerWithARequestPastTheTimeoutIsReplaced) {
  ProbeServer server({"--worker-class=sync", "--timeout=1.5"});
  ASSERT_TRUE(server.serves()) << server.log();
  const pid_t before = server.serving("web").at(0);
  const std::string address = server.address();
  std::jthread client([&] { http_get(address, "/hang"); });
  EXPECT_TRUE(eventually([&] {
    const auto now = server.serving("web");
    return now.size() == 1 && now[0] != before;
  })) << server.log();
}

TEST(WebWorker, MetricsAreSummedAndSurviveWorkers) {
  ProbeServer server({"--workers=2"});
  ASSERT_TRUE(server.serves()) << server.log();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(server.get("/").status, 200);
  for (const pid_t pid : server.serving("web")) ::kill(pid, SIGKILL);
  std::string metrics;
  EXPECT_TRUE(eventually([&] {
    metrics = server.get("/metrics").body;
    return metrics.find(R"(saola_worker_deaths_total{role="web"} 2)") != std::string::npos &&
           metrics.find(R"(saola_workers{role="web"} 2)") != std::string::npos;
  })) << metrics;
  // The questions for metrics count too, and a slow machine needs several.
  EXPECT_THAT(
      metrics,
      ContainsRegex(R"(saola_http_requests_total\{status="2xx"\} ([2-9][0-9]|[1-9][0-9][0-9]))"));
  // What the application counts itself is declared and counted without its doing.
  EXPECT_THAT(metrics, ContainsRegex(R"(probe_requests_total ([2-9][0-9]|[1-9][0-9][0-9]))"));
}

TEST(WebWorker, MaxRequestsDrainsInsteadOfDropping) {
  ProbeServer server({"--max-requests=10", "--max-requests-jitter=5"});
  ASSERT_TRUE(server.serves()) << server.log();
  const std::string address = server.address();
  std::set<std::string> pids;
  EXPECT_TRUE(eventually([&] {
    const HttpAnswer answer = http_get(address, "/pid");
    EXPECT_EQ(answer.status, 200);
    pids.insert(answer.body);
    return pids.size() == 3;
  })) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("asks for a successor: it has answered 1"));
}

TEST(WebWorker, ListensOnSeveralBinds) {
  TempFolder directory;
  const std::string path = "unix:" + directory.path() + "/socket";
  ProbeServer server({"--bind=" + path, "--bind=[::1]:0", "--bind=127.0.0.1:0"});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_EQ(server.address(), path);
  EXPECT_EQ(http_get(path, "/").status, 200);
  EXPECT_THAT(http_get(path, "/from").body, StartsWith("unix"));
  EXPECT_THAT(server.show("listeners"), HasSubstr("[::1]:"));
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_status(), 0);
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/socket"));
}

TEST(WebWorker, WritesTheAccessLogAndReopensIt) {
  TempFolder directory;
  const std::string file = directory.path() + "/access";
  ProbeServer server({"--access-log=" + file, "--access-log-format=%(m)s %(U)s %(s)s %(B)s"});
  ASSERT_TRUE(server.serves()) << server.log();
  const auto read = [](const std::string& path) {
    std::ifstream in(path);
    return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  };
  server.get("/");
  EXPECT_TRUE(eventually([&] { return read(file) == "GET / 200 13\n"; })) << read(file);
  std::filesystem::rename(file, file + ".1");
  server.signal(SIGUSR1);
  EXPECT_TRUE(eventually([&] {
    server.get("/pid");
    return read(file).starts_with("GET /pid 200");
  })) << read(file);
  EXPECT_THAT(read(file + ".1"), StartsWith("GET / 200 13\n"));
}

TEST(WebWorker, BelievesForwardedFieldsOfTrustedPeersOnly) {
  const auto from = [](const ProbeServer& server) {
    const unique_fd fd(connect_to(server.address()));
    const std::string request =
        "GET /from HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.9\r\n"
        "X-Forwarded-Proto: https\r\n\r\n";
    ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    return read_answer(fd.get()).body;
  };
  ProbeServer trusting;
  ASSERT_TRUE(trusting.serves()) << trusting.log();
  EXPECT_EQ(from(trusting), "192.0.2.9 https");
  ProbeServer wary({"--forwarded-allow-ips=10.0.0.0/8"});
  ASSERT_TRUE(wary.serves()) << wary.log();
  EXPECT_THAT(from(wary), StartsWith("127.0.0.1:"));
}

TEST(WebWorker, BelievesProxyHeadersOfTrustedPeersOnly) {
  const auto from = [](const ProbeServer& server) {
    const unique_fd fd(connect_to(server.address()));
    const std::string request =
        "PROXY TCP4 192.0.2.9 192.0.2.1 4711 80\r\nGET /from HTTP/1.1\r\nHost: localhost\r\n\r\n";
    ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    return read_answer(fd.get());
  };
  ProbeServer trusting({"--proxy-protocol"});
  ASSERT_TRUE(trusting.serves()) << trusting.log();
  EXPECT_EQ(from(trusting).body, "192.0.2.9:4711 http");
  ProbeServer wary({"--proxy-protocol", "--proxy-allow-ips=10.0.0.0/8"});
  ASSERT_TRUE(wary.serves()) << wary.log();
  EXPECT_EQ(wary.get("/").status, 200);
  EXPECT_EQ(from(wary).status, 400);
}

TEST(WebWorker, SpeaksTlsWithTheCertificateOfTheLastReload) {
  TempFolder directory;
  const std::string key = directory.path() + "/key.pem";
  const std::string certificate = directory.path() + "/cert.pem";
  const auto make_certificate = [&](const std::string& name) {
    return std::system(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                        "-days 1 -subj /CN=" +
                        name + " -keyout " + key + " -out " + certificate + " 2>/dev/null")
                           .c_str()) == 0;
  };
  const auto curl = [](const std::string& address) {
    FILE* pipe = ::popen(("curl -skv -m 10 https://" + address + "/from 2>&1").c_str(), "r");
    std::string text;
    char buffer[4096];
    while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) {
      text.append(buffer, got);
    }
    ::pclose(pipe);
    return text;
  };
  ASSERT_TRUE(make_certificate("first"));
  ProbeServer server({"--certfile=" + certificate, "--keyfile=" + key});
  ASSERT_TRUE(server.serves()) << server.log();
  const std::string first = curl(server.address());
  EXPECT_THAT(first, HasSubstr("CN=first"));
  EXPECT_THAT(first, HasSubstr(" https"));
  ASSERT_TRUE(make_certificate("second"));
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return server.log_has("reloaded"); })) << server.log();
  EXPECT_THAT(curl(server.address()), HasSubstr("CN=second"));
  // A broken key is refused and nothing changes.
  std::ofstream(key) << "nonsense";
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return server.log_has("the reload is given up"); }));
  EXPECT_THAT(curl(server.address()), HasSubstr("CN=second"));
}

TEST(WebWorker, TheManagementBindAnswersWhileEveryWorkerIsHogged) {
  TempFolder directory;
  const std::string management = "unix:" + directory.path() + "/management";
  ProbeServer server({"--on-stall=ignore", "--management-bind=" + management});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_EQ(http_get(management, "/healthz").status, 200);
  EXPECT_EQ(http_get(management, "/readyz").status, 200);
  EXPECT_EQ(http_get(management, "/").status, 404);
  const std::string address = server.address();
  std::jthread client([&] { http_get(address, "/hang"); });
  HttpAnswer ready;
  EXPECT_TRUE(eventually([&] {
    ready = http_get(management, "/readyz");
    return ready.status == 503;
  }));
  EXPECT_THAT(ready.body, HasSubstr("web 1 has not moved for"));
  EXPECT_EQ(http_get(management, "/healthz").status, 200);
  EXPECT_THAT(http_get(management, "/metrics").body, HasSubstr("saola_http_connections 1"));
  EXPECT_THAT(server.show("workers"), HasSubstr(R"("role":"management")"));
  server.signal(SIGKILL);
}

TEST(WebWorker, ReadinessSaysWhyNot) {
  TempFolder directory;
  const std::string management = "unix:" + directory.path() + "/management";
  ProbeServer server({"--management-bind=" + management});
  ASSERT_TRUE(server.serves()) << server.log();
  server.get("/unready");
  const HttpAnswer ready = http_get(management, "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.body, HasSubstr(R"("detail":"Not ready: web 1: the probe was told so")"));
  EXPECT_THAT(ready.body, HasSubstr(R"("reasons":["web 1: the probe was told so"])"));
  EXPECT_EQ(server.get("/readyz").body, ready.body) << "one shape on both";
  EXPECT_THAT(server.show("workers"), HasSubstr("the probe was told so"));
}

TEST(WebWorker, BothAddressesTellOfProcessesBuildAndStore) {
  TempFolder directory;
  const std::string management = "unix:" + directory.path() + "/management";
  ProbeServer server({"--management-bind=" + management});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_EQ(http_get(management, "/healthz").body, R"({"status":"ok"})");
  EXPECT_EQ(http_get(management, "/readyz").body, R"({"status":"ok"})");
  const std::string there = http_get(management, "/metrics").body;
  EXPECT_THAT(there, HasSubstr("\nstored_in_the_probe 7\n"));
  for (const std::string& metrics : {there, server.get("/metrics").body}) {
    EXPECT_THAT(metrics, HasSubstr(R"(saola_build_info{service="server_probe",version="1.2.3",)"));
    EXPECT_THAT(metrics, HasSubstr("saola_rescued_fibers 0"));
    for (const char* worker : {"arbiter", "web 1", "task 1", "management 1"}) {
      for (const char* name :
           {"process_cpu_seconds_total", "process_resident_memory_bytes",
            "process_virtual_memory_bytes", "process_threads", "process_start_time_seconds",
            "process_open_fds", "process_max_fds"}) {
        EXPECT_THAT(metrics, HasSubstr(fmt::format("\n{}{{worker=\"{}\"}} ", name, worker)));
      }
    }
  }
}

TEST(TaskWorker, RunsAtTheLowestPriority) {
  ProbeServer server;
  ASSERT_TRUE(server.serves()) << server.log();
  const pid_t task = server.serving("task").at(0);
  EXPECT_TRUE(
      eventually([&] { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(task)) == 19; }));
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(server.serving("web").at(0))),
            ::getpriority(PRIO_PROCESS, static_cast<id_t>(server.pid())));
  // In a session of its own, what counts is the autogroup's nice value, where there are autogroups.
  std::ifstream autogroup("/proc/" + std::to_string(task) + "/autogroup");
  std::string text;
  std::getline(autogroup, text);
  if (!text.empty() && ::getsid(task) != ::getsid(server.pid())) {
    EXPECT_THAT(text, HasSubstr("nice 19"));
  }
}

}  // namespace
}  // namespace saola::server
