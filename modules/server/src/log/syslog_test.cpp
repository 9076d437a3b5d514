#include "log/syslog.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>

#include "probe_server.hpp"

namespace saola::server {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;

TEST(SyslogAddress, ParsesWhatGunicornDoes) {
  for (const auto& [text, same] : std::vector<std::pair<std::string, std::string>>{
           {"udp://localhost:514", "udp://localhost:514"},
           {"udp://10.0.0.1", "udp://10.0.0.1:514"},
           {"tcp://[::1]:6514", "tcp://[::1]:6514"},
           {"tcp://[::1]", "tcp://[::1]:514"},
           {"unix:///dev/log", "unix:///dev/log"},
           {"unix:///dev/log#dgram", "unix:///dev/log#dgram"},
           {"unix:///run/x#stream", "unix:///run/x#stream"}}) {
    const auto parsed = SyslogAddress::parse(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->to_string(), same);
  }
  for (const char* text : {"", "localhost:514", "udp://", "udp://:514", "udp://h:0",
                           "udp://h:99999", "udp://h:", "tcp://[::1", "unix://", "unix://dev/log",
                           "unix:///x#seqpacket", "unix:///dev/log#"}) {
    EXPECT_FALSE(SyslogAddress::parse(text)) << text;
  }
}

// A daemon on loopback or a unix socket, which takes what comes within the time it is given.
class Receiver {
 public:
  // "udp", "tcp", "dgram" or "stream".
  explicit Receiver(const std::string& kind, const std::string& path, std::uint16_t wanted_port = 0)
      : stream_(kind == "tcp" || kind == "stream") {
    const int type = stream_ ? SOCK_STREAM : SOCK_DGRAM;
    if (kind == "udp" || kind == "tcp") {
      sockaddr_in name{};
      name.sin_family = AF_INET;
      name.sin_port = htons(wanted_port);
      name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      fd_.reset(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
      const int on = 1;
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
      socklen_t length = sizeof name;
      ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&name), &length);
      port = ntohs(name.sin_port);
      address = kind + "://127.0.0.1:" + std::to_string(port);
    } else {
      sockaddr_un name{};
      name.sun_family = AF_UNIX;
      std::ranges::copy(path, name.sun_path);
      ::unlink(path.c_str());
      fd_.reset(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
      EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
      address = "unix://" + path;
    }
    if (stream_) ::listen(fd_.get(), 16);
  }

  // Reads until `text` has come, everything so far into `got`. False after 20 s.
  bool receives(std::string_view text) {
    return eventually([&] {
      take();
      return got.find(text) != std::string::npos;
    });
  }

  // What has come, or comes within 10 ms.
  void take() {
    std::vector<pollfd> polled{{.fd = fd_.get(), .events = POLLIN}};
    for (const unique_fd& client : clients_)
      polled.push_back({.fd = client.get(), .events = POLLIN});
    if (::poll(polled.data(), polled.size(), 10) <= 0) return;
    if (stream_ && polled[0].revents != 0)
      clients_.emplace_back(::accept(fd_.get(), nullptr, nullptr));
    for (const pollfd& entry : polled) {
      if (entry.revents == 0 || (stream_ && entry.fd == fd_.get())) continue;
      char buffer[65536];
      const ssize_t n = ::recv(entry.fd, buffer, sizeof buffer, MSG_DONTWAIT);
      if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
      if (n > 0 && !stream_) got += '\n';  // as a stream's lines end
    }
  }

  std::string address;
  std::uint16_t port = 0;
  std::string got;

