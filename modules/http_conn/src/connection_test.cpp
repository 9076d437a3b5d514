#include <fcntl.h>

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corpus/http/corpus.hpp"
#include "test_server.hpp"

namespace saola::http_conn {
namespace {

using namespace std::chrono_literals;
using http::Request;
using http::Response;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Response text(std::string body) {
  return Response(200, "text/plain", std::move(body));
}
Response hello(Request&) {
  return text("Hello, world!");
}
Response echo(Request& request) {
  auto body = request.body->read_all(1 << 26);
  return body ? text(std::move(*body)) : Response(500);
}
Response stream(std::move_only_function<Result<void>(http::BodyWriter&)> produce,
                std::optional<std::uint64_t> length = std::nullopt) {
  Response response;
  response.body = http::StreamBody{std::move(produce), length};
  return response;
}

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

class ConnectionTest : public testing::TestWithParam<Model> {};

// Sends, closes the sending side, reads to the end.
std::string send_and_read(TestServer& server, std::string_view bytes) {
  Client client(server);
  client.send(bytes);
  client.shutdown_write();
  return client.read_all();
}

std::string body_of(const std::string& response) {
  return response.substr(response.find("\r\n\r\n") + 4);
}

TEST_P(ConnectionTest, KeepsTheConnectionAndAnswersInOrder) {
  TestServer server(GetParam(), [](Request& r) { return text(std::string(r.path)); });
  Client client(server);
  for (int i = 0; i < 3; ++i) {
    client.send("GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(client.read_until("/one"), HasSubstr("Content-Length: 4\r\n"));
  }
  std::string many;
  for (int i = 0; i < 50; ++i) many += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(many);
  for (int i = 0; i < 50; ++i) client.read_until("\r\n\r\n/" + std::to_string(i));
  EXPECT_EQ(server.service().stats().accepted, 1U);
}

// The kernel once held the first response back for 200 ms, to send it along with the second.
TEST_P(ConnectionTest, APipelinedResponseDoesNotWaitForTheNextHandler) {
  runtime::Event go_on;
  TestServer server(GetParam(), [&](Request& r) {
    if (r.path == "/slow") {
      go_on.wait();
      go_on.reset();
    }
    return hello(r);
  });
  auto fastest = Duration::max();
  for (int i = 0; i < 5; ++i) {
    Client client(server);
    const SteadyTime begun = real_clock().steady_now();
    client.send(fmt::format("{}GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", kGet));
    client.read_until("world!");
    fastest = std::min(fastest, real_clock().steady_now() - begun);
    go_on.set();
    client.read_until("world!");
  }
  EXPECT_LT(fastest, 100ms);
}

TEST_P(ConnectionTest, CorpusOverASocket) {
  ServiceOptions options;
  options.linger_timeout = 10s;  // the client always closes first
  TestServer server(GetParam(), echo, options);
  for (const corpus::Case& one : corpus::load_all(SAOLA_SOURCE_DIR)) {
    SCOPED_TRACE(one.name);
    std::string rest = send_and_read(server, one.bytes);
    for (const corpus::Exchange& expected : one.exchanges) {
      ASSERT_THAT(rest, StartsWith("HTTP/1.1 200 OK\r\n"));
      std::string head = rest.substr(0, rest.find("\r\n\r\n") + 4);
      rest.erase(0, head.size());
      EXPECT_EQ(head.find("Connection: close") == std::string::npos,
                expected.keep_alive && !expected.line.starts_with("CONNECT"));
      if (expected.line.starts_with("HEAD") || expected.line.starts_with("CONNECT")) continue;
      EXPECT_THAT(head, HasSubstr("Content-Length: " + std::to_string(expected.body.size())));
      EXPECT_EQ(rest.substr(0, expected.body.size()), expected.body);
      rest.erase(0, expected.body.size());
    }
    if (rest.starts_with("HTTP/1.1 100")) rest.erase(0, rest.find("\r\n\r\n") + 4);
    // A request that ends too early is answered too.
    const bool begun = one.bytes.find_first_not_of("\r\n") != std::string::npos;
    const int refuse = one.wait && begun ? 400 : one.refuse;
    if (refuse == 0) {
      EXPECT_EQ(rest, "");
    } else {
      EXPECT_THAT(rest, StartsWith("HTTP/1.1 " + std::to_string(refuse) + " "));
      EXPECT_THAT(rest, HasSubstr("Connection: close\r\n"));
      EXPECT_THAT(rest, HasSubstr("Content-Type: application/problem+json\r\n"));
    }
  }
}

TEST_P(ConnectionTest, OldClientsAreServed) {
  TestServer server(GetParam(), hello);
  Client plain(server);
  plain.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(plain.read_all(), AllOf(HasSubstr("Connection: close"), EndsWith("world!")));
  Client kept(server);
  kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(kept.read_until("world!"), HasSubstr("Connection: keep-alive"));
  kept.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(kept.read_all(), EndsWith("world!"));
}

TEST_P(ConnectionTest, HeadHasNoBody) {
  TestServer server(GetParam(), hello);
  const std::string got = send_and_read(server, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(got, AllOf(HasSubstr("Content-Length: 13\r\n"), EndsWith("\r\n\r\n")));
}

TEST_P(ConnectionTest, ContinueIsSentOnlyWhenTheBodyIsRead) {
  TestServer server(GetParam(), [](Request& r) { return r.path == "/read" ? echo(r) : hello(r); });
  Client reads(server);
  reads.send("POST /read HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(reads.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  reads.send("abc");
  EXPECT_THAT(reads.read_until("\r\n\r\nabc"), Not(HasSubstr("close")));
  Client ignores(server);
  ignores.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_THAT(ignores.read_until("world!"),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Connection: close")));
  ignores.shutdown_write();
  EXPECT_EQ(ignores.read_all(), "");
}

TEST_P(ConnectionTest, AnUnreadBodyIsSkippedOrCloses) {
  ServiceOptions options;
  options.drain_limit = 1000;
  TestServer server(GetParam(), hello, options);
  Client client(server);
  const auto post = [&](std::size_t size) {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) +
                "\r\n\r\n" + std::string(size, 'x'));
    return client.read_until("world!");
  };
  EXPECT_THAT(post(900), Not(HasSubstr("close")));
  EXPECT_THAT(post(1000), Not(HasSubstr("close")));
  EXPECT_THAT(post(1001), HasSubstr("Connection: close"));
  client.shutdown_write();
  EXPECT_EQ(client.read_all(), "");
}

TEST_P(ConnectionTest, ALargeRefusedBodyDoesNotHideTheAnswer) {
  ServiceOptions options;
  options.limits.body_size = 1000;
  TestServer server(GetParam(), echo, options);
  Client client(server);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n");
  client.send(std::string(5000000, 'x'));
  client.shutdown_write();
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 "));
  EXPECT_FALSE(client.was_reset());
}

TEST_P(ConnectionTest, LargeBodiesBothWays) {
  TestServer server(GetParam(), echo);
  std::string body;
  for (int i = 0; body.size() < 3000000; ++i) body += std::to_string(i) + ",";
  const auto both = [&](const std::string& request) {
    Client client(server);
    std::jthread sender([&] {
      client.send(request);
      client.shutdown_write();
    });
    return body_of(client.read_all());
  };
  EXPECT_TRUE(both("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
                   "\r\n\r\n" + body) == body);
  std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 77777) {
    const std::string piece = body.substr(at, 77777);
    chunked += fmt::format("{:x}\r\n", piece.size()) + piece + "\r\n";
  }
  EXPECT_TRUE(both(chunked + "0\r\n\r\n") == body);
}

TEST_P(ConnectionTest, StreamsAreChunkedAndHaveTrailers) {
  TestServer server(GetParam(), [](Request&) {
    return stream([](http::BodyWriter& w) -> Result<void> {
      w.add_trailer("X", "y");
      EXPECT_THROW(w.add_trailer("Content-Length", "1"), std::invalid_argument);
      if (auto r = w.write("abc"); !r) return r;
      if (auto r = w.flush(); !r) return r;
      if (auto r = w.write(std::string(20000, 'd')); !r) return r;
      return w.write("e");
    });
  });
  const std::string got = send_and_read(server, kGet);
  EXPECT_THAT(got, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(body_of(got),
            "3\r\nabc\r\n4e20\r\n" + std::string(20000, 'd') + "\r\n1\r\ne\r\n0\r\nX: y\r\n\r\n");
  const std::string old = send_and_read(server, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of(old), "abc" + std::string(20000, 'd') + "e");
  EXPECT_EQ(send_and_read(server, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").find("abc"),
            std::string::npos);
}

TEST_P(ConnectionTest, AStreamThatFailsCutsTheConnection) {
  TestServer server(GetParam(), [](Request& r) {
    const bool throws = r.path == "/throw";
    const auto length =
        r.path == "/short" ? std::optional<std::uint64_t>(10) : std::optional<std::uint64_t>();
    return stream(
        [throws, length](http::BodyWriter& w) -> Result<void> {
          (void)w.write("abc");
          (void)w.flush();
          if (throws) throw std::runtime_error("in the middle");
          if (length) return {};
          return fail(ErrorCode::kInternal, "in the middle");
        },
        length);
  });
  for (const std::string path : {"/", "/throw", "/short"}) {
    Client client(server);
    client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(client.read_until("abc"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(client.read_all(), Not(HasSubstr("0\r\n\r\n")));
    EXPECT_TRUE(client.was_reset());
  }
  Client old(server);
  old.send("GET / HTTP/1.0\r\n\r\n");
  old.read_all();
  EXPECT_TRUE(old.was_reset()) << "an end in good order would mean a whole body";
}

TEST_P(ConnectionTest, AnEventStreamNoticesThatTheClientLeft) {
  runtime::Event gone;
  TestServer server(GetParam(), [&](Request&) {
    return stream([&](http::BodyWriter& w) -> Result<void> {
      while (!w.client_gone()) {
        if (auto r = w.write("data: x\n\n"); !r) break;
        if (auto r = w.flush(); !r) break;
        runtime::this_task::sleep_for(1ms);
      }
      gone.set();
      return {};
    });
  });
  Client client(server);
  client.send(kGet);
  client.read_until("data: x\n\n");
  EXPECT_FALSE(gone.is_set());
  client.close();
  EXPECT_TRUE(gone.wait(Deadline::after(10s)));
}

TEST_P(ConnectionTest, AStreamLearnsThatTheWorkerLeavesAndEndsInOrder) {
  TestServer server(GetParam(), [&](Request&) {
    return stream([&](http::BodyWriter& w) -> Result<void> {
      if (auto r = w.write("first"); !r) return r;
      if (auto r = w.flush(); !r) return r;
      while (!w.leaving()) runtime::this_task::sleep_for(1ms);
      return w.write("last");
    });
  });
  Client client(server);
  client.send(kGet);
  client.read_until("first\r\n");
  server.service().leave();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "4\r\nlast\r\n0\r\n\r\n");
  server.service().stop();
  EXPECT_EQ(client.read_all(), "");
  EXPECT_FALSE(client.was_reset());
  ASSERT_TRUE(server.service().wait_closed(Deadline::after(10s)));
  EXPECT_EQ(server.access().entries().at(0).body_bytes, 9u);
  EXPECT_TRUE(server.access().entries().at(0).complete);
}

TEST_P(ConnectionTest, AHandlerThatWaitsIsWokenWhenTheWorkerLeaves) {
  runtime::Event waiting;
  TestServer server(GetParam(), [&](Request& request) {
    runtime::Event wake;
    const std::stop_callback on_leave(request.leaving, [&] { wake.set(); });
    waiting.set();
    wake.wait();
    return Response(200, "text/plain", "come back");
  });
  Client client(server);
  client.send(kGet);
  waiting.wait();
  server.service().leave();
  EXPECT_THAT(client.read_all(), AllOf(HasSubstr("Connection: close"), EndsWith("come back")));
}

TEST_P(ConnectionTest, FilesAndSharedTexts) {
  char name[] = "/tmp/http_conn_test_XXXXXX";
  const unique_fd made(::mkstemp(name));
  std::string content;
  while (content.size() < 700000) content += std::to_string(content.size()) + "\n";
  ASSERT_EQ(::write(made.get(), content.data(), content.size()),
            static_cast<ssize_t>(content.size()));
  const auto shared = std::make_shared<const std::string>(content);
  TestServer server(GetParam(), [&](Request& r) {
    Response response;
    if (r.path == "/shared") {
      response.body = shared;
    } else {
      const std::uint64_t more = r.path == "/too-long" ? 10 : 0;
      response.body = http::FileBody{unique_fd(::open(name, O_RDONLY | O_CLOEXEC)), 5,
                                     content.size() - 5 + more};
    }
    return response;
  });
  EXPECT_TRUE(body_of(send_and_read(server, kGet)) == content.substr(5));
  EXPECT_TRUE(body_of(send_and_read(server, "GET /shared HTTP/1.1\r\nHost: a\r\n\r\n")) == content);
  Client client(server);
  client.send("GET /too-long HTTP/1.1\r\nHost: a\r\n\r\n");
  client.read_all();
  EXPECT_TRUE(client.was_reset()) << "the file is shorter than was announced";
  ::unlink(name);
}

TEST_P(ConnectionTest, AHandlerThatThrowsIsA500AndTheConnectionStays) {
  ServiceOptions options;
  std::string seen;
  options.on_exception = [&](std::exception_ptr error, const Request& request) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      seen = std::string(request.path) + ": " + e.what();
    }
  };
  TestServer server(
      GetParam(),
      [](Request& r) -> Response {
        if (r.path == "/throw") throw std::runtime_error("secret");
        if (r.path == "/status") return Response(42);
        return hello(r);
      },
      options);
  Client client(server);
  client.send("GET /throw HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.read_until("}"),
              AllOf(StartsWith("HTTP/1.1 500 "), HasSubstr("application/problem+json"),
                    Not(HasSubstr("secret"))));
  client.send("GET /status HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.read_until("}"), StartsWith("HTTP/1.1 500 "));
  client.send(kGet);
  client.read_until("world!");
  EXPECT_EQ(seen, "/throw: secret");
}

TEST_P(ConnectionTest, SlowHeadsAndBodiesAre408) {
  ServiceOptions options;
  options.header_timeout = 100ms;
  options.body_timeout = 100ms;
  options.linger_timeout = 100ms;
  TestServer server(GetParam(), echo, options);
  for (const std::string_view bytes :
       {"GET / HTTP/1.1\r\nHost: a\r\n", "G",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    Client client(server);
    client.send(bytes);
    EXPECT_THAT(client.read_all(),
                AllOf(StartsWith("HTTP/1.1 408 "), HasSubstr("Connection: close")));
  }
}

TEST_P(ConnectionTest, ATrickleDoesNotProlongTheHeadersTime) {
  ServiceOptions options;
  options.header_timeout = 200ms;
  TestServer server(GetParam(), hello, options);
  Client client(server);
  const auto start = std::chrono::steady_clock::now();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  std::atomic<bool> end = false;
  std::jthread trickle([&] {
    while (!end && client.send("x")) std::this_thread::sleep_for(20ms);
  });
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 408 "));
  end = true;
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

// One byte just inside each time-out once kept a connection, and its handler, for ever.
TEST_P(ConnectionTest, ATrickleDoesNotProlongTheBodysTime) {
  ServiceOptions options;
  options.body_timeout = 200ms;
  options.min_rate = 1'000'000;
  TestServer server(GetParam(), echo, options);
  Client client(server);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  std::atomic<bool> end = false;
  std::jthread trickle([&] {
    while (!end && client.send("x")) std::this_thread::sleep_for(5ms);
  });
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 408 "));
  end = true;
}

TEST_P(ConnectionTest, AClientThatTakesAStreamTooSlowlyIsCut) {
  ServiceOptions options;
  options.write_timeout = 200ms;
  options.min_rate = 1'000'000'000'000;
  TestServer server(
      GetParam(),
      [](Request&) {
        return stream([](http::BodyWriter& w) -> Result<void> {
          for (;;) {
            if (auto r = w.write(std::string(1000, 'x')); !r) return r;
            if (auto r = w.flush(); !r) return r;
          }
        });
      },
      options);
  Client client(server, 4096);
  client.send(kGet);
  // It never lets a single write wait for as long as the time-out.
  char byte[2048];
  while (::recv(client.fd(), byte, sizeof byte, 0) > 0) std::this_thread::sleep_for(1ms);
  while (server.service().stats().open > 0) std::this_thread::yield();
  EXPECT_FALSE(server.access().entries().at(0).complete);
}

TEST_P(ConnectionTest, IdleConnectionsCloseInSilence) {
  ServiceOptions options;
  options.idle_timeout = 120ms;
  TestServer server(GetParam(), hello, options);
  Client fresh(server);
  EXPECT_EQ(fresh.read_all(), "");
  Client used(server);
  used.send(kGet);
  used.read_until("world!");
  EXPECT_EQ(used.read_all(), "");
  EXPECT_FALSE(used.was_reset());
}

TEST_P(ConnectionTest, AnIdleConnectionIsServedAfterItsBuffersWereGiven) {
  TestServer server(GetParam(), hello);
  Client client(server);
  for (int i = 0; i < 2; ++i) {
    client.send(kGet);
    client.read_until("world!");
    // Longer than a quiet connection keeps its buffers; there is nothing to be told of it.
    std::this_thread::sleep_for(80ms);
  }
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  client.read_until("world!");
}

TEST_P(ConnectionTest, AClientThatDoesNotReadIsCut) {
  ServiceOptions options;
  options.write_timeout = 100ms;
  TestServer server(GetParam(), [](Request&) { return text(std::string(20000000, 'x')); }, options);
  Client client(server, 4096);
  client.send(kGet);
  client.read_until("x");
  while (server.service().stats().open > 0) std::this_thread::yield();
  const auto entries = server.access().entries();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_FALSE(entries[0].complete);
}

TEST_P(ConnectionTest, RequestsPerConnectionAreLimited) {
  ServiceOptions options;
  options.max_requests = 2;
  TestServer server(GetParam(), hello, options);
  Client client(server);
  client.send(kGet);
  EXPECT_THAT(client.read_until("world!"), Not(HasSubstr("close")));
  client.send(kGet);
  EXPECT_THAT(client.read_all(), AllOf(HasSubstr("Connection: close"), EndsWith("world!")));
}

TEST_P(ConnectionTest, StopClosesTheIdleAndLetsTheBusyFinish) {
  runtime::Event busy, go_on;
  TestServer server(GetParam(), [&](Request& r) {
    if (r.path == "/busy") {
      busy.set();
      go_on.wait();
    }
    return hello(r);
  });
  Client idle(server);
  idle.send(kGet);
  idle.read_until("world!");
  Client worker(server);
  worker.send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(busy.wait(Deadline::after(10s)));
  server.service().stop();
  EXPECT_EQ(idle.read_all(), "");
  go_on.set();
  EXPECT_THAT(worker.read_all(), AllOf(HasSubstr("Connection: close"), EndsWith("world!")));
  EXPECT_TRUE(server.service().wait_closed(Deadline::after(10s)));
  server.service().stop();
}

// Most clients read only when they have sent everything.
TEST_P(ConnectionTest, ALargeBodyThatIsRefusedIsReadToItsEnd) {
  ServiceOptions options;
  options.limits.body_size = 1000;
  TestServer server(GetParam(), hello, options);
  Client client(server);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 33554432\r\n\r\n");
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 32; ++i) ASSERT_TRUE(client.send(piece)) << i << " MiB";
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 "));
  EXPECT_FALSE(client.was_reset());
}

TEST_P(ConnectionTest, LingeringEndsAfterItsTimeWhateverTheClientSends) {
  ServiceOptions options;
  options.limits.body_size = 1000;
  options.linger_time = 50ms;
  TestServer server(GetParam(), hello, options);
  Client client(server);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
  while (client.send("x")) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(server.service().wait_closed(Deadline::after(10s)));
}

TEST_P(ConnectionTest, TheOldestIdleConnectionMakesRoom) {
  runtime::Event busy, go_on;
  TestServer server(GetParam(), [&](Request& r) {
    if (r.path == "/busy") {
      busy.set();
      go_on.wait();
    }
    return hello(r);
  });
  Client worker(server);
  worker.send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(busy.wait(Deadline::after(10s)));
  EXPECT_FALSE(server.service().end_oldest_idle());
  // One after the other: threads that begin together may change places.
  Client oldest(server);
  oldest.send(kGet);
  oldest.read_until("world!");
  Client newest(server);
  newest.send(kGet);
  newest.read_until("world!");
  while (server.service().stats().idle < 2) std::this_thread::yield();
  EXPECT_TRUE(server.service().end_oldest_idle());
  EXPECT_EQ(oldest.read_all(), "");
  newest.send(kGet);
  newest.read_until("world!");
  go_on.set();
  worker.read_until("world!");
}

TEST_P(ConnectionTest, TheAccessLogIsTold) {
  TestServer server(GetParam(), [](Request& r) {
    EXPECT_THAT(std::string(r.remote_address), StartsWith("127.0.0.1:"));
    EXPECT_EQ(r.scheme, "http");
    EXPECT_FALSE(r.request_id.empty());
    return hello(r);
  });
  send_and_read(server, std::string(kGet) + "nonsense\r\n\r\n");
  ASSERT_TRUE(server.service().wait_closed(Deadline::after(10s)));
  const auto entries = server.access().entries();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].method, "GET");
  EXPECT_EQ(entries[0].target, "/");
  EXPECT_EQ(entries[0].status, 200);
  EXPECT_EQ(entries[0].body_bytes, 13U);
  EXPECT_TRUE(entries[0].complete);
  EXPECT_EQ(entries[1].method, "");
  EXPECT_EQ(entries[1].status, 400);
}

TEST_P(ConnectionTest, AStartedConnectionCountsBeforeItsTaskRuns) {
  FunctionHandler handler(hello);
  Service service(handler);
  bool closed = false;
  const auto body = [&] {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    unique_fd peer(ends[1]);
    service.start(runtime::Socket(unique_fd(ends[0])), {}, [&] { closed = true; });
    EXPECT_EQ(service.stats().open, 1U);
    peer.reset();
    EXPECT_TRUE(service.wait_closed(Deadline::after(10s)));
    EXPECT_TRUE(closed);
  };
  if (GetParam() == Model::kThread) {
    body();
  } else {
    runtime::Runtime runtime;
    runtime.run(body);
  }
}

INSTANTIATE_TEST_SUITE_P(Both, ConnectionTest, testing::Values(Model::kFiber, Model::kThread),
                         [](const auto& param_info) {
                           return param_info.param == Model::kFiber ? "Fiber" : "Thread";
                         });

}  // namespace
}  // namespace saola::http_conn
