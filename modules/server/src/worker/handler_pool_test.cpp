#include "worker/handler_pool.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace saola::server {
namespace {

// Answers /wait only once `together` requests are inside at the same time.
class Meeting final : public http::Handler {
 public:
  explicit Meeting(int together) : together_(together) {}
  http::Response handle(http::Request& request) override {
    if (request.path == "/throw") throw std::runtime_error("thrown");
    if (request.path == "/wait") {
      inside_.fetch_add(1);
      inside_.notify_all();
      for (int now = inside_; now < together_; now = inside_) inside_.wait(now);
    }
    return http::Response(200, "text/plain", "done");
  }

 private:
  const int together_;
  std::atomic<int> inside_{0};
};

int status_of(HandlerPool& pool, std::string_view path) {
  http::Request request{.path = path};
  return pool.handle(request).status;
}

TEST(HandlerPool, LongCallsGetEveryThread) {
  // Several rounds, because the order in which the calls lose their patience matters.
  for (int round = 0; round < 50; ++round) {
    Meeting meeting(4);
    HandlerPool pool(meeting, 4);
    std::vector<std::jthread> callers;
    std::atomic<int> done{0};
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&] { done += status_of(pool, "/wait") == 200; });
    }
    callers.clear();
    EXPECT_EQ(done, 4);
    EXPECT_EQ(pool.finished(), 4u);
    EXPECT_FALSE(pool.all_busy());
  }
}

TEST(HandlerPool, AnswersManyShortCallsFromManyCallers) {
  Meeting meeting(1);
  HandlerPool pool(meeting, 3);
  std::vector<std::jthread> callers;
  std::atomic<int> done{0};
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int j = 0; j < 500; ++j) done += status_of(pool, "/") == 200;
    });
  }
  callers.clear();
  EXPECT_EQ(done, 4000);
}

// A body of `size` bytes whose last one waits for the client.
class SlowBody final : public http::BodyReader {
 public:
  explicit SlowBody(std::size_t size) : size_(size) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    if (left() == 1) {
      asked.set();
      come.wait();
    }
    const std::size_t count = std::min(buffer.size(), std::max(left(), std::size_t{2}) - 1);
    if (left() == 0) return 0;
    std::fill_n(buffer.data(), count, 'x');
    taken_ += count;
    return count;
  }
  std::optional<std::uint64_t> length() const override { return size_; }
  runtime::Event asked, come;

 private:
  std::size_t left() const { return size_ - taken_; }
  const std::size_t size_;
  std::size_t taken_ = 0;
};

class Sizes final : public http::Handler {
 public:
  http::Response handle(http::Request& request) override {
    const auto body = request.body->read_all(16 << 20);
    return http::Response(200, "text/plain", std::to_string(body.value().size()));
  }
};

TEST(HandlerPool, ASlowUploadTakesNoThread) {
  Sizes sizes;
  HandlerPool pool(sizes, 1);
  SlowBody slow(1000);
  std::string answer;
  std::jthread client([&] {
    http::Request request{.path = "/", .body = &slow};
    answer = std::get<std::string>(pool.handle(request).body);
    EXPECT_EQ(request.body, &slow);
  });
  slow.asked.wait();
  EXPECT_EQ(status_of(pool, "/"), 200) << "the only thread is free";
  slow.come.set();
  client.join();
  EXPECT_EQ(answer, "1000");
}

TEST(HandlerPool, AThreadThatWaitsForItsClientIsNotBusy) {
  Sizes sizes;
  HandlerPool pool(sizes, 1);
  SlowBody slow(ReadAhead::kMost + 100'000);
  std::string answer;
  std::jthread client([&] {
    http::Request request{.path = "/", .body = &slow};
    answer = std::get<std::string>(pool.handle(request).body);
  });
  slow.asked.wait();
  EXPECT_FALSE(pool.all_busy());
  slow.come.set();
  client.join();
  EXPECT_EQ(answer, std::to_string(ReadAhead::kMost + 100'000));
}

TEST(HandlerPool, PassesExceptionsOn) {
  Meeting meeting(1);
  HandlerPool pool(meeting, 1);
  EXPECT_THROW(status_of(pool, "/throw"), std::runtime_error);
  EXPECT_EQ(status_of(pool, "/"), 200);
}

}  // namespace
}  // namespace saola::server
