#include "split_command.hpp"

#include <cstdio>
#include <string>

#include <CLI/App.hpp>
#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/command_line/parse.hpp>
#include <saola/jobs_client/commands.hpp>
#include <saola/split_task/flags.hpp>
#include <saola/split_task/results.hpp>

namespace saola::split_service {

using namespace split_task;  // NOLINT(google-build-using-namespace): a program, not a library

int run_submit(int argc, char** argv) {
  std::string source;
  std::string destination;
  jobs_client::Submission how;
  how.program = "split-service";
  how.path = "/split";
  how.result_text = [](const boost::json::value& result) {
    return summary_text(result.as_object());
  };
  bool no_wait = false;
  CLI::App app("Start a split, show its progress and print how alike the groups are.",
               "split-service submit");
  how.service.add_to(app);
  app.add_option(
      "source", source,
      "s3://bucket/key of a CSV file or an Excel workbook, or a local file, which is uploaded "
      "first");
  bool check = false;
  app.add_flag("--check", check,
               "Only print what was understood: columns, roles, missing values, groups");
  const TaskFlags flags(app);
  app.add_option("--destination", destination,
                 "s3://bucket/prefix/; default: out/ beside the source");
  jobs_client::add_job_flags(app, how.job);
  app.add_flag("--no-wait", no_wait, "Print the job's id and return");
  if (const auto status = command_line::parse(app, argc, argv)) return *status;
  how.wait = !no_wait;
  auto request = flags.request();
  if (!request) {
    std::fputs(fmt::format("split-service: {}\n", request.error().message()).c_str(), stderr);
    return static_cast<int>(jobs_client::exit_of(request.error().code()));
  }
  if (!source.empty() && !source.starts_with("s3://")) {
    auto uploaded = jobs_client::upload(how.service, source);
    if (!uploaded) {
      std::fputs(fmt::format("split-service: {}\n", uploaded.error().message()).c_str(), stderr);
      return static_cast<int>(jobs_client::exit_of(uploaded.error().code()));
    }
    source = *std::move(uploaded);
  }
  if (!source.empty()) (*request)["source"] = source;
  if (check) {
    how.path = "/split/check";
    how.result_text = [](const boost::json::value& result) {
      return preview_text(result.as_object());
    };
  }
  if (!destination.empty()) (*request)["destination"] = destination;
  return static_cast<int>(jobs_client::submit(how, *request));
}

}  // namespace saola::split_service
