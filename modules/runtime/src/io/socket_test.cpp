#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/socket.hpp>
#include <saola/runtime/sync/event.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using SocketTest = BothModels;
SAOLA_BOTH_MODELS(SocketTest);

const Deadline kNever = Deadline::never();

std::pair<Socket, Socket> make_pair() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) std::abort();
  return {Socket{unique_fd(pair[0])}, Socket{unique_fd(pair[1])}};
}

Listener listen_on_loopback(ListenOptions options = {}) {
  return Listener::bind(SocketAddress::parse("127.0.0.1:0").value(), options).value();
}

std::string read_exactly(Socket& socket, std::size_t n) {
  std::string text(n, '\0');
  std::size_t have = 0;
  while (have < n) {
    const auto got =
        socket.read_some({text.data() + have, n - have}, Deadline::after(std::chrono::seconds(20)));
    if (!got.has_value()) {
      ADD_FAILURE() << got.error().message();
      break;
    }
    if (*got == 0) break;
    have += *got;
  }
  text.resize(have);
  return text;
}

void echo_until_end(Socket socket) {
  std::vector<char> buffer(3000);
  for (;;) {
    const auto got = socket.read_some(buffer, kNever);
    ASSERT_TRUE(got.has_value()) << got.error().message();
    if (*got == 0) return;
    ASSERT_TRUE(socket.write_all({buffer.data(), *got}, kNever));
  }
}

TEST_P(SocketTest, EchoOverTcp) {
  run([this] {
    Listener listener = listen_on_loopback();
    const SocketAddress address = listener.local_address().value();
    const int clients = on_fibers() ? 50 : 8;
    Task server = spawn([&] {
      std::vector<Task> connections;
      for (int i = 0; i < clients; ++i) {
        connections.push_back(spawn([socket = listener.accept(kNever).value()]() mutable {
          echo_until_end(std::move(socket));
        }));
      }
      for (Task& task : connections) task.join();
    });
    std::vector<Task> all;
    for (int i = 0; i < clients; ++i) {
      all.push_back(spawn([&, i] {
        Socket socket = Socket::connect(address, Deadline::after(10s)).value();
        for (std::size_t n : {1, 100, 3000, 3001, 20'000}) {
          const std::string text(n, static_cast<char>('a' + i % 26));
          ASSERT_TRUE(socket.write_all(text, kNever));
          ASSERT_EQ(read_exactly(socket, n), text);
        }
        socket.shutdown_write();
        EXPECT_EQ(read_exactly(socket, 1), "");
      }));
    }
    for (Task& task : all) task.join();
    server.join();
  });
}

TEST_P(SocketTest, EchoOverAUnixSocket) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("saola-socket-test-" + std::to_string(::getpid()));
  std::filesystem::remove(path);
  run([&] {
    const SocketAddress address = SocketAddress::parse("unix:" + path.string()).value();
    Listener listener = Listener::bind(address).value();
    Task server = spawn([&] { echo_until_end(listener.accept(kNever).value()); });
    Socket socket = Socket::connect(address, Deadline::after(10s)).value();
    EXPECT_TRUE(socket.peer_address().starts_with("unix:"));
    ASSERT_TRUE(socket.write_all("hello", kNever));
    EXPECT_EQ(read_exactly(socket, 5), "hello");
    socket.close();
    server.join();
    EXPECT_EQ(Listener::bind(address).error().code(), ErrorCode::kUnavailable);
  });
  std::filesystem::remove(path);
}

TEST_P(SocketTest, DeadlinesAreKept) {
  run([] {
    auto [a, b] = make_pair();
    char byte;
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(a.read_some({&byte, 1}, Deadline::after(5ms)).error().code(), ErrorCode::kTimedOut);
    EXPECT_EQ(a.wait_readable(Deadline::after(5ms)).error().code(), ErrorCode::kTimedOut);
    EXPECT_GE(std::chrono::steady_clock::now() - before, 10ms);
    EXPECT_EQ(a.try_read({&byte, 1}).error().code(), ErrorCode::kUnavailable);
    const std::string much(8 << 20, 'x');
    EXPECT_EQ(a.write_all(much, Deadline::after(5ms)).error().code(), ErrorCode::kTimedOut);
    Listener listener = listen_on_loopback();
    EXPECT_EQ(listener.accept(Deadline::after(5ms)).error().code(), ErrorCode::kTimedOut);
    // What arrived while nobody waited is found.
    EXPECT_EQ(b.read_some({&byte, 1}, Deadline::after(5ms)).value(), 1U);
  });
}

