#include "commands.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/core.h>

#include "api_client.hpp"
#include "job_printer.hpp"
#include "version.hpp"

namespace saola::split_service {
namespace {

namespace json = boost::json;

struct Flags {
  std::string url = "http://127.0.0.1:8000";
  bool json_output = false;

  // submit
  std::string source;
  std::string request_file;
  std::string groups;
  std::string id_column;
  std::vector<std::string> columns;
  std::vector<std::string> strata;
  std::string objective;
  std::string method;
  std::optional<std::uint64_t> restarts;
  std::optional<double> budget;
  std::optional<std::uint64_t> seed;
  std::string destination;
  std::string key;
  bool no_wait = false;

  // jobs
  std::string id;
  std::string states;
  std::string kind;
  std::string cursor;
  std::optional<int> limit;
};

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

Exit report(const Error& error) {
  std::fputs(fmt::format("split-service: {}\n", error.message()).c_str(), stderr);
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

std::optional<double> as_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "3"; "a,b,c"; "a=0.5,b=0.5".
Result<json::value> parse_groups(const std::string& text) {
  if (const auto count = as_number(text)) return json::value(*count);
  json::array names;
  json::object weights;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t equals = word.rfind('=');
    if (equals == std::string::npos) {
      names.emplace_back(word);
      continue;
    }
    const auto weight = as_number(std::string_view(word).substr(equals + 1));
    if (!weight || weights.contains(word.substr(0, equals))) {
      return fail(ErrorCode::kInvalidArgument,
                  "--groups: '{}' is not NAME=SHARE or NAME=SIZE with a name of its own", word);
    }
    weights[word.substr(0, equals)] = *weight;
  }
  if (!names.empty() && !weights.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "--groups {}: give either names only, or a share or size for every name", text);
  }
  if (names.empty()) return json::value(std::move(weights));
  return json::value(std::move(names));
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

// The document to post: that of --request, with the other flags on top.
Result<json::value> request_of(const Flags& flags) {
  json::value document = json::object();
  if (!flags.request_file.empty()) {
    auto read = read_request(flags.request_file);
    if (!read) return read;
    document = *std::move(read);
  }
  json::object& request = document.as_object();
  const auto text = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) request[name] = value;
  };
  const auto list = [&](std::string_view name, const std::vector<std::string>& values) {
    if (!values.empty()) request[name] = json::array(values.begin(), values.end());
  };
  text("source", flags.source);
  if (!flags.groups.empty()) {
    auto groups = parse_groups(flags.groups);
    if (!groups) return groups;
    request["groups"] = *std::move(groups);
  }
  text("id_column", flags.id_column);
  list("columns", flags.columns);
  list("strata", flags.strata);
  text("objective", flags.objective);
  text("method", flags.method);
  if (flags.restarts) request["restarts"] = *flags.restarts;
  if (flags.budget) request["budget_seconds"] = *flags.budget;
  if (flags.seed) request["seed"] = *flags.seed;
  text("destination", flags.destination);
  return document;
}

// Follows the job to its end and prints what became of it.
Exit follow(ApiClient& client, const Flags& flags, const std::string& id) {
  Result<json::value> job = json::value();
  {
    ProgressPrinter printer(::isatty(STDERR_FILENO) != 0);
    job = client.watch(id, [&](const json::value& now) { printer.show(now); });
  }
  if (!job) return report(job.error());
  if (flags.json_output) print(json::serialize(*job) + "\n");
  const json::object& end = job->as_object();
  const std::string state(end.at("state").as_string());
  if (state == "completed") {
    if (!flags.json_output) print(result_text(end.at("result")));
    return Exit::kOk;
  }
  if (!flags.json_output) print(job_text(*job));
  return state == "cancelled" ? Exit::kCancelled : Exit::kDiscarded;
}

Exit submit(ApiClient& client, const Flags& flags) {
  const auto request = request_of(flags);
  if (!request) return report(request.error());
  std::vector<std::string> headers;
  if (!flags.key.empty()) headers.push_back("Idempotency-Key: " + flags.key);
  const auto accepted = client.post("/split", *request, headers);
  if (!accepted) return report(accepted.error());
  const std::string id(accepted->at("id").as_string());
  if (flags.no_wait) {
    print(flags.json_output ? json::serialize(*accepted) + "\n" : id + "\n");
    return Exit::kOk;
  }
  if (!flags.json_output) std::fputs(fmt::format("job {}\n", id).c_str(), stderr);
  return follow(client, flags, id);
}

