#include "split_command.hpp"

#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/error.hpp>
#include <saola/base/text.hpp>
#include <saola/jobs_client/commands.hpp>

namespace saola::split_service {
namespace {

namespace json = boost::json;

using jobs_client::plain;

struct Flags {
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
};

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

const json::value& member_of(const json::value& document, std::string_view name) {
  static const json::value kNothing;
  const json::object* object = document.if_object();
  const json::value* member = object == nullptr ? nullptr : object->if_contains(name);
  return member == nullptr ? kNothing : *member;
}

// The member as text; empty when it is absent or null.
std::string text_of(const json::value& document, std::string_view name) {
  const json::value& member = member_of(document, name);
  if (member.is_null()) return {};
  return member.is_string() ? std::string(member.as_string()) : json::serialize(member);
}

double number_of(const json::value& document, std::string_view name) {
  const json::value& member = member_of(document, name);
  return member.is_number() ? member.to_number<double>() : 0;
}

std::string padded(const std::string& text, std::size_t width) {
  const std::size_t has = character_count(text);
  return has < width ? text + std::string(width - has, ' ') : text;
}

// The group sizes, the balance table and where the results are.
std::string result_text(const json::value& result) {
  std::string out;
  const json::value& groups = member_of(result, "groups");
  if (groups.is_object()) {
    for (const auto& group : groups.as_object()) {
      out += fmt::format("group {}: {} rows\n", plain(std::string(group.key())),
                         json::serialize(group.value()));
    }
  }
  const json::value& balance = member_of(result, "balance");
  if (balance.is_array() && !balance.as_array().empty()) {
    std::size_t width = 6;
    for (const json::value& column : balance.as_array()) {
      width = std::max(width, character_count(plain(text_of(column, "column"))));
    }
    out += "\nlargest difference between group means, in standard deviations:\n";
    out += fmt::format("{}  random split  this split\n", padded("column", width));
    for (const json::value& column : balance.as_array()) {
      out +=
          fmt::format("{}  {:12.4f}  {:10.4f}\n", padded(plain(text_of(column, "column")), width),
                      number_of(column, "smd_before"), number_of(column, "smd_after"));
    }
  }
  if (const json::value& warnings = member_of(result, "warnings"); warnings.is_array()) {
    for (const json::value& warning : warnings.as_array()) {
      if (warning.is_string()) {
        out += fmt::format("\nnote: {}\n", plain(std::string(warning.as_string())));
      }
    }
  }
  out += fmt::format("\nassignment  {}\nreport      {}\n", plain(text_of(result, "assignment")),
                     plain(text_of(result, "report")));
  return out;
}

}  // namespace

int run_submit(int argc, char** argv) {
  Flags flags;
  jobs_client::Submission how{.program = "split-service",
                              .url = "http://127.0.0.1:8000",
                              .path = "/split",
                              .result_text = result_text};
  bool no_wait = false;
  CLI::App app("Start a split, show its progress and print how alike the groups are.",
               "split-service submit");
  app.option_defaults()->always_capture_default(false);
  app.footer(std::string(jobs_client::kExitStatuses));
  app.add_option("--url", how.url, "Where the service is")
      ->capture_default_str()
      ->envname("SAOLA_URL");
  app.add_flag("--json", how.json, "Print JSON");
  app.add_option("source", flags.source, "s3://bucket/key of a CSV file");
  app.add_option("--request", flags.request_file,
                 "FILE with the JSON of POST /split (-: standard input); flags win over it");
  app.add_option("-g,--groups", flags.groups,
                 "2, or a,b,c, or a=0.5,b=0.5 (shares), or a=10,b=40 (sizes)");
  app.add_option("--id-column", flags.id_column, "Names each row; default: the first");
  app.add_option("--columns", flags.columns, "Numeric columns to balance; default: all")
      ->delimiter(',');
  app.add_option("--strata", flags.strata, "Categorical columns to spread evenly")->delimiter(',');
  app.add_option("--objective", flags.objective, "kplus, variance or diversity");
  app.add_option("--method", flags.method, "search, local-maximum or exchange");
  app.add_option("--restarts", flags.restarts, "Independent runs; the best is kept");
  app.add_option("--budget", flags.budget, "Seconds, after which the best so far is taken");
  app.add_option("--seed", flags.seed, "The same seed gives the same answer");
  app.add_option("--destination", flags.destination,
                 "s3://bucket/prefix/; default: out/ beside the source");
  app.add_option("--idempotency-key", how.idempotency_key, "Makes it safe to submit this again");
  app.add_flag("--no-wait", no_wait, "Print the job's id and return");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return static_cast<int>(app.exit(error) == 0 ? jobs_client::Exit::kOk
                                                 : jobs_client::Exit::kUsage);
  }
  how.wait = !no_wait;
  const auto request = request_of(flags);
  if (!request) {
    std::fputs(fmt::format("split-service: {}\n", request.error().message()).c_str(), stderr);
    return static_cast<int>(jobs_client::exit_of(request.error().code()));
  }
  return static_cast<int>(jobs_client::submit(how, *request));
}

}  // namespace saola::split_service
