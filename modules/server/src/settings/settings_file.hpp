// Reads a TOML file into plain texts; what they mean is the settings table's business.
#pragma once

#include <string>
#include <vector>

#include <saola/base/error.hpp>

namespace saola::server {

// `key = texts`, or `[key.name]` with one `field = text` (a table without fields has field "").
struct FileEntry {
  std::string key;
  std::vector<std::string> texts;
  bool in_table = false;
  std::string name;   // of the table
  std::string field;  // in the table
  int line = 0;
};

// The file's entries in its order. Underscores of keys and fields become dashes. Fails with one
// line per mistake, each beginning "path:line: ".
Result<std::vector<FileEntry>> read_settings_file(const std::string& path);

}  // namespace saola::server
