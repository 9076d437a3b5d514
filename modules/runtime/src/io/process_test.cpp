#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include <saola/base/open_files.hpp>
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

TEST_P(ProcessTest, ChildDoesNotInheritWhatAServerIgnores) {
  // As a server does whose writes report their errors themselves.
  const auto pipe_before = ::signal(SIGPIPE, SIG_IGN);
  const auto size_before = ::signal(SIGXFSZ, SIG_IGN);
  run([] {
    for (const char* name : {"PIPE", "XFSZ"}) {
      auto child = Process::start({"sh", "-c", std::string("kill -") + name + " $$; exit 1"});
      ASSERT_TRUE(child.has_value()) << child.error().message();
      const auto end = child->wait(Deadline::after(10s));
      ASSERT_TRUE(end.has_value()) << end.error().message();
      EXPECT_TRUE(end->signalled) << name;
    }
  });
  ::signal(SIGPIPE, pipe_before);
  ::signal(SIGXFSZ, size_before);
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

TEST_P(ProcessTest, RunReturnsWhatTheProgramLeavesBehind) {
  run([] {
    const auto good = run_process({"sh", "-c", "cat; echo oops >&2; exit 3"}, {.input = "hello"});
    ASSERT_TRUE(good.has_value()) << good.error().message();
    EXPECT_EQ(good->output, "hello");
    EXPECT_EQ(good->error_output, "oops\n");
    EXPECT_EQ(good->exit.code, 3);
    EXPECT_FALSE(good->exit.ok());
    const auto merged = run_process({"sh", "-c", "echo a; echo b >&2"},
                                    {.process = {.standard_error = ProcessOptions::kToOutput}});
    EXPECT_EQ(merged.value().output, "a\nb\n");
    const auto quiet = run_process({"sh", "-c", "echo a; echo b >&2"},
                                   {.process = {.standard_output = ProcessOptions::kNull,
                                                .standard_error = ProcessOptions::kNull}});
    EXPECT_EQ(quiet.value().output + quiet.value().error_output, "");
    EXPECT_EQ(run_process({"no-such-program-anywhere"}).error().code(), ErrorCode::kNotFound);
  });
}

// Far more than the pipes hold, both ways at once.
TEST_P(ProcessTest, FullPipesBlockNobody) {
  run([] {
    std::string input;
    for (int i = 0; input.size() < 3'000'000; ++i) input += std::to_string(i) + "\n";
    const auto out = run_process({"sh", "-c", "tee /dev/stderr"}, {.input = input});
    ASSERT_TRUE(out.has_value()) << out.error().message();
    EXPECT_TRUE(out->output == input);
    EXPECT_TRUE(out->error_output == input);
    EXPECT_TRUE(out->exit.ok());
  });
}

TEST_P(ProcessTest, ChildThatDoesNotReadItsInputIsNoError) {
  run([] {
    const auto out = run_process({"true"}, {.input = std::string(1'000'000, 'x')});
    ASSERT_TRUE(out.has_value()) << out.error().message();
    EXPECT_TRUE(out->exit.ok());
  });
}

TEST_P(ProcessTest, ChildGetsTheLimitOfOpenFilesFromBeforeItWasRaised) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 500, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_GT(raise_open_files_limit(), 500u);
  run([] {
    // It looks when it is told to, not earlier than start() returns.
    const auto out = run_process({"sh", "-c", "read line; ulimit -n"}, {.input = "go\n"});
    ASSERT_TRUE(out.has_value()) << out.error().message();
    EXPECT_EQ(out->output, "500\n");
  });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

// Nothing is left of a program that was killed.
TEST_P(ProcessTest, DeadlineLimitAndCancelKill) {
  run([] {
    const auto late = run_process({"sleep", "1000"}, {.deadline = Deadline::after(10ms)});
    EXPECT_EQ(late.error().code(), ErrorCode::kTimedOut) << late.error().message();
    const auto much = run_process({"yes"}, {.limit = 100'000});
    EXPECT_EQ(much.error().code(), ErrorCode::kTooLarge) << much.error().message();
    ErrorCode code{};
    Task task = spawn([&] { code = run_process({"sleep", "1000"}).error().code(); });
    this_task::yield();
    task.cancel();
    task.join();
    EXPECT_EQ(code, ErrorCode::kCancelled);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
  });
}

TEST_P(ProcessTest, CommunicateMayBeRepeatedAfterItsDeadline) {
  run([] {
    auto process = Process::start(
        {"sh", "-c", "read line; echo got $line; read more; echo end"},
        {.standard_input = ProcessOptions::kPipe, .standard_output = ProcessOptions::kPipe});
    ASSERT_TRUE(process.has_value()) << process.error().message();
    // By hand first: communicate() closes the input.
    ASSERT_EQ(::write(process->standard_input().fd(), "one\n", 4), 4);
    ASSERT_TRUE(process->standard_output().wait_readable(Deadline::after(10s)).has_value());
    auto sleeper = Process::start({"sh", "-c", "echo early; exec sleep 1000"},
                                  {.standard_output = ProcessOptions::kPipe});
    ASSERT_TRUE(sleeper->standard_output().wait_readable(Deadline::after(10s)).has_value());
    EXPECT_EQ(sleeper->communicate({}, Deadline::after(5ms)).error().code(), ErrorCode::kTimedOut);
    ASSERT_TRUE(sleeper->send_signal(SIGTERM).has_value());
    const auto second = sleeper->communicate({}, Deadline::after(10s));
    ASSERT_TRUE(second.has_value()) << second.error().message();
    EXPECT_EQ(second->output, "early\n");
    EXPECT_TRUE(second->exit.signalled);
    const auto end = process->communicate("two\n", Deadline::after(10s));
    ASSERT_TRUE(end.has_value()) << end.error().message();
    EXPECT_EQ(end->output, "got one\nend\n");
  });
}

}  // namespace
}  // namespace saola::runtime
