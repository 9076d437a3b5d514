// The outcome of a split in a job's checkpoint: an attempt whose results could not be written leaves
// it for the next one, which only writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace saola::split_service {

struct KeptFile {
  // As of ResultFile; without spaces.
  std::string role;
  std::string ending;
  std::string bytes;
};

struct KeptOutcome {
  std::string summary;  // the job's result as JSON, but for the names of the objects
  std::vector<KeptFile> files;
};

// "SPLIT1 SUMMARY-SIZE [ROLE ENDING SIZE]…\n", then the texts of these sizes, compressed (zlib). Empty
// when memory runs out.
std::string pack(const KeptOutcome& outcome);
// Unset for any other bytes.
std::optional<KeptOutcome> unpack(std::string_view checkpoint);

}  // namespace saola::split_service
