#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/web/app.hpp>
#include <saola/web/sse.hpp>
#include <saola/web/test_client.hpp>

namespace saola::web {
namespace {

using namespace std::chrono_literals;

struct Events : testing::Test {
  App app;
  TestClient client{app};
  TestResponse run(std::move_only_function<Result<void>(EventWriter&)> produce) {
    auto shared = std::make_shared<decltype(produce)>(std::move(produce));
    app.get("/events", [shared] {
      return event_stream([shared](EventWriter& out) { return (*shared)(out); });
    });
    return client.get("/events");
  }
};

TEST_F(Events, Fields) {
  const auto answer = run([](EventWriter& out) -> Result<void> {
    if (auto sent =
            out.send({.data = "{\"done\":1}", .event = "progress", .id = "7", .retry = 1500ms});
        !sent) {
      return sent;
    }
    if (auto sent = out.comment("alive"); !sent) return sent;
    return out.send({.data = "bye"});
  });
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(answer.body,
            "event: progress\nid: 7\nretry: 1500\ndata: {\"done\":1}\n\n: alive\n\ndata: bye\n\n");
  EXPECT_TRUE(answer.complete);
}

TEST_F(Events, DataOfManyLines) {
  const auto answer = run([](EventWriter& out) { return out.send({.data = "a\nb\r\nc\rd\n"}); });
  EXPECT_EQ(answer.body, "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
}

TEST_F(Events, InjectionIsRefused) {
  const auto answer = run([](EventWriter& out) -> Result<void> {
    for (std::string_view bad :
         {std::string_view("a\ndata: x"), std::string_view("a\rb"), std::string_view("a\0b", 3)}) {
      EXPECT_EQ(out.send({.data = "x", .event = bad}).error().code(), ErrorCode::kInvalidArgument);
      EXPECT_EQ(out.send({.data = "x", .id = bad}).error().code(), ErrorCode::kInvalidArgument);
    }
    return out.comment("a\n\ndata: x");
  });
  EXPECT_EQ(answer.body, ": a\n: \n: data: x\n\n");
}

TEST_F(Events, EndsWhenTheClientGoes) {
  client.hang_up_after(100);
  int sent = 0;
  const auto answer = run([&](EventWriter& out) -> Result<void> {
    while (true) {
      if (auto written = out.send({.data = "tick"}); !written) {
        EXPECT_EQ(written.error().code(), ErrorCode::kClosed);
        EXPECT_TRUE(out.client_gone());
        return written;
      }
      ++sent;
    }
  });
  EXPECT_FALSE(answer.complete);
  EXPECT_GT(sent, 5);
  EXPECT_LT(sent, 20);
}

TEST_F(Events, EndsInOrderWhenTheWorkerLeaves) {
  client.leave_after(20);
  int sent = 0;
  const auto answer = run([&](EventWriter& out) -> Result<void> {
    while (true) {
      EXPECT_EQ(out.leaving(), sent == 2);
      ++sent;
      if (auto written = out.send({.data = "tick"}); !written) {
        EXPECT_EQ(written.error().code(), ErrorCode::kCancelled);
        return written;
      }
    }
  });
  EXPECT_EQ(answer.body, "data: tick\n\ndata: tick\n\nretry: 2000\n\n");
  EXPECT_TRUE(answer.complete);
}

TEST_F(Events, AStreamThatFailsWhileTheWorkerLeavesIsCut) {
  client.leave_after(0);
  const auto answer =
      run([](EventWriter&) -> Result<void> { return fail(ErrorCode::kInternal, "no more"); });
  EXPECT_EQ(answer.body, "");
  EXPECT_FALSE(answer.complete);
}

}  // namespace
}  // namespace saola::web
