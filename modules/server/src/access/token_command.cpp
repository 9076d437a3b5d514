#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/core.h>

#include <saola/base/unique_fd.hpp>
#include <saola/command_line/parse.hpp>
#include <saola/server/server.hpp>
#include <saola/server/token.hpp>

#include "access/tokens.hpp"

namespace saola::server {
namespace {

Result<void> append(const std::string& path, const std::string& line) {
  const unique_fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  std::string text = line + '\n';
  struct stat info{};
  char last = '\n';
  if (file && ::fstat(file.get(), &info) == 0 && info.st_size > 0 &&
      ::pread(file.get(), &last, 1, info.st_size - 1) == 1 && last != '\n') {
    text.insert(0, "\n");
  }
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return fail(errno_error(errno, fmt::format("--file {}", path)));
  }
  return {};
}

int complain(std::string_view program, const Error& error, int status) {
  std::fputs(fmt::format("{}: {}\n", program, error.message()).c_str(), stderr);
  return status;
}

}  // namespace

int run_token(std::string_view program, int argc, char** argv) {
  std::string name;
  std::string role = "submit";
  std::string file;
  CLI::App app("API tokens, by which callers show who they are.", fmt::format("{} token", program));
  app.require_subcommand(1);
  CLI::App* make = app.add_subcommand("new", "Make a token");
  make->add_option("name", name, "Whom it is for")->required();
  make->add_option(
          "--role", role,
          "read: look at everything; submit: start jobs too; operate: cancel and retry too")
      ->check(CLI::IsMember({"read", "submit", "operate"}))
      ->capture_default_str();
  make->add_option("--file", file,
                   "FILE to add the server's line to, made for this user alone when it is missing");
  app.footer(
      "Prints the token, this once, and the line for the file of the server's\n"
      "--auth-tokens-file (or SAOLA_AUTH_TOKENS), unless --file takes that. The server reads\n"
      "the file at its start and when it is reloaded. Without its line a token is none.");
  if (const auto status = command_line::parse(app, argc, argv)) return *status;

  const auto made = make_token(name, *http::parse_role(role));
  if (!made) return complain(program, made.error(), kExitBadSettings);
  if (!file.empty()) {
    if (auto added = append(file, made->token.line()); !added) {
      return complain(program, added.error(), kExitFailure);
    }
    std::fputs(fmt::format("{}\n", made->text).c_str(), stdout);
    return kExitOk;
  }
  std::fputs(fmt::format("{}\n{}\n", made->text, made->token.line()).c_str(), stdout);
  std::fputs(
      "The first line is the token: it is shown only now. The second one goes into the file "
      "of --auth-tokens-file; reload the server then.\n",
      stderr);
  return kExitOk;
}

}  // namespace saola::server
