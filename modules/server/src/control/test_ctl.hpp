// For tests: a server, and `saola ctl` that talks to it.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <saola/server/control.hpp>

#include "probe_server.hpp"

namespace saola::server {

class Ctl : public testing::Test {
 protected:
  explicit Ctl(std::vector<std::string> flags = {}) : server(std::move(flags)) {}

  // What `saola ctl -s SOCKET words…` prints on standard output; `status` its exit status.
  std::string ctl(std::vector<std::string> words) {
    std::vector<std::string> all{"ctl", "-s", server.control_path()};
    all.insert(all.end(), words.begin(), words.end());
    std::vector<char*> argv;
    for (std::string& word : all) argv.push_back(word.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    status = run_ctl("saola", static_cast<int>(argv.size()), argv.data());
    errors = testing::internal::GetCapturedStderr();
    return testing::internal::GetCapturedStdout();
  }

  ProbeServer server;
  int status = -1;
  std::string errors;
};

}  // namespace saola::server
