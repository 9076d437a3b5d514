#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/command_line/parse.hpp>
#include <saola/jobs_client/api_client.hpp>
#include <saola/jobs_client/commands.hpp>

#include "job_printer.hpp"

namespace saola::jobs_client {
namespace {

namespace json = boost::json;

struct Flags {
  std::string program;
  ServiceFlags service;
  std::string id;
  std::string states;
  std::string kind;
  std::string queue;
  std::string cursor;
  std::optional<int> limit;
};

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

Exit report(std::string_view program, const Error& error) {
  std::fputs(fmt::format("{}: {}\n", program, error.message()).c_str(), stderr);
  return exit_of(error.code());
}

// For a path's segment or a query's value.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool safe = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    out += safe ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// While it lives, Ctrl-C sets `interrupted()` instead of ending the process; a second one ends it.
class InterruptWatch {
 public:
  InterruptWatch() {
    struct sigaction action{};
    action.sa_handler = [](int) { seen.store(true); };
    action.sa_flags = SA_RESETHAND;
    seen.store(false);
    ::sigaction(SIGINT, &action, &before_);
  }
  ~InterruptWatch() { ::sigaction(SIGINT, &before_, nullptr); }
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  static bool interrupted() { return seen.load(); }

 private:
  static inline std::atomic<bool> seen = false;
  static_assert(std::atomic<bool>::is_always_lock_free);
  struct sigaction before_{};
};

// Follows the job to its end and prints what became of it.
Exit follow(ApiClient& client, const Submission& how, const std::string& id) {
  Result<json::value> job = json::value();
  {
    const InterruptWatch interrupt;
    ProgressPrinter printer(::isatty(STDERR_FILENO) != 0);
    job = client.watch(id, {.see = [&](const json::value& now) { printer.show(now); },
                            .lost =
                                [&](const Error& why) {
                                  std::fputs(
                                      fmt::format("{}: {}; will keep retrying for half a minute\n",
                                                  how.program, why.message())
                                          .c_str(),
                                      stderr);
                                },
                            .give_up = InterruptWatch::interrupted});
  }
  if (!job && job.error().code() == ErrorCode::kCancelled) {
    const std::string where = how.service.url == ServiceFlags::kDefaultUrl
                                  ? ""
                                  : fmt::format(" --url {}", how.service.url);
    std::fputs(fmt::format("{0}: interrupted; job {1} goes on\n"
                           "  follow it: {0} jobs watch {1}{2}\n"
                           "  stop it:   {0} jobs cancel {1}{2}\n",
                           how.program, id, where)
                   .c_str(),
               stderr);
    return Exit::kInterrupted;
  }
  if (!job) return report(how.program, job.error());
  if (how.service.json) print(json::serialize(*job) + "\n");
  const json::object& end = job->as_object();
  const std::string state(end.at("state").as_string());
  if (state == "completed") {
    if (!how.service.json)
      print((how.result_text ? how.result_text : result_text)(end.at("result")));
    return Exit::kOk;
  }
  if (!how.service.json) print(job_text(*job));
  return state == "cancelled" ? Exit::kCancelled : Exit::kDiscarded;
}

Exit list_jobs(ApiClient& client, const Flags& flags) {
  std::string path = "/jobs?";
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) path += fmt::format("{}={}&", name, escaped(value));
  };
  add("state", flags.states);
  add("kind", flags.kind);
  add("queue", flags.queue);
  add("cursor", flags.cursor);
  if (flags.limit) add("limit", std::to_string(*flags.limit));
  path.pop_back();
  const auto page = client.get(path);
  if (!page) return report(flags.program, page.error());
  if (flags.service.json) {
    print(json::serialize(*page) + "\n");
    return Exit::kOk;
  }
  print(job_table(*page));
  const json::object& object = page->as_object();
  const json::value* next = object.if_contains("next_cursor");
  if (next != nullptr && next->is_string()) {
    print(fmt::format("more: {} jobs list --cursor {}\n", flags.program,
                      std::string_view(next->as_string())));
  }
  return Exit::kOk;
}

