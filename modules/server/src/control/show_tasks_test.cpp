#include <chrono>
#include <thread>

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "control/task_json.hpp"
#include "control/task_table.hpp"
#include "control/test_ctl.hpp"

namespace saola::server {
namespace {

namespace json = boost::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

TEST_F(Ctl, ShowsTheTasksOfEveryWorker) {
  ASSERT_TRUE(server.serves()) << server.log();
  const std::string table = ctl({"show", "tasks"});
  EXPECT_EQ(status, 0) << errors;
  EXPECT_THAT(table, ContainsRegex("web 1 pid [0-9]+: 3 tasks: 3 parked\n +id +state +for +cpu "));
  EXPECT_THAT(table, ContainsRegex("[0-9]+ +parked .* loop +accept +read of fd [0-9]+ 127.0.0.1:"));
  EXPECT_THAT(table, ContainsRegex("parked .* heartbeat +sleep, deadline in "));
  EXPECT_THAT(table, ContainsRegex("task 1 pid [0-9]+: 1 task: 1 blocked\n"));
  EXPECT_THAT(table, HasSubstr(": the endless job"));

  const json::value all = json::parse(ctl({"show", "tasks", "-j"}));
  const json::object& web = all.as_array()[0].as_object();
  EXPECT_EQ(web.at("worker"), "web 1");
  EXPECT_EQ(web.at("total").to_number<int>(), 3);
  EXPECT_EQ(web.at("by_state").at("parked").to_number<int>(), 3);
  const json::object& first = web.at("tasks").as_array()[0].as_object();
  EXPECT_EQ(first.at("model"), "fiber");
  EXPECT_EQ(first.at("state"), "parked");
  EXPECT_GT(first.at("seconds_in_state").as_double(), 0);
}

TEST_F(Ctl, ShowsThoseTasksThatAreAskedFor) {
  ASSERT_TRUE(server.serves()) << server.log();
  const std::string named = ctl({"show", "tasks", "--name", "heartb", "--worker=web 1"});
  EXPECT_THAT(named, HasSubstr("heartbeat"));
  EXPECT_THAT(named, Not(HasSubstr("accept")));
  EXPECT_THAT(named, Not(HasSubstr("task 1")));
  EXPECT_THAT(named, HasSubstr("; 1 match\n"));
  EXPECT_THAT(ctl({"show", "tasks", "--state=running"}), ContainsRegex("3 parked; 0 match\n"));
  EXPECT_THAT(ctl({"show", "tasks", "--longer-than", "10m"}), HasSubstr("; 0 match\n"));
  EXPECT_THAT(ctl({"show", "tasks", "--limit=1", "--sort=age"}), HasSubstr("3 parked; 1 shown\n"));
  EXPECT_THAT(ctl({"show", "stacks", "--worker", std::to_string(server.serving("web")[0])}),
              ContainsRegex("^web 1 pid"));
}

TEST_F(Ctl, SaysWhatIsWrongWithAQuestionAboutTasks) {
  ASSERT_TRUE(server.serves()) << server.log();
  for (const auto& [flags, text] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--state", "dead"}, "'state' is ready, running, blocked, parked, offloaded or queued"},
           {{"--sort", "name"}, "'sort' is waited, cpu or age"},
           {{"--worker", "web 7"}, "there is no worker 'web 7'"},
       }) {
    std::vector<std::string> words{"show", "tasks"};
    words.insert(words.end(), flags.begin(), flags.end());
    ctl(words);
    EXPECT_EQ(status, 1);
    EXPECT_THAT(errors, HasSubstr(text));
  }
  for (const auto& [words, text] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"show", "tasks", "--state"}, "--state"},
           {{"show", "tasks", "--limit", "many"}, "--limit"},
           {{"show", "tasks", "--longer-than", "soon"}, "'soon' is no time"},
           {{"show", "tasks", "--stat", "running"}, "unknown flag --stat; did you mean --state?"},
           {{"show", "workers", "--limit", "1"}, "unknown flag --limit"},
           {{"show", "stacks", "--limit", "1"}, "unknown flag --limit"}}) {
    ctl(words);
    EXPECT_EQ(status, 2);
    EXPECT_THAT(errors, HasSubstr(text));
  }
}

class CtlOfHungWorker : public Ctl {
 protected:
  CtlOfHungWorker() : Ctl({"--on-stall=ignore"}) {}
};

