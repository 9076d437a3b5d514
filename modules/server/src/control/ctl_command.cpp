#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/command_line/parse.hpp>
#include <saola/server/control.hpp>
#include <saola/server/server.hpp>

#include "control/print_answer.hpp"
#include "control/task_table.hpp"

namespace saola::server {
namespace json = boost::json;
namespace {

constexpr std::chrono::seconds kPatience{10};
// Of each worker, unless asked otherwise.
constexpr std::uint64_t kTasksShown = 100;

// A command below `above`; when it is asked for, the request says so in `field`.
CLI::App& add(CLI::App& above, json::object& request, const char* field, const char* word,
              const char* doc) {
  CLI::App* command = above.add_subcommand(word, doc);
  command->callback([&request, field, word] { request[field] = word; });
  return *command;
}

// A flag whose value the request has in `field`.
template <typename T>
void add_flag(CLI::App& command, json::object& request, const char* flag, const char* field,
              const char* doc) {
  command.add_option_function<T>(
      flag, [&request, field](const T& value) { request[field] = value; }, doc);
}

void add_show(CLI::App& app, json::object& request) {
  CLI::App& show = add(app, request, "command", "show", "What the server is and does");
  show.require_subcommand(1);
  const auto add_what = [&](const char* word, const char* doc) -> CLI::App& {
    return add(show, request, "what", word, doc);
  };
  add_what("workers", "Every worker, and how it is");
  add_what("config", "Every setting, its value and where that is from");
  add_what("stats", "Counts of the whole server");
  add_what("listeners", "The addresses it serves");
  add_what("jobs", "How many jobs there are, and those that run");
  add_what("stalls", "What held a loop, where, and what was done");
  add_what("events", "What happened to the server of late");
  CLI::App& stacks = add_what("stacks", "What every thread does");
  CLI::App& tasks = add_what("tasks", "Every fiber and native task, and what it waits for");
  for (CLI::App* command : {&stacks, &tasks}) {
    add_flag<std::string>(*command, request, "--worker", "worker",
                          "Of this one only: \"web 1\", or its pid");
  }
  add_flag<std::string>(tasks, request, "--state", "state",
                        "ready, running, blocked, parked, offloaded or queued");
  add_flag<std::string>(tasks, request, "--name", "name",
                        "Part of the name, of what it works on, or of where it was spawned");
  tasks
      .add_option_function<std::string>(
          "--longer-than",
          [&request](const std::string& time) { request["longer_than"] = seconds_from(time); },
          "TIME in its state, or longer: 2s, 500ms, 1m")
      ->check([](const std::string& time) {
        return seconds_from(time).is_null() ? fmt::format("'{}' is no time", time) : "";
      });
  add_flag<std::string>(tasks, request, "--sort", "sort",
                        "waited (time in its state), cpu or age: the largest first");
  add_flag<std::uint64_t>(tasks, request, "--limit", "limit",
                          fmt::format("So many of each worker (default {})", kTasksShown).c_str());
  add_flag<std::uint64_t>(tasks, request, "--stack", "stack", "Where the task of this id is");
  tasks.parse_complete_callback([&request] { request.emplace("limit", kTasksShown); });
}

void add_worker(CLI::App& app, json::object& request) {
  CLI::App& worker = add(app, request, "command", "worker", "Web workers: one more, one fewer");
  worker.require_subcommand(1);
  add(worker, request, "action", "add", "One web worker more");
  add(worker, request, "action", "remove", "One web worker fewer");
  CLI::App& kill = add(worker, request, "action", "kill", "Replace a worker");
  kill.add_option_function<int>(
          "pid", [&request](int pid) { request["pid"] = pid; }, "The worker's process")
      ->required();
}

}  // namespace

int run_ctl(std::string_view program, int argc, char** argv) {
  std::string socket = "var/control.sock";
  bool as_json = false;
  json::object request;
  CLI::App app("Look at a running server and steer it, through its control socket.",
               fmt::format("{} ctl", program));
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("-s,--socket", socket, "The server's --control-socket")->capture_default_str();
  app.add_flag("-j,--json", as_json, "Print JSON");
  app.footer("Exit status: 0 done, 1 the server refused or is away, 2 not understood.");
  add_show(app, request);
  add_worker(app, request);
  add(app, request, "command", "reload", "Read the settings anew, as HUP");
  add(app, request, "command", "reopen", "Open the log files anew, as USR1");
  add(app, request, "command", "rotate-session-key",
      "Sign new sessions with a new key; twice ends all older ones");
  add(app, request, "command", "shutdown", "Stop, as TERM or QUIT")
      .add_option_function<std::string>(
          "mode", [&request](const std::string& mode) { request["mode"] = mode; },
          "graceful (the default) or quick")
      ->check(CLI::IsMember({"graceful", "quick"}));
  if (const auto status = command_line::parse(app, argc, argv)) return *status;

  const auto answer = control_request(socket, json::serialize(request), Deadline::after(kPatience));
  if (!answer) {
    std::fputs(fmt::format("{}: {}\n", app.get_name(), answer.error().message()).c_str(), stderr);
    return kExitFailure;
  }
  if (as_json) {
    std::cout << *answer << '\n';
  } else {
    const json::value* what = request.if_contains("what");
    print_answer(json::parse(*answer), what != nullptr ? what->as_string() : "");
  }
  return kExitOk;
}

}  // namespace saola::server
