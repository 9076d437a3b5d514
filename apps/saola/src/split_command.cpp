#include "split_command.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <CLI/App.hpp>
#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/command_line/parse.hpp>
#include <saola/split/split.hpp>
#include <saola/split_task/flags.hpp>
#include <saola/split_task/input.hpp>
#include <saola/split_task/request.hpp>
#include <saola/split_task/results.hpp>

namespace saola::tool {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace split_task;

constexpr int kFailed = 1;
constexpr int kInterrupted = 130;

// Set by Ctrl-C: the best so far is written then; a second one ends the process.
std::atomic<bool> interrupted = false;

void on_interrupt(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

// A line that is redrawn on a terminal; nothing elsewhere.
class Terminal final : public split::Observer {
 public:
  bool cancelled() override { return interrupted; }
  void progress(double fraction, std::string_view message) override {
    if (!terminal_) return;
    std::fputs(
        fmt::format("\r\x1b[?7l{:3.0f} % {}\x1b[K\x1b[?7h\r", 100 * fraction, message).c_str(),
        stderr);
    drawn_ = true;
  }
  void clear() {
    if (drawn_) std::fputs("\x1b[K", stderr);
    drawn_ = false;
  }

 private:
  const bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  bool drawn_ = false;
};

int report(const Error& error) {
  std::fputs(fmt::format("saola split: {}\n", error.message()).c_str(), stderr);
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kTooLarge:
    case ErrorCode::kUnsupported:
      return command_line::kNotUnderstood;
    default:
      return kFailed;
  }
}

Result<std::string> read_file(const std::string& path, std::uint64_t limit) {
  if (path == "-") {
    std::string bytes(std::istreambuf_iterator<char>(std::cin), {});
    return bytes;
  }
  std::error_code bad;
  const auto size = fs::file_size(path, bad);
  if (bad) return fail(ErrorCode::kNotFound, "{} cannot be read: {}", path, bad.message());
  if (size > limit) {
    return fail(ErrorCode::kTooLarge, "{} has {} bytes, the limit is {}", path, size, limit);
  }
  std::ifstream file(path, std::ios::binary);
  std::string bytes(size, '\0');
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    return fail(ErrorCode::kNotFound, "{} cannot be read", path);
  }
  return bytes;
}

// Whole or not at all: under another name first.
Result<void> write_file(const fs::path& path, std::string_view bytes) {
  const fs::path part = path.string() + ".part";
  std::ofstream file(part, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code bad;
  if (file) fs::rename(part, path, bad);
  if (!file || bad) {
    fs::remove(part, bad);
    return fail(ErrorCode::kPermissionDenied, "{} cannot be written", path.string());
  }
  return {};
}

struct Arguments {
  std::string file;
  std::string out;
  bool json_output = false;
  bool check = false;
};

Result<json::object> write_results(const Arguments& arguments, const SplitTask& task,
                                   const split::Table& table, const split::Outcome& outcome) {
  auto summary = summary_of(outcome);
  const fs::path folder = arguments.out.empty() ? fs::path(".") : fs::path(arguments.out);
  std::error_code bad;
  fs::create_directories(folder, bad);
  const auto files =
      result_files(table, outcome, task, fs::path(arguments.file).filename().string());
  if (!files) return fail(files);
  for (const auto& file : *files) {
    const auto stem = arguments.file == "-" ? std::string("table") : stem_of(arguments.file);
    const auto path = folder / fmt::format("{}{}", stem, file.ending);
    if (auto ok = write_file(path, file.bytes); !ok) return fail(ok);
    summary[file.role] = path.string();
  }
  return summary;
}

void print(const Arguments& arguments, const json::object& summary) {
  if (arguments.json_output) {
    std::cout << json::serialize(summary) << "\n";
    return;
  }
  std::cout << summary_text(summary);
}

int check(const Arguments& arguments, const TaskInput& input) {
  const auto preview = input.preview();
  if (!preview) return report(Error(preview.error()).wrap(arguments.file));
  const auto found = preview_json(input, *preview);
  std::cout << (arguments.json_output ? json::serialize(found) + "\n" : preview_text(found));
  return command_line::kDone;
}

int run(const Arguments& arguments, const json::object& request) {
  std::vector<http::FieldError> errors;
  auto task = parse_split_task(request, errors);
  if (!task) {
    for (const auto& error : errors) {
      std::fputs(fmt::format("saola split: {} {}\n", error.pointer, error.detail).c_str(), stderr);
    }
    return command_line::kNotUnderstood;
  }
  auto bytes = read_file(arguments.file, task->reading.limits.bytes);
  if (!bytes) return report(bytes.error());
  std::signal(SIGINT, on_interrupt);
  task->reading.poll = [](double) { return interrupted.load(); };
  const auto input = TaskInput::read(*std::move(bytes), *task);
  if (!input) return report(Error(input.error()).wrap(arguments.file));
  if (arguments.check) return check(arguments, *input);
  Terminal terminal;
  auto outcome = input->split(terminal, real_clock());
  terminal.clear();
  if (!outcome) return report(std::move(outcome).error().wrap(arguments.file));
  auto summary = write_results(arguments, *task, input->table(), *outcome);
  if (!summary) return report(summary.error());
  print(arguments, *summary);
  return interrupted ? kInterrupted : command_line::kDone;
}

}  // namespace

int run_split(int argc, char** argv) {
  CLI::App app("Splits the rows of a table into groups as alike as possible, on this machine.",
               "saola split");
  Arguments arguments;
  app.add_option("FILE", arguments.file,
                 "A CSV file or an Excel workbook, plain or compressed with gzip or zstd (-: "
                 "standard input)")
      ->required();
  app.add_option("-o,--out", arguments.out, "Folder for the results; default: the current one");
  app.add_flag("--json", arguments.json_output, "Print JSON");
  app.add_flag("--check", arguments.check,
               "Only print what was understood: columns, roles, missing values, groups");
  const TaskFlags flags(app);
  app.footer(
      "Exit status: 0 done, 1 failed, 2 not understood, 130 interrupted (the best answer so\n"
      "far is written). Without --groups the rows are split in two.");
  if (const auto status = command_line::parse(app, argc, argv)) return *status;
  auto request = flags.request();
  if (!request) return report(request.error());
  // `source` and `destination` of a request that was written for the service do not matter here.
  request->erase("source");
  request->erase("destination");
  if (!request->contains("groups")) (*request)["groups"] = 2;
  return run(arguments, *request);
}

}  // namespace saola::tool
