// `saola new NAME`: a service to start from.
#pragma once

#include <span>
#include <string_view>

namespace saola::tool {

// A file of the new service. {{name}} and {{id}} (the name as an identifier) stand in its text.
struct TemplateFile {
  std::string_view path;
  std::string_view text;
};
std::span<const TemplateFile> template_files();

// Writes the folder NAME: one route, one task, tests, CMake, Dockerfile, systemd unit. argv[0] is
// "new". Returns the exit status: 0 done, 1 a file cannot be written, 2 not understood.
int run_new(int argc, char** argv);

}  // namespace saola::tool
