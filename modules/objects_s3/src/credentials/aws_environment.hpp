// For tests of where keys come from.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

namespace saola::objects_s3 {

// No AWS_… variable is set, but for the one that keeps tests from asking for an instance's metadata.
inline void clear_aws_environment() {
  std::vector<std::string> names;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    if (text.starts_with("AWS_")) names.emplace_back(text.substr(0, text.find('=')));
  }
  for (const std::string& name : names) ::unsetenv(name.c_str());
  ::setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

}  // namespace saola::objects_s3
