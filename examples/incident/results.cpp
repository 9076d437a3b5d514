#include "results.hpp"

#include <string>

#include <fmt/core.h>

namespace incident {
namespace {

std::string to_json(const Measured& run) {
  return fmt::format(
      R"({{"worker_class": "{}", "executor": "{}", "on_stall": "{}", "longest_silence_ms": {:.2f}, )"
      R"("p50_ms": {:.2f}, "p99_ms": {:.2f}, "longest_wait_ms": {:.2f}, "second_wait_ms": {:.2f}, )"
      R"("tasks_done": {}, "seconds": {:.2f}}})",
      run.combination.worker_class, run.combination.executor, run.combination.on_stall,
      run.longest_silence_ms, run.p50_ms, run.p99_ms, run.longest_wait_ms, run.second_wait_ms,
      run.tasks_done, run.seconds);
}

void print_json(const std::vector<Measured>& results, bool as_list) {
  std::string objects;
  for (const Measured& run : results) {
    if (run.failure.empty()) {
      objects += (objects.empty() ? "" : ",\n ") + to_json(run);
    } else {
      fmt::print(stderr, "incident: {} {} {}: {}\n", run.combination.worker_class,
                 run.combination.executor, run.combination.on_stall, run.failure);
    }
  }
  if (as_list) {
    fmt::print("[{}]\n", objects);
  } else if (!objects.empty()) {
    fmt::print("{}\n", objects);
  }
}

}  // namespace

void print_results(const std::vector<Measured>& results, const DriveOptions& options) {
  if (options.json) return print_json(results, options.all);
  fmt::print(
      "Five tasks of {} CPU seconds each in a pool of five; a ping every 10 ms; figures are of the "
      "time while tasks ran.\n\n",
      options.task_seconds);
  fmt::print("{:<17}{:<9}{:<9}{:>16}{:>10}{:>10}{:>7}{:>9}{:>13}\n", "worker class", "executor",
             "on stall", "longest silence", "p50", "p99", "tasks", "all", "idle p50");
  fmt::print("{:<17}{:<9}{:<9}{:>16}{:>10}{:>10}{:>7}{:>9}{:>13}\n", "", "", "", "ms", "ms", "ms",
             "done", "s", "ms");
  for (const Measured& run : results) {
    fmt::print("{:<17}{:<9}{:<9}", run.combination.worker_class, run.combination.executor,
               run.combination.on_stall);
    if (!run.failure.empty()) {
      fmt::print("  {}\n", run.failure);
      continue;
    }
    fmt::print("{:>16.1f}{:>10.2f}{:>10.2f}{:>7}{:>9.1f}{:>13.2f}{}\n", run.longest_silence_ms,
               run.p50_ms, run.p99_ms, run.tasks_done, run.seconds, run.idle_p50_ms,
               run.tasks_done < 5 ? "  tasks lost" : "");
  }
}

}  // namespace incident
