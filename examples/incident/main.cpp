// incident: the service that froze, and what became of the freeze.
//
//   incident [--executor fiber|thread] [--worker-class green|threads|sync]
//            [--on-stall rescue|report|ignore|abort] [any flag of a Saola server]
//       serves on 127.0.0.1:8000: POST /split, GET /ping, GET /timeline
//   incident --drive [--all] [--json] [--timeline FILE] [--task-seconds S] [the flags above]
//       starts the service, fires five tasks at it, pings it every 10 ms until they are done, and
//       prints how it answered. --all: every combination, Debian's Gunicorn too, and a drawing.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <fmt/core.h>

#include "drive.hpp"
#include "service.hpp"

namespace {

constexpr const char* kUsage =
    "usage: incident [--executor fiber|thread] [--worker-class green|threads|sync]\n"
    "                [--on-stall rescue|report|ignore|abort]        serve (more flags: --help)\n"
    "       incident --drive [--all] [--json] [--timeline FILE.svg] [--task-seconds SECONDS]\n"
    "                [--second-round] [--executor E] [--worker-class W] [--on-stall S]\n";

bool one_of(std::string_view text, std::initializer_list<std::string_view> choices) {
  for (const std::string_view choice : choices) {
    if (text == choice) return true;
  }
  return false;
}

// The name by which results are filed; Gunicorn's names are accepted.
std::string_view worker_class(std::string_view text) {
  if (one_of(text, {"gevent", "eventlet"})) return "green";
  if (text == "gthread") return "threads";
  return text;
}

std::optional<incident::DriveOptions> parse(int argc, char** argv) {
  incident::DriveOptions options;
  for (int i = 1; i < argc; ++i) {
    std::string_view flag = argv[i];
    if (flag == "--drive") continue;
    if (flag == "--all") {
      options.all = true;
      continue;
    }
    if (flag == "--json") {
      options.json = true;
      continue;
    }
    if (flag == "--second-round") {
      options.second_round = true;
      continue;
    }
    std::string_view value;
    if (const auto equals = flag.find('='); equals != std::string_view::npos) {
      value = flag.substr(equals + 1);
      flag = flag.substr(0, equals);
    } else if (i + 1 < argc) {
      value = argv[++i];
    }
    incident::Combination& one = options.combination;
    if (flag == "--executor" && one_of(value, {"fiber", "thread"})) {
      one.executor = value;
    } else if (flag == "--worker-class" &&
               one_of(worker_class(value), {"green", "threads", "sync"})) {
      one.worker_class = worker_class(value);
    } else if (flag == "--on-stall" && one_of(value, {"rescue", "report", "ignore", "abort"})) {
      one.on_stall = value;
    } else if (flag == "--timeline" && !value.empty()) {
      options.timeline = value;
    } else if (flag == "--task-seconds" && std::atof(std::string(value).c_str()) > 0) {
      options.task_seconds = std::atof(std::string(value).c_str());
    } else {
      fmt::print(stderr, "incident: {} {} is not understood\n{}", flag, value, kUsage);
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  bool driving = false;
  for (int i = 1; i < argc; ++i) driving = driving || std::string_view(argv[i]) == "--drive";
  if (!driving) return incident::serve(argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (!one_of(argv[i], {"--help", "-h"})) continue;
    fmt::print("{}", kUsage);
    return 0;
  }
  const auto options = parse(argc, argv);
  return options ? incident::drive(*options) : 2;
}