TEST_P(SocketTest, CancelEndsEachWait) {
  run([] {
    auto [a, b] = make_pair();
    Listener listener = listen_on_loopback();
    Latch ready(3);
    Task reader = spawn([&, &socket = a] {
      char byte;
      ready.count_down();
      EXPECT_EQ(socket.read_some({&byte, 1}, kNever).error().code(), ErrorCode::kCancelled);
    });
    Task writer = spawn([&, &socket = a] {
      ready.count_down();
      const std::string much(8 << 20, 'x');
      EXPECT_EQ(socket.write_all(much, kNever).error().code(), ErrorCode::kCancelled);
    });
    Task acceptor = spawn([&] {
      ready.count_down();
      EXPECT_EQ(listener.accept(kNever).error().code(), ErrorCode::kCancelled);
    });
    ready.wait();
    for (Task* task : {&acceptor, &reader, &writer}) {
      task->cancel();
      task->join();
    }
    char byte;
    EXPECT_EQ(b.read_some({&byte, 1}, kNever).value(), 1U);
  });
}

TEST_P(SocketTest, HalfCloseStillCarriesTheAnswer) {
  run([] {
    auto [a, b] = make_pair();
    Task server = spawn([&socket = b] {
      std::string request;
      std::vector<char> buffer(10);
      for (;;) {
        const std::size_t n = socket.read_some(buffer, kNever).value();
        if (n == 0) break;
        request.append(buffer.data(), n);
      }
      ASSERT_TRUE(socket.write_all("answer to " + request, kNever));
      socket.close();
    });
    ASSERT_TRUE(a.write_all("a question", kNever));
    a.shutdown_write();
    EXPECT_EQ(read_exactly(a, 100), "answer to a question");
    server.join();
  });
}

// Bytes and the end of the stream in one edge: the reader, whose buffer is larger, waited for ever.
TEST_P(SocketTest, EndTogetherWithTheLastBytesIsSeen) {
  run([] {
    for (int i = 0; i < 50; ++i) {
      auto [a, b] = make_pair();
      Event waiting;
      Task reader = spawn([&, &socket = a] {
        char buffer[64];
        EXPECT_EQ(socket.read_some({buffer, 1}, kNever).value(), 1U);  // now it is watched
        waiting.set();
        EXPECT_EQ(socket.read_some(buffer, Deadline::after(10s)).value(), 3U);
        EXPECT_EQ(socket.read_some(buffer, Deadline::after(10s)).value(), 0U);
      });
      ASSERT_TRUE(b.write_all("x", kNever));
      waiting.wait();
      this_task::yield();
      ASSERT_TRUE(b.write_all("end", kNever));
      b.close();
      reader.join();
    }
  });
}

TEST_P(SocketTest, BackPressureHoldsTheWriterAndLosesNothing) {
  run([] {
    auto [a, b] = make_pair();
    constexpr std::size_t kBytes = 8 << 20;
    std::string text(kBytes, '\0');
    for (std::size_t i = 0; i < kBytes; ++i) text[i] = static_cast<char>(i * 7 + (i >> 11));
    std::atomic<bool> written{false};
    Task writer = spawn([&, &socket = a] {
      // In three parts, the first of them empty.
      std::vector<iovec> parts = {{text.data(), 0},
                                  {text.data(), kBytes / 3},
                                  {text.data() + kBytes / 3, kBytes - kBytes / 3}};
      ASSERT_TRUE(socket.write_all(parts, kNever));
      written = true;
    });
    EXPECT_EQ(read_exactly(b, 1000), text.substr(0, 1000));
    EXPECT_FALSE(written.load());
    EXPECT_TRUE(read_exactly(b, kBytes - 1000) == text.substr(1000));
    writer.join();
  });
}

