#include "backup_command.hpp"

#include <cstdio>
#include <string>

#include <CLI/App.hpp>
#include <fmt/core.h>

#include <saola/command_line/parse.hpp>
#include <saola/jobs_sqlite/backup.hpp>
#include <saola/server/server.hpp>

namespace saola::service {
namespace {

struct Arguments {
  std::string store = "var/jobs.db";
  std::string file;
};

int run(int argc, char** argv, const char* doc, Result<void> (*act)(const Arguments&),
        const char* done) {
  CLI::App app(doc, argv[0]);
  Arguments arguments;
  app.add_option("--store", arguments.store,
                 "The job store's file: jobs.db in the server's state-dir");
  app.add_option("file", arguments.file, "The copy")->required();
  if (const auto status = command_line::parse(app, argc, argv)) return *status;
  if (auto ok = act(arguments); !ok) {
    std::fputs((ok.error().message() + "\n").c_str(), stderr);
    return server::kExitFailure;
  }
  std::fputs(fmt::format(fmt::runtime(done), arguments.store, arguments.file).c_str(), stdout);
  return server::kExitOk;
}

}  // namespace

int run_backup(int argc, char** argv) {
  return run(
      argc, argv, "Copies the job store to a new file; the service may go on.",
      [](const Arguments& a) { return jobs_sqlite::backup_sqlite_store(a.store, a.file); },
      "{} was copied to {}\n");
}

int run_restore(int argc, char** argv) {
  return run(
      argc, argv, "Puts a copy in the job store's place; stop the service first.",
      [](const Arguments& a) { return jobs_sqlite::restore_sqlite_store(a.file, a.store); },
      "{0} is what {1} holds; the store before it is {0}-replaced\n");
}

}  // namespace saola::service