// The worker's loop is held for good by a handler: its control thread tells which.
TEST_F(CtlOfHungWorker, ListsItsTasksAndWhereTheHogIs) {
  ASSERT_TRUE(server.serves()) << server.log();
  std::jthread client([&] { (void)server.get("/hang"); });
  std::string table;
  const Deadline patience = Deadline::after(std::chrono::seconds(20));
  const auto hog_shown = [&] { return table.find("GET /hang") != std::string::npos; };
  while (!hog_shown() && !patience.passed()) {
    table = ctl({"show", "tasks", "--state", "running", "--worker", "web 1"});
  }
  ASSERT_TRUE(hog_shown()) << table << errors;
  const json::value shown =
      json::parse(ctl({"show", "tasks", "--state=running", "--worker=web 1", "--json"}));
  const json::value& hog = shown.at(0).at("tasks").at(0);
  EXPECT_EQ(hog.at("place"), "loop");
  const std::string stack =
      ctl({"show", "tasks", "--stack", json::serialize(hog.at("id")), "--worker=web 1"});
  EXPECT_THAT(stack, HasSubstr("handle at"));
  EXPECT_THAT(stack, HasSubstr("server_probe.cpp:"));
  ctl({"show", "tasks", "--stack", "999999"});
  EXPECT_EQ(status, 0);
  server.signal(SIGQUIT);
}

TEST(TaskTable, ReadsTimes) {
  EXPECT_EQ(seconds_from("2"), json::value(2.0));
  EXPECT_EQ(seconds_from("2s"), json::value(2.0));
  EXPECT_EQ(seconds_from("500ms"), json::value(0.5));
  EXPECT_EQ(seconds_from("1.5m"), json::value(90.0));
  EXPECT_EQ(seconds_from("2h"), json::value(7200.0));
  for (const char* none : {"", "s", "-1s", "2 s", "2d", "nan", "1e"}) {
    EXPECT_TRUE(seconds_from(none).is_null()) << none;
  }
}

TEST(TaskTable, ShowsWhatPeopleAskFor) {
  runtime::TaskList list;
  list.total = list.matching = 3;
  list.by_state[static_cast<std::size_t>(runtime::RunState::kParked)] = 1;
  list.by_state[static_cast<std::size_t>(runtime::RunState::kRunning)] = 1;
  list.by_state[static_cast<std::size_t>(runtime::RunState::kReady)] = 1;
  list.tasks.push_back({.id = 7,
                        .name = "writer",
                        .activity = "GET /split",
                        .priority = runtime::Priority::kLow,
                        .state = runtime::RunState::kParked,
                        .in_state = std::chrono::milliseconds(3200),
                        .wait = runtime::WaitFor(runtime::WaitKind::kMutex, 0x1234),
                        .wait_text = "mutex 0x1234 held by task 9",
                        .holder = 9,
                        .until_deadline = std::chrono::milliseconds(-5),
                        .cancel_requested = true,
                        .locks_held = 2,
                        .cpu = std::chrono::microseconds(15),
                        .age = std::chrono::minutes(3)});
  list.tasks.push_back({.id = 9,
                        .kind = "main.cpp:12",
                        .place = runtime::TaskPlace::kSide,
                        .exiled = true,
                        .state = runtime::RunState::kRunning});
  EXPECT_EQ(task_table(tasks_to_json(list)),
            ": 3 tasks: 1 ready, 1 running, 1 parked; 2 shown\n"
            "  id  state    for    cpu    age      place  name                waits for\n"
            "  7   parked   3.2 s  15 µs  3.0 min  loop   writer: GET /split  mutex 0x1234 held by "
            "task 9, deadline passed, cancelled, low priority, holds 2 locks\n"
            "  9   running  -      0 µs   0 µs     side   main.cpp:12         exiled\n");
}

TEST(TasksQuestion, TakesWhatItKnowsAndRejectsTheRest) {
  const auto asks = [](std::string_view text) {
    return tasks_question(json::parse(text).as_object());
  };
  const auto question = asks(
      R"({"state":"parked","name":"x","longer_than":1.5,"sort":"cpu","limit":3,"stack":9,"what":"tasks"})");
  ASSERT_TRUE(question);
  EXPECT_EQ(question->query.state, runtime::RunState::kParked);
  EXPECT_EQ(question->query.name, "x");
  EXPECT_EQ(question->query.longer_than, std::chrono::milliseconds(1500));
  EXPECT_EQ(question->query.order, runtime::TaskQuery::Order::kCpu);
  EXPECT_EQ(question->query.limit, 3U);
  EXPECT_EQ(question->stack, 9U);
  for (const char* wrong : {R"({"state":1})", R"({"longer_than":-1})", R"({"limit":"3"})",
                            R"({"stack":1.5})", R"({"sort":"x"})", R"({"limit":-1})"}) {
    EXPECT_FALSE(asks(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace saola::server
