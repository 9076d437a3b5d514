// The flags by which every client command finds its service.
#pragma once

#include <string>

#include <saola/base/error.hpp>

namespace CLI {
class App;
}

namespace saola::jobs_client {

struct ServiceFlags {
  std::string url = kDefaultUrl;
  std::string token = {};  // empty: that of token_file, if any
  std::string token_file = {};
  bool json = false;  // print JSON

  static constexpr const char* kDefaultUrl = "http://127.0.0.1:8000";

  // Adds --url (SAOLA_URL), --token (SAOLA_TOKEN), --token-file (SAOLA_TOKEN_FILE) and --json.
  void add_to(CLI::App& command);
  // The API token to send; empty: none. Fails when the file cannot be read or holds none.
  Result<std::string> find_token() const;
};

}  // namespace saola::jobs_client
