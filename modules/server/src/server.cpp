#include <cstdio>
#include <cstdlib>
#include <iostream>

#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/base/open_files.hpp>
#include <saola/server/server.hpp>

#include "arbiter/arbiter.hpp"
#include "arbiter/reload.hpp"
#include "fleet/start_check.hpp"
#include "log/process_log.hpp"
#include "process/child_boot.hpp"
#include "process/privileges.hpp"
#include "worker/report.hpp"
#include "worker/task_worker.hpp"
#include "worker/web_worker.hpp"
#include "worker/worker_process.hpp"

namespace saola::server {
namespace {

int run_child(const ServerDefinition& definition, int boot_fd) {
  auto boot = read_boot(boot_fd);
  if (!boot) {
    log_error(boot.error().message());
    return kExitFailure;
  }
  if (boot->role == Role::kReport) return run_report(definition, std::move(*boot));
  auto process = WorkerProcess::create(definition, std::move(*boot));
  if (!process) {
    log_error(process.error().message());
    return kExitBootFailed;
  }
  switch ((*process)->boot().role) {
    case Role::kWeb:
      return run_web_worker(definition, **process);
    case Role::kTask:
      return run_task_worker(definition, **process);
    case Role::kManagement:
      return run_management(definition, **process);
    case Role::kReport:
      break;
  }
  std::unreachable();
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kWeb:
      return "web";
    case Role::kTask:
      return "task";
    case Role::kManagement:
      return "management";
    case Role::kReport:
      return "report";
  }
  std::unreachable();
}

int run(const ServerDefinition& definition, int argc, char** argv) {
  raise_open_files_limit();
  if (const char* boot = std::getenv(kChildVariable)) {
    const int fd = std::atoi(boot);
    ::unsetenv(kChildVariable);
    return run_child(definition, fd);
  }
  std::vector<SettingRow> rows = server_rows();
  rows.insert(rows.end(), definition.rows.begin(), definition.rows.end());
  const SettingsTable table(std::move(rows));
  std::vector<std::string> flags(argv + (argc > 0 ? 1 : 0), argv + argc);

  auto loaded = table.load(flags, environment_texts());
  if (loaded && loaded->command != SettingsCommand::kHelp &&
      loaded->command != SettingsCommand::kVersion) {
    if (auto checked = check_settings(definition, loaded->settings); !checked) {
      loaded = fail(checked);
    }
  }
  if (!loaded) {
    std::cerr << definition.name << ": the settings are wrong:\n"
              << loaded.error().message() << '\n';
    return kExitBadSettings;
  }
  switch (loaded->command) {
    case SettingsCommand::kRun:
      break;
    case SettingsCommand::kCheckConfig:
      if (auto good = check_start(loaded->settings); !good) {
        std::cerr << definition.name << ": a start would fail:\n" << good.error().message() << '\n';
        return kExitBadSettings;
      }
      print("the settings are good\n");
      return kExitOk;
    case SettingsCommand::kPrintConfig:
      print(table.print(loaded->settings));
      return kExitOk;
    case SettingsCommand::kPrintReference:
      print(application_reference(definition.name, definition.rows));
      return kExitOk;
    case SettingsCommand::kHelp:
      print(table.help(definition.command.empty() ? definition.name : definition.command));
      return kExitOk;
    case SettingsCommand::kVersion:
      print(fmt::format("{} {}\n", definition.name, definition.version));
      return kExitOk;
  }
  set_umask(loaded->settings);
  if (auto set = configure_log(loaded->settings, definition.name, "arbiter"); !set) {
    std::cerr << definition.name << ": " << set.error().message() << '\n';
    return kExitFailure;
  }
  return Arbiter(definition, table, std::move(loaded->settings), std::move(flags)).run();
}

}  // namespace saola::server