TEST_P(SocketTest, WhatMoreHoldsBackGoesWithTheNextWrite) {
  run([] {
    // A unix socket holds nothing back.
    Listener listener = listen_on_loopback();
    Socket a = Socket::connect(listener.local_address().value(), kNever).value();
    Socket b = listener.accept(kNever).value();
    std::string head = "head";
    std::vector<iovec> parts = {{head.data(), 1}, {head.data() + 1, 3}};
    ASSERT_TRUE(a.write_all(parts, kNever, More::kYes));
    char buffer[16];
    EXPECT_EQ(b.try_read(buffer).error().code(), ErrorCode::kUnavailable);
    ASSERT_TRUE(a.write_all("tail", kNever));
    EXPECT_EQ(read_exactly(b, 8), "headtail");
  });
}

TEST_P(SocketTest, SendFileSendsARangeAndSurvivesAGonePeer) {
  run([] {
    const unique_fd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_TRUE(file);
    std::string text(3 << 20, 'a');
    std::iota(text.begin(), text.end(), 0);
    ASSERT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    auto [a, b] = make_pair();
    Task sender = spawn([&, &socket = a] {
      EXPECT_TRUE(socket.send_file(file.get(), 100, text.size() - 100, kNever));
    });
    EXPECT_TRUE(read_exactly(b, text.size() - 100) == text.substr(100));
    sender.join();
    EXPECT_EQ(a.send_file(file.get(), text.size() - 1, 5, kNever).error().code(),
              ErrorCode::kDataCorrupt);
    // sendfile(2) raised SIGPIPE, which ended the process.
    b.close();
    EXPECT_EQ(a.send_file(file.get(), 0, 100, kNever).error().code(), ErrorCode::kClosed);
    EXPECT_EQ(a.write_all("x", kNever).error().code(), ErrorCode::kClosed);
  });
}

TEST_P(SocketTest, RefusedConnectSaysWhom) {
  run([] {
    Listener listener = listen_on_loopback();
    const SocketAddress address = listener.local_address().value();
    listener.close();
    const auto refused = Socket::connect(address, Deadline::after(10s));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
    EXPECT_NE(refused.error().text().find(address.to_string()), std::string::npos);
    EXPECT_EQ(Socket::connect(SocketAddress::parse("unix:/nowhere/at/all").value(), kNever)
                  .error()
                  .code(),
              ErrorCode::kNotFound);
  });
}

TEST_P(SocketTest, ConnectTimesOutWhenNobodyAccepts) {
  run([] {
    Listener listener = listen_on_loopback({.backlog = 0});
    const SocketAddress address = listener.local_address().value();
    // The kernel drops the handshake once its queue, a little longer than asked, is full.
    std::vector<Socket> waiting;
    for (int i = 0; i < 20; ++i) {
      auto socket = Socket::connect(address, Deadline::after(30ms));
      if (!socket.has_value()) {
        EXPECT_EQ(socket.error().code(), ErrorCode::kTimedOut);
        return;
      }
      waiting.push_back(std::move(*socket));
    }
    FAIL() << "the listener's queue never filled";
  });
}

TEST_P(SocketTest, AcceptOutOfDescriptorsSaysSoAndRecovers) {
  run([] {
    Listener listener = listen_on_loopback();
    const SocketAddress address = listener.local_address().value();
    EXPECT_EQ(listener.accept(Deadline::after(1ms)).error().code(), ErrorCode::kTimedOut);
    Socket client = Socket::connect(address, Deadline::after(10s)).value();
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    // The lowest free number becomes the limit: the next descriptor is one too many.
    const unique_fd probe(::dup(client.fd()));
    const rlimit low{.rlim_cur = static_cast<rlim_t>(probe.get()), .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    const auto refused = listener.accept(Deadline::after(10s));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), ErrorCode::kResourceExhausted);
    Socket server = listener.accept(Deadline::after(10s)).value();
    ASSERT_TRUE(client.write_all("still here", kNever));
    EXPECT_EQ(read_exactly(server, 10), "still here");
  });
}

