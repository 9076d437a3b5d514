#include <signal.h>

#include <thread>

#include <gmock/gmock.h>

#include <saola/server/control.hpp>

#include "control/test_ctl.hpp"
#include "probe_server.hpp"

namespace saola::server {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(Ctl, ShowsTablesAndJson) {
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_THAT(ctl({"show", "workers"}), ContainsRegex("role +number +pid"));
  EXPECT_EQ(status, 0);
  EXPECT_THAT(ctl({"show", "workers", "-j"}), HasSubstr(R"([{"role":"web","number":1,)"));
  EXPECT_THAT(ctl({"show", "config"}), HasSubstr("worker-class = \"green\"  # default"));
  EXPECT_THAT(ctl({"show", "stats"}), HasSubstr("state: serving"));
  EXPECT_THAT(ctl({"show", "listeners"}), HasSubstr("127.0.0.1:"));
  EXPECT_THAT(ctl({"show", "stacks"}), ContainsRegex("task 1 pid [0-9]+\n  thread"));
  EXPECT_THAT(ctl({"show", "events"}), HasSubstr("worker_started"));
  EXPECT_EQ(ctl({"show", "stalls"}), "");
  EXPECT_EQ(status, 0);
}

TEST_F(Ctl, ShowsTheApplicationsJobs) {
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_EQ(ctl({"show", "jobs"}), "available 3, running 1\n\nid  kind   age\nj1  split  1.500\n");
  EXPECT_EQ(status, 0);
  EXPECT_THAT(ctl({"show", "jobs", "-j"}), HasSubstr(R"("running":[{"id":"j1","kind":"split",)"));
}

TEST(CtlShowJobs, TellsWhatWentWrong) {
  const auto answer = [](const ProbeServer& server) {
    const auto shown = control_request(server.control_path(), R"({"command":"show","what":"jobs"})",
                                       Deadline::after(std::chrono::seconds(20)));
    return shown ? *shown : shown.error().message();
  };
  for (const auto& [how, told] : std::vector<std::pair<std::string, std::string>>{
           {"bad-jobs", "the jobs' store is away"},
           {"crash-jobs", "ended without an answer"},
           {"locked-jobs", "could not be looked at within 5 s: is their store locked?"},
           {"no-jobs", "server_probe keeps no jobs"}}) {
    ProbeServer server({"--probe=" + how}, {how == "no-jobs" ? "PROBE_WITHOUT_JOBS=1" : "PROBE="});
    ASSERT_TRUE(server.serves()) << server.log();
    std::jthread second([&] { answer(server); });
    EXPECT_THAT(answer(server), HasSubstr(told));
    // The arbiter has gone on meanwhile, and does so.
    EXPECT_THAT(server.show("workers"), HasSubstr(R"("role":"web")"));
  }
}

// Stopped workers answer nobody; the jobs are shown all the same.
TEST_F(Ctl, ShowsJobsWhileEveryWorkerIsStopped) {
  ASSERT_TRUE(server.serves()) << server.log();
  const auto workers = server.workers();
  for (const WorkerRow& worker : workers) ::kill(worker.pid, SIGSTOP);
  EXPECT_THAT(ctl({"show", "jobs"}), HasSubstr("available 3"));
  for (const WorkerRow& worker : workers) ::kill(worker.pid, SIGCONT);
}

// The stack of a worker names the functions it is in.
TEST_F(Ctl, StacksHaveNames) {
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_THAT(ctl({"show", "stacks"}), HasSubstr("run_task_worker"));
}

TEST_F(Ctl, TakesTheSocketInEverySpelling) {
  ASSERT_TRUE(server.serves()) << server.log();
  for (const std::string& flag :
       {"-s" + server.control_path(), "--socket=" + server.control_path()}) {
    EXPECT_THAT(ctl({flag, "show", "listeners"}), HasSubstr("127.0.0.1:")) << flag;
  }
}

TEST_F(Ctl, CommandsWork) {
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_THAT(ctl({"worker", "add"}), HasSubstr("web_workers: 2"));
  ctl({"worker", "remove"});
  EXPECT_EQ(status, 0);
  ctl({"worker", "remove"});
  EXPECT_EQ(status, 1);
  EXPECT_THAT(errors, HasSubstr("the last web worker stays"));
  ctl({"worker", "kill", "1"});
  EXPECT_THAT(errors, HasSubstr("process 1 is no worker"));
  ctl({"reopen"});
  EXPECT_EQ(status, 0);
  ctl({"shutdown"});
  EXPECT_EQ(status, 0);
  EXPECT_EQ(server.exit_status(), 0);
  ctl({"show", "workers"});
  EXPECT_EQ(status, 1);
  EXPECT_THAT(errors, HasSubstr("no server answers at the control socket"));
}

TEST_F(Ctl, SaysWhatItDoesNotUnderstand) {
  for (const auto& [words, text] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{}, "which command? show, worker, reload,"},
           {{"shew"}, "there is no command 'shew'; did you mean show?"},
           {{"show"}, "which command? workers, config,"},
           {{"show", "wrokers"}, "there is no command 'wrokers'; did you mean workers?"},
           {{"worker", "kill"}, "pid is required"},
           {{"worker", "kill", "x"}, "pid"},
           {{"shutdown", "now"}, "now not in {graceful,quick}"},
           {{"reload", "x"}, "unexpected argument 'x'"},
           {{"--sokcet=x", "reload"}, "unknown flag --sokcet; did you mean --socket?"}}) {
    ctl(words);
    EXPECT_EQ(status, 2) << text;
    EXPECT_THAT(errors, StartsWith("saola ctl: "));
    EXPECT_THAT(errors, HasSubstr(text));
  }
  EXPECT_THAT(ctl({"--help"}), AllOf(HasSubstr("saola ctl"), HasSubstr("Exit status: 0 done")));
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace saola::server
