// resolve() beside name servers that are silent.
#include <dlfcn.h>
#include <netdb.h>

#include <string_view>

#include <gtest/gtest.h>

#include <saola/runtime/offload.hpp>
#include <saola/runtime/socket.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/task_group.hpp>

#include "both_models.hpp"

namespace {

// What look-ups of "silent.test" wait for. Never destroyed: they may end after main().
saola::runtime::Event& speaks() {
  static auto* const event = new saola::runtime::Event;
  return *event;
}

}  // namespace

extern "C" int getaddrinfo(const char* host, const char* port, const addrinfo* hints,
                           addrinfo** list) {
  if (host != nullptr && std::string_view(host) == "silent.test") {
    speaks().wait();
    return EAI_AGAIN;
  }
  using Original = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto original = reinterpret_cast<Original>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return original(host, port, hints, list);
}

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using ResolveTest = BothModels;
SAOLA_BOTH_MODELS(ResolveTest);

// While one lives the name server of "silent.test" says nothing.
class Silence {
 public:
  Silence() { speaks().reset(); }
  ~Silence() { speaks().set(); }
};

TEST_P(ResolveTest, NumericNeedsNoNameServer) {
  run([] {
    const auto v4 = resolve("127.0.0.1", 80, Deadline::after(10s));
    ASSERT_TRUE(v4.has_value());
    EXPECT_EQ(v4->at(0).to_string(), "127.0.0.1:80");
    const auto v6 = resolve("::1", 443, Deadline::after(10s));
    ASSERT_TRUE(v6.has_value());
    EXPECT_EQ(v6->at(0).to_string(), "[::1]:443");
  });
}

TEST_P(ResolveTest, DeadlineEndsIt) {
  run([] {
    const Silence silence;
    const auto found = resolve("silent.test", 80, Deadline::after(5ms));
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code(), ErrorCode::kTimedOut);
  });
}

TEST_P(ResolveTest, CancelEndsIt) {
  run([] {
    const Silence silence;
    ErrorCode code{};
    Task task = spawn([&] { code = resolve("silent.test", 80, Deadline::never()).error().code(); });
    this_task::yield();
    task.cancel();
    task.join();
    EXPECT_EQ(code, ErrorCode::kCancelled);
  });
}

TEST(ResolvePool, SilentNameServersHoldUpNothingButNames) {
  const LeakCheck leaks;
  Runtime runtime({.blocking_threads = 4});
  runtime.run([] {
    const Silence silence;
    TaskGroup group;
    for (int i = 0; i < 64; ++i) {
      group.spawn([] { (void)resolve("silent.test", 80, Deadline::never()); });
    }
    this_task::yield();
    bool ran = false;
    offload_blocking([&] { ran = true; });
    EXPECT_TRUE(ran);
    group.cancel();
    group.join();
  });
}

}  // namespace
}  // namespace saola::runtime