Exit list_jobs(ApiClient& client, const Flags& flags) {
  std::string path = "/jobs?";
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) path += fmt::format("{}={}&", name, escaped(value));
  };
  add("state", flags.states);
  add("kind", flags.kind);
  add("cursor", flags.cursor);
  if (flags.limit) add("limit", std::to_string(*flags.limit));
  path.pop_back();
  const auto page = client.get(path);
  if (!page) return report(page.error());
  if (flags.json_output) {
    print(json::serialize(*page) + "\n");
    return Exit::kOk;
  }
  print(job_table(*page));
  const json::value& next = page->at("next_cursor");
  if (next.is_string()) {
    print(fmt::format("more: split-service jobs list --cursor {}\n",
                      std::string_view(next.as_string())));
  }
  return Exit::kOk;
}

Exit show_answer(const Flags& flags, const Result<json::value>& job) {
  if (!job) return report(job.error());
  if (flags.json_output) {
    print(json::serialize(*job) + "\n");
    return Exit::kOk;
  }
  print(job_text(*job));
  if (const json::value& result = job->at("result"); result.is_object()) {
    print("\n" + result_text(result));
  }
  return Exit::kOk;
}

void add_submit(CLI::App& app, Flags& flags, CLI::App*& command) {
  command = app.add_subcommand(
      "submit", "Start a split, show its progress and print how alike the groups are");
  command->add_option("source", flags.source, "s3://bucket/key of a CSV file");
  command->add_option("--request", flags.request_file,
                      "FILE with the JSON of POST /split (-: standard input); flags win over it");
  command->add_option("-g,--groups", flags.groups,
                      "2, or a,b,c, or a=0.5,b=0.5 (shares), or a=10,b=40 (sizes)");
  command->add_option("--id-column", flags.id_column, "Names each row; default: the first");
  command->add_option("--columns", flags.columns, "Numeric columns to balance; default: all")
      ->delimiter(',');
  command->add_option("--strata", flags.strata, "Categorical columns to spread evenly")
      ->delimiter(',');
  command->add_option("--objective", flags.objective, "kplus, variance or diversity");
  command->add_option("--method", flags.method, "search, local-maximum or exchange");
  command->add_option("--restarts", flags.restarts, "Independent runs; the best is kept");
  command->add_option("--budget", flags.budget, "Seconds, after which the best so far is taken");
  command->add_option("--seed", flags.seed, "The same seed gives the same answer");
  command->add_option("--destination", flags.destination,
                      "s3://bucket/prefix/; default: out/ beside the source");
  command->add_option("--idempotency-key", flags.key, "Makes it safe to submit this again");
  command->add_flag("--no-wait", flags.no_wait, "Print the job's id and return");
}

// The server's own parser takes `serve`; it stands here for --help.
constexpr const char* kServeHelp = "Run the service; see split-service serve --help";

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

int run_command(int argc, char** argv) {
  Flags flags;
  CLI::App app("Splits the rows of a table into groups as alike as possible.", "split-service");
  app.set_version_flag("--version", fmt::format("split-service {}", kVersion));
  app.require_subcommand(1);
  app.fallthrough();
  app.option_defaults()->always_capture_default(false);
  app.add_option("--url", flags.url, "Where the service is")->capture_default_str();
  app.add_flag("--json", flags.json_output, "Print JSON");
  app.add_subcommand("serve", kServeHelp);
  CLI::App* submit_command = nullptr;
  add_submit(app, flags, submit_command);
  CLI::App* jobs = app.add_subcommand("jobs", "Look at jobs and steer them");
  jobs->require_subcommand(1);
  jobs->fallthrough();
  CLI::App* list = jobs->add_subcommand("list", "List jobs, newest first");
  list->add_option("--state", flags.states, "Only these states, separated by commas");
  list->add_option("--kind", flags.kind, "Only this kind");
  list->add_option("--limit", flags.limit, "At most so many");
  list->add_option("--cursor", flags.cursor, "Where the page before ended");
  const auto add_with_id = [&](const char* name, const char* doc) {
    CLI::App* command = jobs->add_subcommand(name, doc);
    command->add_option("id", flags.id, "The job's id")->required();
    return command;
  };
  CLI::App* show = add_with_id("show", "Show a job");
  CLI::App* watch = add_with_id("watch", "Show a job's progress until it ends");
  CLI::App* cancel = add_with_id("cancel", "Stop a job");
  CLI::App* retry = add_with_id("retry", "Run a discarded or cancelled job again");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? static_cast<int>(Exit::kOk) : static_cast<int>(Exit::kUsage);
  }

  ApiClient client(flags.url);
  const std::string path = "/jobs/" + escaped(flags.id);
  Exit exit = Exit::kOk;
  if (*submit_command) {
    exit = submit(client, flags);
  } else if (*list) {
    exit = list_jobs(client, flags);
  } else if (*show) {
    exit = show_answer(flags, client.get(path));
  } else if (*watch) {
    exit = follow(client, flags, escaped(flags.id));
  } else if (*cancel) {
    exit = show_answer(flags, client.post(path + "/cancel", nullptr));
  } else if (*retry) {
    exit = show_answer(flags, client.post(path + "/retry", nullptr));
  }
  return static_cast<int>(exit);
}

}  // namespace saola::split_service
