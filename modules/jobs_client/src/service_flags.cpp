#include <fstream>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>

#include <saola/jobs_client/commands.hpp>
#include <saola/jobs_client/service_flags.hpp>

namespace saola::jobs_client {

void ServiceFlags::add_to(CLI::App& command) {
  command.option_defaults()->always_capture_default(false);
  command.add_option("--url", url, "Where the service is")
      ->capture_default_str()
      ->envname("SAOLA_URL");
  CLI::Option* given =
      command.add_option("--token", token, "API token; the environment hides it from ps")
          ->envname("SAOLA_TOKEN");
  command.add_option("--token-file", token_file, "FILE with the API token")
      ->envname("SAOLA_TOKEN_FILE")
      ->excludes(given);
  command.add_flag("--json", json, "Print JSON");
  command.footer(std::string(kExitStatuses));
}

Result<std::string> ServiceFlags::find_token() const {
  if (!token.empty() || token_file.empty()) return token;
  std::ifstream file(token_file);
  std::string found;
  if (!(file >> found)) {
    return fail(ErrorCode::kInvalidArgument, "--token-file: {} cannot be read or holds no token",
                token_file);
  }
  return found;
}

}  // namespace saola::jobs_client