 private:
  const bool stream_;
  unique_fd fd_;
  std::vector<unique_fd> clients_;
};

std::unique_ptr<Syslog> open_syslog(const std::string& address) {
  auto syslog = Syslog::open(
      {.to = *SyslogAddress::parse(address), .facility = 16, .tag = "probe", .role = "web 1"});
  EXPECT_TRUE(syslog);
  return std::move(*syslog);
}

// Whether the daemon gets `text` when the sender ticks meanwhile.
bool sent(Syslog& syslog, Receiver& daemon, std::string_view text) {
  return eventually([&] {
    syslog.tick();
    daemon.take();
    return daemon.got.find(text) != std::string::npos;
  });
}

class EveryTransport : public testing::TestWithParam<const char*> {
 protected:
  TempFolder directory;
  std::string path = directory.path() + "/log";
};

INSTANTIATE_TEST_SUITE_P(Syslog, EveryTransport, testing::Values("udp", "tcp", "dgram", "stream"));

TEST_P(EveryTransport, SendsRfc3164) {
  Receiver daemon(GetParam(), path);
  const auto syslog = open_syslog(daemon.address);
  syslog->write(LogLevel::kError, "something failed why=\"no reason\"");
  syslog->write_access("127.0.0.1 - - \"GET / HTTP/1.1\" 200\n");
  EXPECT_TRUE(sent(*syslog, daemon, "HTTP/1.1\" 200\n")) << daemon.got;
  const bool network = daemon.address.starts_with("udp") || daemon.address.starts_with("tcp");
  const std::string pid = std::to_string(::getpid());
  const std::string head =
      std::string("[A-Z][a-z][a-z] [ 123][0-9] [0-9:]{8} ") + (network ? "[^ .]+ " : "") + "probe";
  // local0 is 16: 16 × 8 + 3, and + 6.
  EXPECT_THAT(daemon.got, MatchesRegex("<131>" + head + "\\[" + pid +
                                       "\\]: \\[web 1\\] something failed why=\"no reason\"\n"
                                       "<134>" +
                                       head + ".access\\[" + pid +
                                       "\\]: 127.0.0.1 - - \"GET / HTTP/1.1\" 200\n"));
  EXPECT_EQ(syslog->tick(), 0u);
}

TEST_P(EveryTransport, FindsADaemonThatComesBack) {
  std::optional<Receiver> daemon(std::in_place, GetParam(), path);
  const std::string address = daemon->address;
  const std::uint16_t port = daemon->port;
  const auto syslog = open_syslog(address);
  syslog->write(LogLevel::kInfo, "first");
  ASSERT_TRUE(sent(*syslog, *daemon, "first\n"));
  daemon.reset();
  std::filesystem::remove(path);
  syslog->write(LogLevel::kInfo, "nobody there");
  syslog->tick();
  daemon.emplace(GetParam(), path, port);
  int n = 0;
  EXPECT_TRUE(eventually([&] {
    syslog->write(LogLevel::kInfo, "again " + std::to_string(++n));
    syslog->tick();
    daemon->take();
    return daemon->got.find("again") != std::string::npos;
  }));
}

// A line never waits, whatever the daemon does; what finds no room is counted.
TEST_P(EveryTransport, NeverWaitsForADaemonThatDoesNotRead) {
  Receiver daemon(GetParam(), path);
  const auto syslog = open_syslog(daemon.address);
  const std::string line(4000, 'x');
  const SteadyTime begun = std::chrono::steady_clock::now();
  constexpr int kLines = 5000;
  for (int i = 0; i < kLines; ++i) syslog->write(LogLevel::kInfo, line);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  const std::uint64_t lost = syslog->tick();
  // The kernel takes UDP on loopback and drops it itself.
  if (std::string(GetParam()) != "udp") {
    EXPECT_GT(lost, 1000u);
  }
  EXPECT_LT(lost, static_cast<std::uint64_t>(kLines));
  EXPECT_EQ(syslog->tick(), 0u);
}

TEST(Syslog, ManyThreadsLoseNothing) {
  TempFolder directory;
  Receiver daemon("stream", directory.path() + "/log");
  const auto syslog = open_syslog(daemon.address);
  constexpr int kThreads = 8;
  constexpr int kLines = 200;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kLines; ++i) {
          syslog->write(LogLevel::kInfo, fmt::format("thread {} line {}.", t, i));
        }
      });
    }
  }
  syslog->write(LogLevel::kInfo, "the end");
  EXPECT_TRUE(sent(*syslog, daemon, "the end"));
  EXPECT_EQ(std::ranges::count(daemon.got, '\n'), kThreads * kLines + 1);
  for (int t = 0; t < kThreads; ++t) {
    std::size_t at = 0;
    for (int i = 0; i < kLines; ++i) {
      const std::size_t next = daemon.got.find(fmt::format("thread {} line {}.", t, i), at);
      ASSERT_NE(next, std::string::npos) << "line " << i << " of thread " << t << " or its order";
      at = next;
    }
  }
}