TEST_P(SocketTest, ManyAreOpenedAndClosedWithoutAWait) {
  run([] {
    for (int i = 0; i < 200; ++i) {
      auto [a, b] = make_pair();
      ASSERT_TRUE(a.write_all("x", kNever));
      char byte;
      ASSERT_EQ(b.read_some({&byte, 1}, kNever).value(), 1U);
      ASSERT_EQ(b.wait_readable(Deadline::after(Duration::zero())).error().code(),
                ErrorCode::kTimedOut);
      Socket moved = std::move(a);
      b = std::move(moved);  // closes b's old descriptor, watch included
    }
  });
}

// A peer that is always ready: the other fibers run all the same.
TEST(Socket, BusySocketDoesNotStarveTheOthers) {
  LeakCheck leaks;
  Runtime runtime({.on_stall = StallPolicy::kIgnore});
  runtime.run([] {
    auto [a, b] = make_pair();
    constexpr int kBytes = 2000;
    ASSERT_TRUE(a.write_all(std::string(kBytes, 'x'), kNever));
    bool stop = false;
    int turns = 0;
    Task other = spawn([&] {
      while (!stop) {
        ++turns;
        this_task::yield();
      }
    });
    for (int i = 0; i < kBytes; ++i) {
      char byte;
      ASSERT_EQ(b.read_some({&byte, 1}, kNever).value(), 1U);
    }
    EXPECT_GE(turns, 20);
    stop = true;
    other.join();
  });
}

TEST(Socket, IsClosedByAnotherThread) {
  LeakCheck leaks;
  Runtime runtime;
  runtime.run([] {
    for (int i = 0; i < 50; ++i) {
      auto [a, b] = make_pair();
      char byte;
      // Now the loop watches it, and an event for it is under way.
      EXPECT_FALSE(a.read_some({&byte, 1}, Deadline::after(10us)).has_value());
      ASSERT_TRUE(b.write_all("x", kNever));
      std::thread closer([&socket = a] { socket.close(); });
      this_task::yield();
      this_task::sleep_for(100us);
      closer.join();
      // On a unix socket unread bytes make the end of the stream a reset.
      EXPECT_EQ(b.read_some({&byte, 1}, Deadline::after(10s)).error().code(), ErrorCode::kClosed);
    }
  });
}

TEST(Socket, ShutdownByAnotherThreadWakesItsReader) {
  LeakCheck leaks;
  Runtime runtime;
  runtime.run([] {
    auto [a, b] = make_pair();
    Event waiting;
    Task reader = spawn([&, &socket = a] {
      char byte;
      waiting.set();
      EXPECT_EQ(socket.read_some({&byte, 1}, kNever).value(), 0U);
    });
    waiting.wait();
    std::thread other([&socket = a] { socket.shutdown_both(); });
    reader.join();
    other.join();
  });
}

TEST(Socket, MovesBetweenLoopAndThread) {
  LeakCheck leaks;
  auto [a, b] = make_pair();
  const auto exchange = [&a = a, &b = b](int i) {
    const std::string text = "message " + std::to_string(i);
    Task answer = spawn([&] {
      EXPECT_EQ(read_exactly(b, text.size()), text);
      ASSERT_TRUE(b.write_all(text, kNever));
    });
    ASSERT_TRUE(a.write_all(text, kNever));
    EXPECT_EQ(read_exactly(a, text.size()), text);
    answer.join();
  };
  Runtime runtime;
  exchange(0);
  runtime.run([&] {
    for (int i = 0; i < 20; ++i) {
      exchange(2 * i);
      Task native = spawn([&, i] { exchange(2 * i + 1); }, {.placement = Placement::kNative});
      native.join();
    }
    a.close();
    b.close();
  });
}

// For ThreadSanitizer: the reader is off the loop while the writer begins to watch the descriptor.
TEST(Socket, ThreadReadsWhileAFiberBeginsToWait) {
  const LeakCheck leaks;
  Runtime runtime;
  runtime.run([] {
    for (int i = 0; i < 20; ++i) {
      auto [a, b] = make_pair();
      Task reader = spawn(
          [&] {
            for (int n = 0; n < 100; ++n) {
              ASSERT_TRUE(b.write_all("x", kNever));
              char bytes[4];
              EXPECT_EQ(a.try_read(bytes).value(), 1U);
            }
          },
          {.placement = Placement::kNative});
      const std::string big(1 << 20, 'y');
      EXPECT_EQ(a.write_all(big, Deadline::after(2ms)).error().code(), ErrorCode::kTimedOut);
      reader.join();
    }
  });
}

