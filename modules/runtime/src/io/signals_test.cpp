#include <signal.h>

#include <gtest/gtest.h>

#include <saola/runtime/signals.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using SignalsTest = BothModels;
SAOLA_BOTH_MODELS(SignalsTest);

TEST_P(SignalsTest, SignalIsWaitedFor) {
  run([] {
    SignalSet signals({SIGUSR2});
    EXPECT_EQ(signals.wait(Deadline::after(1ms)).error().code(), ErrorCode::kTimedOut);
    // To this thread, where it is blocked: other threads of the test do not block it.
    ::pthread_kill(::pthread_self(), SIGUSR2);
    const auto got = signals.wait(Deadline::after(10s));
    ASSERT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(*got, SIGUSR2);
  });
}

}  // namespace
}  // namespace saola::runtime
