#include "control/task_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include <fmt/core.h>

namespace saola::server {
namespace json = boost::json;
namespace {

std::string text_of(const json::value& value) {
  return std::string(value.as_string());
}

// "-", "532 µs", "12 ms", "3.2 s", "4.5 min", "2.0 h", "3.1 d".
std::string short_time(const json::value& value) {
  if (value.is_null()) return "-";
  const double seconds = value.to_number<double>();
  const double size = std::abs(seconds);
  if (size < 1e-3) return fmt::format("{:.0f} µs", seconds * 1e6);
  if (size < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (size < 120) return fmt::format("{:.1f} s", seconds);
  if (size < 2 * 3600) return fmt::format("{:.1f} min", seconds / 60);
  if (size < 2 * 86'400) return fmt::format("{:.1f} h", seconds / 3600);
  return fmt::format("{:.1f} d", seconds / 86'400);
}

// "split: GET /split", or where an unnamed task was spawned.
std::string who(const json::object& task) {
  std::string name = text_of(task.at("name"));
  if (name.empty()) name = text_of(task.at("kind"));
  const std::string activity = text_of(task.at("activity"));
  return activity.empty() ? name : name + ": " + activity;
}

// What it waits for, and what else is to be known.
std::string remarks(const json::object& task) {
  std::vector<std::string> all;
  if (const json::value& wait = task.at("waits_for"); !wait.is_null()) {
    all.push_back(text_of(wait.at("text")));
  }
  if (const json::value& left = task.at("deadline_in_seconds"); !left.is_null()) {
    const bool passed = left.to_number<double>() < 0;
    all.push_back(passed ? "deadline passed" : "deadline in " + short_time(left));
  }
  if (task.at("cancel_requested").as_bool()) all.emplace_back("cancelled");
  if (task.at("exiled").as_bool()) all.emplace_back("exiled");
  if (text_of(task.at("priority")) != "normal") {
    all.push_back(text_of(task.at("priority")) + " priority");
  }
  if (const auto locks = task.at("locks_held").to_number<std::uint64_t>(); locks != 0) {
    all.push_back(fmt::format("holds {} lock{}", locks, locks == 1 ? "" : "s"));
  }
  std::string text;
  for (const std::string& remark : all) text += text.empty() ? remark : ", " + remark;
  return text;
}

// Characters, not bytes: "µ" is one.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

constexpr std::size_t kColumns = 8;
using Row = std::array<std::string, kColumns>;

}  // namespace

std::string task_table(const json::object& worker) {
  const json::array& tasks = worker.at("tasks").as_array();
  const auto total = worker.at("total").to_number<std::uint64_t>();
  const auto matching = worker.at("matching").to_number<std::uint64_t>();
  std::string text = fmt::format(": {} task{}", total, total == 1 ? "" : "s");
  const char* between = ": ";
  for (const auto& [state, count] : worker.at("by_state").as_object()) {
    if (count.to_number<std::uint64_t>() == 0) continue;
    text += fmt::format("{}{} {}", between, json::serialize(count), std::string(state));
    between = ", ";
  }
  if (matching != total) text += fmt::format("; {} match", matching);
  if (tasks.size() != matching) text += fmt::format("; {} shown", tasks.size());
  text += '\n';
  if (tasks.empty()) return text;

  std::vector<Row> rows{{"id", "state", "for", "cpu", "age", "place", "name", "waits for"}};
  for (const json::value& value : tasks) {
    const json::object& task = value.as_object();
    rows.push_back({json::serialize(task.at("id")), text_of(task.at("state")),
                    short_time(task.at("seconds_in_state")), short_time(task.at("cpu_seconds")),
                    short_time(task.at("age_seconds")), text_of(task.at("place")), who(task),
                    remarks(task)});
  }
  constexpr std::size_t kWidest = 48;  // a long name moves its own row only
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < kColumns; ++i) {
      widths[i] = std::max(widths[i], std::min(width_of(row[i]), kWidest));
    }
  }
  for (const Row& row : rows) {
    std::string line = "  ";
    for (std::size_t i = 0; i < kColumns; ++i) {
      line += row[i];
      line.append(widths[i] > width_of(row[i]) ? widths[i] - width_of(row[i]) : 0, ' ');
      line += "  ";
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

json::value seconds_from(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !(number >= 0)) return nullptr;
  const std::string_view unit(end, text.data() + text.size());
  if (unit.empty() || unit == "s") return number;
  if (unit == "ms") return number / 1e3;
  if (unit == "m") return number * 60;
  if (unit == "h") return number * 3600;
  return nullptr;
}

}  // namespace saola::server