// A listener on a unix socket that takes nobody until it is told to.
TEST_P(SocketTest, ConnectWaitsForRoomInAUnixBacklog) {
  run([] {
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() / fmt::format("saola-backlog-{}", ::getpid());
    const SocketAddress address = SocketAddress::parse("unix:" + path.string()).value();
    Listener listener = Listener::bind(address, {.backlog = 0}).value();
    Socket first = Socket::connect(address, Deadline::after(10s)).value();
    // The backlog is full now.
    const auto late = Socket::connect(address, Deadline::after(5ms));
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code(), ErrorCode::kTimedOut) << late.error().message();

    ErrorCode cancelled{};
    Task gives_up = spawn([&] { cancelled = Socket::connect(address, kNever).error().code(); });
    this_task::yield();
    gives_up.cancel();
    gives_up.join();
    EXPECT_EQ(cancelled, ErrorCode::kCancelled);

    Task patient = spawn([&] { EXPECT_TRUE(Socket::connect(address, Deadline::after(10s))); });
    this_task::yield();
    EXPECT_TRUE(listener.accept(Deadline::after(10s)));
    EXPECT_TRUE(listener.accept(Deadline::after(10s)));
    patient.join();
    std::filesystem::remove(path);
  });
}

// Returns when the thread whose /proc/…/stat this is sleeps in the kernel.
void wait_until_asleep(int stat) {
  for (char text[256];; ::sched_yield()) {
    const ssize_t n = ::pread(stat, text, sizeof text, 0);
    ASSERT_GT(n, 0);
    const std::string_view line(text, static_cast<std::size_t>(n));
    if (line.substr(line.rfind(')')).starts_with(") S")) return;
  }
}

// A wait that a cancel ends needs a descriptor of its own on a thread, which may not be had.
TEST(Socket, CancelReachesANativeTaskThatIsOutOfDescriptors) {
  auto [a, b] = make_pair();
  std::atomic<pid_t> tid{0};
  std::atomic<bool> go{false};
  ErrorCode code{};
  Task reader = spawn([&] {
    tid = ::gettid();
    while (!go) ::sched_yield();
    char byte;
    code = a.read_some({&byte, 1}, Deadline::after(60s)).error().code();
  });
  while (tid == 0) ::sched_yield();
  const unique_fd stat(
      ::open(fmt::format("/proc/self/task/{}/stat", tid.load()).c_str(), O_RDONLY | O_CLOEXEC));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = static_cast<rlim_t>(stat.get()) + 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  go = true;
  wait_until_asleep(stat.get());
  reader.cancel();
  reader.join();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(code, ErrorCode::kCancelled);
}

TEST(Socket, NamesAreResolvedOffTheLoop) {
  LeakCheck leaks;
  Runtime runtime;
  runtime.run([] {
    const auto found = resolve("localhost", 80, Deadline::after(20s));
    ASSERT_TRUE(found.has_value()) << found.error().message();
    ASSERT_FALSE(found->empty());
    EXPECT_TRUE(found->front().to_string().ends_with(":80"));
    EXPECT_FALSE(resolve("no such name", 80, Deadline::after(20s)).has_value());
  });
}

TEST(Socket, AddressesAreParsedAndPrinted) {
  for (const char* text : {"127.0.0.1:80", "[::1]:65535", "0.0.0.0:0", "unix:/run/x"}) {
    EXPECT_EQ(SocketAddress::parse(text).value().to_string(), text);
  }
  for (const char* text : {"", ":", "80", "host:80", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:65536",
                           "[::1:80", "::1:80", "unix:", "1.2.3.4:80 "}) {
    EXPECT_EQ(SocketAddress::parse(text).error().code(), ErrorCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(SocketAddress::parse("unix:" + std::string(200, 'x')).has_value());
}

}  // namespace
}  // namespace saola::runtime
