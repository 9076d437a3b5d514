#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <iostream>
#include <vector>

#include <boost/json.hpp>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <saola/base/unique_fd.hpp>
#include <saola/server/control.hpp>

#include "control/task_table.hpp"

namespace saola::server {
namespace json = boost::json;
namespace {

constexpr const char* kUsage =
    "usage: saola ctl [-s SOCKET] [-j] COMMAND\n\n"
    "  show workers|config|stats|listeners|jobs|stalls|events\n"
    "  show stacks                  what every thread does\n"
    "  show tasks [FLAGS]           every fiber and native task, and what it waits for\n"
    "  worker add|remove|kill PID   one web worker more or fewer; replace one\n"
    "  reload                       read the settings anew, as HUP\n"
    "  reopen                       open the log files anew, as USR1\n"
    "  rotate-session-key           sign new sessions with a new key; twice ends all older ones\n"
    "  shutdown [graceful|quick]    as TERM or QUIT\n\n"
    "of show stacks and show tasks:\n"
    "  --worker WORKER       of this one only: \"web 1\", or its pid\n"
    "of show tasks:\n"
    "  --state STATE         ready, running, blocked, parked, offloaded or queued\n"
    "  --name TEXT           part of the name, of what it works on, or of where it was spawned\n"
    "  --longer-than TIME    in its state for so long: 2s, 500ms, 1m\n"
    "  --sort KEY            waited (time in its state), cpu or age: the largest first\n"
    "  --limit NUMBER        so many of each worker (default 100)\n"
    "  --stack ID            where this task is\n\n"
    "  -s, --socket SOCKET   the server's control socket (default var/control.sock)\n"
    "  -j, --json            print JSON\n";

// Of each worker, unless asked otherwise.
constexpr std::uint64_t kTasksShown = 100;

bool wait(int fd, short events, Deadline deadline) {
  pollfd polled{.fd = fd, .events = events};
  const auto ms = deadline.is_never()
                      ? -1
                      : std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining()).count();
  return ::poll(&polled, 1, static_cast<int>(ms)) > 0;
}

Result<unique_fd> connect_to(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) {
    return fail(ErrorCode::kInvalidArgument, "{} is too long for a socket's path", path);
  }
  std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    return fail(ErrorCode::kUnavailable,
                "no server answers at the control socket {} ({}): is it running, and is this its "
                "--control-socket?",
                path, std::strerror(errno));
  }
  return fd;
}

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

void print_result(const json::value& result, std::string_view what) {
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

// A flag of `show`, and the field of the request that it sets.
struct ShowFlag {
  std::string_view flag;
  std::string_view field;
  enum class Value { kText, kNumber, kTime } value;
  bool of_stacks = false;  // of show stacks too
};
constexpr ShowFlag kShowFlags[] = {
    {"--worker", "worker", ShowFlag::Value::kText, true},
    {"--state", "state", ShowFlag::Value::kText},
    {"--name", "name", ShowFlag::Value::kText},
    {"--longer-than", "longer_than", ShowFlag::Value::kTime},
    {"--sort", "sort", ShowFlag::Value::kText},
    {"--limit", "limit", ShowFlag::Value::kNumber},
    {"--stack", "stack", ShowFlag::Value::kNumber},
};

// The value of a flag, as the request has it; null when it is none.
json::value flag_value(const ShowFlag& flag, const std::string& text) {
  if (flag.value == ShowFlag::Value::kText) return text.empty() ? json::value() : json::value(text);
  if (flag.value == ShowFlag::Value::kTime) return seconds_from(text);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty()
             ? json::value(number)
             : json::value();
}

// Takes the flags of `show` out of `words` into `request`; false when a value is missing or wrong.
bool take_flags(std::vector<std::string>& words, json::object& request) {
  if (words.size() < 2 || words[0] != "show") return true;
  for (std::size_t i = 2; i < words.size();) {
    const std::string name = words[i].substr(0, words[i].find('='));
    const auto flag = std::ranges::find(kShowFlags, name, &ShowFlag::flag);
    if (flag == std::end(kShowFlags)) return true;
    if (words[1] != "tasks" && !(flag->of_stacks && words[1] == "stacks")) return true;
    const bool joined = name.size() < words[i].size();
    if (!joined && i + 1 == words.size()) return false;
    json::value value = flag_value(*flag, joined ? words[i].substr(name.size() + 1) : words[i + 1]);
    if (value.is_null()) return false;
    request[flag->field] = std::move(value);
    const auto at = words.begin() + static_cast<std::ptrdiff_t>(i);
    words.erase(at, at + (joined ? 1 : 2));
  }
  return true;
}

// The request the words ask for; nullopt when they are none.
std::optional<json::object> request_from(std::vector<std::string> words) {
  json::object request;
  if (!take_flags(words, request)) return std::nullopt;
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  request["command"] = word(0);
  if (word(0) == "show" && words.size() == 2) {
    request["what"] = word(1);
    if (word(1) == "tasks") request.emplace("limit", kTasksShown);
  } else if (word(0) == "worker" && (word(1) == "add" || word(1) == "remove") &&
             words.size() == 2) {
    request["action"] = word(1);
  } else if (word(0) == "worker" && word(1) == "kill" && words.size() == 3) {
    request["action"] = "kill";
    request["pid"] = std::atoi(word(2).c_str());
  } else if (word(0) == "shutdown" && words.size() <= 2 &&
             (word(1).empty() || word(1) == "graceful" || word(1) == "quick")) {
    request["mode"] = word(1) == "quick" ? "quick" : "graceful";
  } else if ((word(0) != "reload" && word(0) != "reopen" && word(0) != "rotate-session-key") ||
             words.size() != 1) {
    return std::nullopt;
  }
  return request;
}

}  // namespace

