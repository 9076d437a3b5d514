#include "control/print_answer.hpp"

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "control/task_table.hpp"

namespace saola::server {
namespace json = boost::json;
namespace {

std::string cell(const json::value& value) {
  if (value.is_string()) return std::string(value.as_string());
  if (value.is_double()) return fmt::format("{:.3f}", value.as_double());
  return json::serialize(value);
}

// Rows of objects with the same keys.
void print_table(const json::array& rows) {
  std::vector<std::vector<std::string>> lines;
  for (const json::value& row : rows) {
    std::vector<std::string> line;
    std::vector<std::string> head;
    for (const auto& [key, value] : row.as_object()) {
      head.emplace_back(key);
      line.push_back(cell(value));
    }
    if (lines.empty()) lines.push_back(head);
    lines.push_back(line);
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      std::size_t width = 0;
      for (const auto& other : lines) width = std::max(width, other[i].size());
      text += fmt::format("{:<{}}  ", line[i], i + 1 < line.size() ? width : 0);
    }
    std::cout << text.substr(0, text.find_last_not_of(' ') + 1) << '\n';
  }
}

void print_object(const json::object& object) {
  for (const auto& [key, value] : object) {
    if (value.is_object()) {
      print_object(value.as_object());
    } else {
      std::cout << std::string(key) << ": " << cell(value) << '\n';
    }
  }
}

void print_frames(const json::value& frames) {
  for (const json::value& frame : frames.as_array()) {
    std::cout << "    " << (frame.is_object() ? cell(frame.at("symbol")) : cell(frame));
    if (frame.is_object() && !frame.at("file").as_string().empty()) {
      std::cout << " at " << cell(frame.at("file")) << ':' << frame.at("line");
    }
    std::cout << '\n';
  }
}

void print_stacks(const json::array& workers) {
  for (const json::value& worker : workers) {
    std::cout << cell(worker.at("worker")) << " pid " << worker.at("pid") << '\n';
    const json::value* threads = worker.as_object().if_contains("threads");
    if (threads == nullptr) {
      std::cout << "  " << cell(worker.at("error")) << '\n';
      continue;
    }
    for (const json::value& thread : threads->as_array()) {
      std::cout << "  thread " << thread.at("thread") << ' ' << cell(thread.at("name")) << " ("
                << cell(thread.at("state")) << ")\n";
      print_frames(thread.at("frames"));
    }
  }
}

void print_stalls(const json::array& stalls) {
  for (const json::value& stall : stalls) {
    std::cout << fmt::format("{} {} × {}: fiber {} from {} held the loop for up to {} ms ({})\n",
                             cell(stall.at("started")), cell(stall.at("count")),
                             cell(stall.at("action")), cell(stall.at("fiber")),
                             cell(stall.at("spawn_site")), cell(stall.at("longest_ms")),
                             cell(stall.at("verdict")));
    for (const char* key : {"subject", "why", "advice"}) {
      if (!stall.at(key).as_string().empty()) {
        std::cout << "  " << key << ": " << cell(stall.at(key)) << '\n';
      }
    }
    if (const json::value& waiters = stall.at("lock_waiters"); cell(waiters.at("tasks")) != "0") {
      std::cout << fmt::format("  lock: {} tasks waited for a lock it held, {} for {} ms\n",
                               cell(waiters.at("tasks")), cell(waiters.at("first")),
                               cell(waiters.at("longest_ms")));
    }
    print_frames(stall.at("stack"));
  }
}

void print_tasks(const json::array& workers) {
  const bool any_stack = std::ranges::any_of(
      workers, [](const json::value& worker) { return worker.as_object().contains("frames"); });
  for (const json::value& worker : workers) {
    const json::value* error = worker.as_object().if_contains("error");
    // Task numbers are of a process: the others have no such task.
    if (error != nullptr && any_stack) continue;
    std::cout << cell(worker.at("worker")) << " pid " << worker.at("pid");
    if (error != nullptr) {
      std::cout << ": " << cell(*error) << '\n';
    } else if (any_stack) {
      std::cout << " task " << worker.at("task") << '\n';
      print_frames(worker.at("frames"));
    } else {
      std::cout << task_table(worker.as_object());
    }
  }
}

void print_jobs(const json::value& jobs) {
  std::string counts;
  for (const auto& [state, count] : jobs.at("counts").as_object()) {
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", std::string(state), cell(count));
  }
  std::cout << counts << '\n';
  const json::array& running = jobs.at("running").as_array();
  if (!running.empty()) std::cout << '\n';
  print_table(running);
}

}  // namespace

void print_answer(const json::value& result, std::string_view what) {
  if (what == "config") {
    std::cout << cell(result.at("toml"));
  } else if (what == "stacks") {
    print_stacks(result.as_array());
  } else if (what == "tasks") {
    print_tasks(result.as_array());
  } else if (what == "jobs") {
    print_jobs(result);
  } else if (what == "stalls") {
    print_stalls(result.as_array());
  } else if (result.is_array()) {
    print_table(result.as_array());
  } else {
    print_object(result.as_object());
  }
}

}  // namespace saola::server
