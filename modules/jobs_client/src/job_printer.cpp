#include "job_printer.hpp"

#include <algorithm>
#include <cstdio>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/text.hpp>
#include <saola/jobs_client/commands.hpp>

namespace saola::jobs_client {
namespace {

namespace json = boost::json;

constexpr int kBarWidth = 30;

// The member as text; empty when it is absent or null.
std::string text_of(const json::value& document, std::string_view name) {
  const json::object* object = document.if_object();
  const json::value* member = object == nullptr ? nullptr : object->if_contains(name);
  if (member == nullptr || member->is_null()) return {};
  return member->is_string() ? std::string(member->as_string()) : json::serialize(*member);
}

double number_of(const json::value& document, std::string_view name) {
  const json::object* object = document.if_object();
  const json::value* member = object == nullptr ? nullptr : object->if_contains(name);
  return member != nullptr && member->is_number() ? member->to_number<double>() : 0;
}

const json::value& member_of(const json::value& document, std::string_view name) {
  static const json::value kNothing;
  const json::object* object = document.if_object();
  const json::value* member = object == nullptr ? nullptr : object->if_contains(name);
  return member == nullptr ? kNothing : *member;
}

std::string padded(const std::string& text, std::size_t width) {
  // One column per character, which is right for most.
  const std::size_t has = character_count(text);
  return has < width ? text + std::string(width - has, ' ') : text;
}

std::string what_of(const json::value& job) {
  std::string what = text_of(job, "error");
  if (what.empty()) what = text_of(member_of(job, "progress"), "message");
  const json::value& position = member_of(job, "position");
  if (position.is_object() && what.empty()) {
    const double ahead = number_of(position, "ahead");
    what = ahead == 0 ? "next in line" : fmt::format("{} jobs go first", ahead);
  }
  const std::string state = text_of(job, "state");
  return plain(what.empty() ? state : state + ": " + what);
}

}  // namespace

std::string plain(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

std::string progress_line(const json::value& job, int width) {
  const double fraction = std::clamp(number_of(member_of(job, "progress"), "fraction"), 0.0, 1.0);
  const auto full = static_cast<std::size_t>(fraction * width);
  return fmt::format("[{}{}] {:3.0f} % {}", std::string(full, '#'),
                     std::string(static_cast<std::size_t>(width) - full, '.'), fraction * 100,
                     what_of(job));
}

void ProgressPrinter::show(const json::value& job) {
  const std::string line = progress_line(job, kBarWidth);
  if (line == last_) return;
  last_ = line;
  if (terminal_) {
    // The line, without wrapping, nothing behind it, and back to its start: what others write on
    // this terminal meanwhile goes over it.
    std::fputs(fmt::format("\r\x1b[?7l{}\x1b[K\x1b[?7h\r", line).c_str(), stderr);
    drawn_ = true;
  } else {
    std::fputs((line + "\n").c_str(), stderr);
  }
  std::fflush(stderr);
}

ProgressPrinter::~ProgressPrinter() {
  if (drawn_) std::fputs("\n", stderr);
}

namespace {

std::string shortened(std::string text) {
  constexpr std::size_t kEnough = 200;
  return text.size() <= kEnough ? text : std::string(utf8_prefix(text, kEnough)) + "…";
}

}  // namespace

std::string job_text(const json::value& job) {
  std::string out;
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("{:<13}{}\n", name, plain(value));
  };
  line("id", text_of(job, "id"));
  line("kind", text_of(job, "kind"));
  line("state", text_of(job, "state") +
                    (text_of(job, "cancel_requested") == "true" ? " (asked to stop)" : ""));
  line("queue", text_of(job, "queue"));
  line("priority", text_of(job, "priority"));
  const json::object* members = job.if_object();
  const json::value* limit = members ? members->if_contains("timeout_seconds") : nullptr;
  if (limit != nullptr && limit->is_number()) {
    line("time limit", fmt::format("{:g} s an attempt", limit->to_number<double>()));
  }
  line("attempt", text_of(job, "attempt"));
  line("failed",
       fmt::format("{} of {} attempts", text_of(job, "failures"), text_of(job, "max_attempts")));
  line("interrupted", text_of(job, "interruptions"));
  line("progress", progress_line(job, kBarWidth));
  line("request", shortened(text_of(job, "request")));
  line("created", text_of(job, "created_at"));
  line("started", text_of(job, "started_at"));
  line("finished", text_of(job, "finished_at"));
  line("error", text_of(job, "error"));
  return out;
}

std::string result_text(const json::value& result) {
  const json::object* object = result.if_object();
  if (object == nullptr) return plain(json::serialize(result)) + '\n';
  std::size_t width = 0;
  for (const auto& member : *object)
    width = std::max(width, character_count(plain(std::string(member.key()))));
  std::string out;
  for (const auto& member : *object) {
    out += fmt::format("{}  {}\n", padded(plain(std::string(member.key())), width),
                       plain(text_of(result, member.key())));
  }
  return out;
}

std::string job_table(const json::value& page) {
  std::string out =
      fmt::format("{:<36}  {:<9}  {:>5}  {:<24}  {}\n", "ID", "STATE", "DONE", "CREATED", "WHAT");
  const json::value& jobs = member_of(page, "jobs");
  if (!jobs.is_array()) return out;
  for (const json::value& job : jobs.as_array()) {
    std::string what = text_of(job, "error");
    if (what.empty()) what = text_of(member_of(job, "progress"), "message");
    out +=
        fmt::format("{:<36}  {:<9}  {:>3.0f} %  {:<24}  {}\n", text_of(job, "id"),
                    text_of(job, "state"), number_of(member_of(job, "progress"), "fraction") * 100,
                    text_of(job, "created_at"), plain(what));
  }
  return out;
}

}  // namespace saola::jobs_client
