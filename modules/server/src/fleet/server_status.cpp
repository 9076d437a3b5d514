#include "fleet/server_status.hpp"

#include <filesystem>
#include <utility>

#include "fleet/upgrade.hpp"
#include "process/child_boot.hpp"
#include "process/process_title.hpp"

namespace saola::server {
namespace {

// The path behind /proc/self/exe now; after a deploy the link says "(deleted)".
std::string program_path() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

std::string current_directory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

}  // namespace

ServerStatus::ServerStatus(const ServerDefinition& server_definition,
                           const SettingsTable& settings_table,
                           std::vector<std::string> command_flags)
    : definition(server_definition),
      table(settings_table),
      flags(std::move(command_flags)),
      arguments(original_arguments()),
      program(program_path()),
      directory(current_directory()),
      started(std::chrono::steady_clock::now()),
      metrics(ServerMetrics::declare(definition, metric_table)) {}

}  // namespace saola::server