Exit show_answer(const Flags& flags, const Result<json::value>& job) {
  if (!job) return report(flags.program, job.error());
  if (flags.service.json) {
    print(json::serialize(*job) + "\n");
    return Exit::kOk;
  }
  print(job_text(*job));
  const json::object* object = job->if_object();
  const json::value* result = object == nullptr ? nullptr : object->if_contains("result");
  if (result != nullptr && !result->is_null()) print("\n" + result_text(*result));
  return Exit::kOk;
}

std::vector<std::string> headers_of(const JobFlags& job) {
  std::vector<std::string> headers;
  if (!job.idempotency_key.empty()) headers.push_back("Idempotency-Key: " + job.idempotency_key);
  if (!job.queue.empty()) headers.push_back("Job-Queue: " + job.queue);
  if (job.priority) headers.push_back(fmt::format("Job-Priority: {}", *job.priority));
  if (job.timeout) headers.push_back(fmt::format("Job-Timeout: {}", *job.timeout));
  return headers;
}

Result<json::value> read_request(const std::string& path) {
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(ErrorCode::kInvalidArgument, "--request: {} cannot be read", path);
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  boost::system::error_code bad;
  json::value request = json::parse(text, bad);
  if (bad || !request.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "--request: {} holds no JSON object", path);
  }
  return request;
}

}  // namespace

Exit exit_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kTooLarge:
    case ErrorCode::kUnsupported:
      return Exit::kUsage;
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimedOut:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kClosed:
      return Exit::kUnreachable;
    case ErrorCode::kNotFound:
      return Exit::kNotFound;
    case ErrorCode::kConflict:
    case ErrorCode::kAlreadyExists:
      return Exit::kConflict;
    case ErrorCode::kCancelled:
      return Exit::kCancelled;
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kDataCorrupt:
    case ErrorCode::kInternal:
      return Exit::kFailed;
  }
  std::unreachable();
}

void add_job_flags(CLI::App& app, JobFlags& into) {
  app.add_option("--idempotency-key", into.idempotency_key, "Makes it safe to submit this again");
  app.add_option("--priority", into.priority, "The larger runs first (-1000 to 1000)");
  app.add_option("--queue", into.queue, "The queue to wait in, one that the service serves");
  app.add_option("--timeout", into.timeout, "Seconds that an attempt may take");
}

Exit submit(const Submission& submission, const json::value& request) {
  auto token = submission.service.find_token();
  if (!token) return report(submission.program, token.error());
  ApiClient client(submission.service.url, *std::move(token));
  const auto accepted = client.post(submission.path, request, headers_of(submission.job));
  if (!accepted) return report(submission.program, accepted.error());
  const json::object* object = accepted->if_object();
  const json::value* id_member = object == nullptr ? nullptr : object->if_contains("id");
  if (id_member == nullptr || !id_member->is_string()) {
    return report(
        submission.program,
        Error(ErrorCode::kInternal, fmt::format("POST {} started no job; it answered {}",
                                                submission.path, json::serialize(*accepted))));
  }
  const std::string id(id_member->as_string());
  if (!submission.wait) {
    print(submission.service.json ? json::serialize(*accepted) + "\n" : id + "\n");
    return Exit::kOk;
  }
  if (!submission.service.json) std::fputs(fmt::format("job {}\n", id).c_str(), stderr);
  return follow(client, submission, id);
}

Result<std::string> upload(const ServiceFlags& service, const std::string& file) {
  auto token = service.find_token();
  if (!token) return fail(token);
  auto answer = ApiClient(service.url, *std::move(token)).post_file("/uploads", file);
  if (!answer) return fail(answer);
  const json::object* object = answer->if_object();
  const json::value* source = object == nullptr ? nullptr : object->if_contains("source");
  if (source == nullptr || !source->is_string()) {
    return fail(ErrorCode::kInternal, "POST /uploads did not say where the file is; it answered {}",
                json::serialize(*answer));
  }
  return std::string(source->as_string());
}