Result<std::string> control_request(const std::string& path, std::string_view request,
                                    Deadline deadline) {
  auto fd = connect_to(path);
  if (!fd) return fail(fd);
  std::string out = std::string(request) + '\n';
  while (!out.empty()) {
    const ssize_t sent = ::send(fd->get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) out.erase(0, static_cast<std::size_t>(sent));
    if (sent < 0 && (errno != EAGAIN || !wait(fd->get(), POLLOUT, deadline))) {
      return fail(ErrorCode::kUnavailable, "the server at {} does not take the request", path);
    }
  }
  std::string in;
  while (!in.ends_with('\n')) {
    if (!wait(fd->get(), POLLIN, deadline)) {
      return fail(ErrorCode::kTimedOut, "the server at {} does not answer in time", path);
    }
    char buffer[16384];
    const ssize_t got = ::recv(fd->get(), buffer, sizeof buffer, 0);
    if (got <= 0) return fail(ErrorCode::kClosed, "the server at {} closed the connection", path);
    in.append(buffer, static_cast<std::size_t>(got));
  }
  boost::system::error_code error;
  const json::value answer = json::parse(in, error);
  if (error || !answer.is_object() || !answer.as_object().contains("ok")) {
    return fail(ErrorCode::kDataCorrupt, "the server at {} answers nonsense", path);
  }
  if (!answer.at("ok").as_bool()) {
    return fail(ErrorCode::kConflict, "{}", std::string(answer.at("error").as_string()));
  }
  return json::serialize(answer.at("result"));
}

int run_ctl(int argc, char** argv) {
  std::string socket = "var/control.sock";
  bool as_json = false;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "-j" || argument == "--json") {
      as_json = true;
    } else if (argument.starts_with("--socket=")) {
      socket = argument.substr(9);
    } else if (argument.starts_with("-s") && argument.size() > 2) {
      socket = argument.substr(2);
    } else if ((argument == "-s" || argument == "--socket") && i + 1 < argc) {
      socket = argv[++i];
    } else if (argument == "-h" || argument == "--help") {
      std::cout << kUsage;
      return 0;
    } else {
      words.emplace_back(argument);
    }
  }
  const auto request = request_from(words);
  if (!request) {
    std::cerr << (words.empty() ? "" : fmt::format("not understood: {}\n", fmt::join(words, " ")))
              << kUsage;
    return 2;
  }
  const auto answer =
      control_request(socket, json::serialize(*request), Deadline::after(std::chrono::seconds(10)));
  if (!answer) {
    std::cerr << answer.error().message() << '\n';
    return 1;
  }
  if (as_json) {
    std::cout << *answer << '\n';
  } else {
    print_result(json::parse(*answer), words.size() > 1 ? words[1] : "");
  }
  return 0;
}

}  // namespace saola::server