TEST(Syslog, LongLinesAreCut) {
  TempFolder directory;
  Receiver daemon("dgram", directory.path() + "/log");
  const auto syslog = open_syslog(daemon.address);
  std::string line = "begin";
  while (line.size() < 20'000) line += "ü";
  syslog->write(LogLevel::kInfo, line);
  syslog->write(LogLevel::kInfo, "next");
  ASSERT_TRUE(daemon.receives("next"));
  const std::string first = daemon.got.substr(0, daemon.got.find('\n'));
  EXPECT_LE(first.size(), Syslog::kLongest);
  EXPECT_GT(first.size(), Syslog::kLongest - 10);
  EXPECT_TRUE(first.ends_with("ü"));
}

TEST(Syslog, AHostThatDoesNotExistIsTold) {
  const auto syslog = Syslog::open({.to = *SyslogAddress::parse("udp://no-such-host.invalid")});
  ASSERT_FALSE(syslog);
  EXPECT_THAT(syslog.error().message(), HasSubstr("no-such-host.invalid"));
}

TEST(Syslog, TheServerSendsBothLogs) {
  TempFolder directory;
  Receiver daemon("dgram", directory.path() + "/log");
  ProbeServer server({"--log-syslog", "--log-syslog-to=" + daemon.address,
                      "--log-syslog-prefix=my probe", "--log-syslog-facility=local3"});
  ASSERT_TRUE(server.serves()) << server.log();
  server.get("/from");
  EXPECT_TRUE(daemon.receives("GET /from HTTP/1.1")) << daemon.got;
  EXPECT_THAT(daemon.got,
              ContainsRegex("<158>.* my-probe\\[[0-9]+\\]: \\[arbiter\\] ready: 1 web"));
  EXPECT_THAT(daemon.got, ContainsRegex("<158>.* my-probe.access\\[[0-9]+\\]: 127.0.0.1 - - "));
  EXPECT_THAT(server.log(), HasSubstr("ready: 1 web")) << "the file gets it as well";
  server.signal(SIGTERM);
  EXPECT_TRUE(daemon.receives("[arbiter] stopped")) << daemon.got;
}

TEST(Syslog, TheAccessLogCanBeKeptOut) {
  TempFolder directory;
  Receiver daemon("stream", directory.path() + "/log");
  const std::string access = directory.path() + "/access";
  ProbeServer server({"--log-syslog", "--log-syslog-to=" + daemon.address + "#stream",
                      "--disable-redirect-access-to-syslog", "--access-log=" + access,
                      "--log-format=json"});
  ASSERT_TRUE(server.serves()) << server.log();
  server.get("/from");
  EXPECT_TRUE(eventually([&] { return std::filesystem::file_size(access) > 0; }));
  server.signal(SIGTERM);
  EXPECT_TRUE(daemon.receives(R"("message":"stopped")")) << daemon.got;
  EXPECT_THAT(daemon.got, Not(HasSubstr("/from")));
  EXPECT_THAT(daemon.got, HasSubstr(R"(]: {"time":")"));
}

TEST(Syslog, AServerWithoutADaemonServesAndCounts) {
  TempFolder directory;
  ProbeServer server({"--log-syslog", "--log-syslog-to=unix://" + directory.path() + "/none"});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_TRUE(eventually([&] { return server.log_has("cannot be reached: No such file"); }));
  for (int i = 0; i < 4000 && server.get("/metrics").body.find("saola_syslog_lost_lines_total 0") !=
                                  std::string::npos;
       ++i) {
  }
  EXPECT_TRUE(eventually([&] {
    return server.get("/metrics").body.find("saola_syslog_lost_lines_total 0") == std::string::npos;
  }));
  Receiver daemon("dgram", directory.path() + "/none");
  EXPECT_TRUE(daemon.receives("is reached again"));
  EXPECT_TRUE(eventually([&] { return server.log_has("is reached again lost="); }));
}

}  // namespace
}  // namespace saola::server