int run_submit(std::string_view program, int argc, char** argv) {
  Submission how{.program = std::string(program), .service = {}, .path = {}};
  std::string file;
  std::vector<std::string> fields;
  bool no_wait = false;
  CLI::App app("Start a job by POST to a route of the service, and wait for its end.",
               fmt::format("{} submit", program));
  how.service.add_to(app);
  app.add_option("path", how.path, "The route: /split")->required();
  app.add_option(
      "fields", fields,
      "NAME=VALUE of the JSON body; VALUE is JSON, or else a text; @FILE is uploaded and "
      "becomes its name in the service");
  app.add_option("--request", file, "FILE with the JSON body (-: standard input); fields win");
  add_job_flags(app, how.job);
  app.add_flag("--no-wait", no_wait, "Print the job's id and return");
  if (const auto status = command_line::parse(app, argc, argv)) return *status;
  how.wait = !no_wait;
  if (!how.path.starts_with('/')) how.path.insert(0, "/");
  json::value request = json::object();
  if (!file.empty()) {
    auto read = read_request(file);
    if (!read) return static_cast<int>(report(program, read.error()));
    request = *std::move(read);
  }
  for (const std::string& field : fields) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos || equals == 0) {
      return static_cast<int>(
          report(program, Error(ErrorCode::kInvalidArgument,
                                fmt::format("'{}' is not NAME=VALUE of the JSON body", field))));
    }
    const std::string text = field.substr(equals + 1);
    if (text.starts_with('@')) {
      auto name = upload(how.service, text.substr(1));
      if (!name) return static_cast<int>(report(program, name.error()));
      request.as_object()[field.substr(0, equals)] = *std::move(name);
      continue;
    }
    boost::system::error_code bad;
    json::value value = json::parse(text, bad);
    request.as_object()[field.substr(0, equals)] = bad ? json::value(text) : std::move(value);
  }
  return static_cast<int>(submit(how, request));
}

int run_jobs(std::string_view program, int argc, char** argv) {
  Flags flags{.program = std::string(program), .service = {}};
  CLI::App app("Look at the jobs of a service and steer them.", fmt::format("{} jobs", program));
  app.require_subcommand(1);
  app.fallthrough();
  flags.service.add_to(app);
  CLI::App* list = app.add_subcommand("list", "List jobs, newest first");
  list->add_option("--state", flags.states, "Only these states, separated by commas");
  list->add_option("--kind", flags.kind, "Only this kind");
  list->add_option("--queue", flags.queue, "Only those of this queue");
  list->add_option("--limit", flags.limit, "At most so many");
  list->add_option("--cursor", flags.cursor, "Where the page before ended");
  const auto add_with_id = [&](const char* name, const char* doc) {
    CLI::App* command = app.add_subcommand(name, doc);
    command->add_option("id", flags.id, "The job's id")->required();
    return command;
  };
  CLI::App* show = add_with_id("show", "Show a job");
  CLI::App* watch = add_with_id("watch", "Show a job's progress until it ends");
  CLI::App* cancel = add_with_id("cancel", "Stop a job");
  CLI::App* retry = add_with_id("retry", "Run a discarded or cancelled job again");
  if (const auto status = command_line::parse(app, argc, argv)) return *status;

  auto token = flags.service.find_token();
  if (!token) return static_cast<int>(report(program, token.error()));
  ApiClient client(flags.service.url, *std::move(token));
  const std::string path = "/jobs/" + escaped(flags.id);
  Exit exit = Exit::kOk;
  if (*list) {
    exit = list_jobs(client, flags);
  } else if (*show) {
    exit = show_answer(flags, client.get(path));
  } else if (*watch) {
    const Submission how{.program = flags.program, .service = flags.service, .path = {}};
    exit = follow(client, how, escaped(flags.id));
  } else if (*cancel) {
    exit = show_answer(flags, client.post(path + "/cancel", nullptr));
  } else if (*retry) {
    exit = show_answer(flags, client.post(path + "/retry", nullptr));
  }
  return static_cast<int>(exit);
}

}  // namespace saola::jobs_client
