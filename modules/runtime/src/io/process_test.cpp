#include <signal.h>
#include <sys/wait.h>

#include <gtest/gtest.h>

#include <saola/runtime/process.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using ProcessTest = BothModels;
SAOLA_BOTH_MODELS(ProcessTest);

TEST_P(ProcessTest, ExitCodeAndSignal) {
  run([] {
    auto child = Process::start({"sh", "-c", "exit 7"});
    ASSERT_TRUE(child.has_value()) << child.error().message();
    auto end = child->wait(Deadline::after(10s));
    ASSERT_TRUE(end.has_value()) << end.error().message();
    EXPECT_FALSE(end->signalled);
    EXPECT_EQ(end->code, 7);
    EXPECT_EQ(child->send_signal(SIGTERM).error().code(), ErrorCode::kNotFound);

    auto sleeper = Process::start({"sleep", "1000"});
    ASSERT_TRUE(sleeper.has_value());
    EXPECT_EQ(sleeper->wait(Deadline::after(5ms)).error().code(), ErrorCode::kTimedOut);
    ASSERT_TRUE(sleeper->send_signal(SIGTERM).has_value());
    end = sleeper->wait(Deadline::after(10s));
    ASSERT_TRUE(end.has_value());
    EXPECT_TRUE(end->signalled);
    EXPECT_EQ(end->code, SIGTERM);
  });
}

TEST_P(ProcessTest, UnknownProgramIsAnError) {
  run([] {
    const auto child = Process::start({"no-such-program-anywhere"});
    ASSERT_FALSE(child.has_value());
    EXPECT_EQ(child.error().code(), ErrorCode::kNotFound);
  });
}

TEST_P(ProcessTest, AssignmentKillsAndReapsTheChildThatWasNamedBefore) {
  run([] {
    Process process = *Process::start({"sleep", "1000"});
    const pid_t first = process.pid();
    process = *Process::start({"true"});
    EXPECT_EQ(::waitpid(first, nullptr, WNOHANG), -1) << "the first child was not reaped";
    EXPECT_EQ(errno, ECHILD);
    const auto end = process.wait(Deadline::after(10s));
    ASSERT_TRUE(end.has_value()) << end.error().message();
    EXPECT_EQ(end->code, 0);
    Process& same = process;
    process = std::move(same);
    EXPECT_TRUE(process.wait(Deadline::after(10s)).has_value());
  });
}

}  // namespace
}  // namespace saola::runtime
