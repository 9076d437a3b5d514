#include "new_command.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

namespace saola::tool {
namespace {

constexpr const char* kUsage =
    "usage: saola new NAME\n\n"
    "Writes the folder NAME with a service to start from: one route, one task, tests, CMake,\n"
    "Dockerfile and systemd unit. It builds with `cmake -S NAME -B NAME/build`.\n\n"
    "Exit status: 0 done, 1 a file cannot be written, 2 not understood\n";

// Fits a folder, a CMake target, a program, a user and a unit.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 30 && name[0] >= 'a' && name[0] <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string_view::npos;
}

std::string filled(std::string_view text, const std::string& name) {
  std::string id = name;
  std::ranges::replace(id, '-', '_');
  std::string out(text);
  for (const auto& [mark, value] :
       {std::pair<std::string_view, const std::string&>{"{{name}}", name}, {"{{id}}", id}}) {
    for (std::size_t at = out.find(mark); at != std::string::npos;
         at = out.find(mark, at + value.size())) {
      out.replace(at, mark.size(), value);
    }
  }
  return out;
}

}  // namespace

int run_new(int argc, char** argv) {
  const std::string name = argc == 2 ? argv[1] : "";
  if (name == "--help" || name == "-h") {
    std::cout << kUsage;
    return 0;
  }
  if (argc != 2) {
    std::cerr << kUsage;
    return 2;
  }
  if (!is_name(name)) {
    std::cerr << "saola new: '" << name
              << "' cannot name a service; take 1 to 30 of a-z 0-9 - _, a letter first\n";
    return 2;
  }
  std::error_code failed;
  if (!std::filesystem::create_directory(name, failed)) {
    std::cerr << "saola new: the folder " << name
              << " cannot be made: " << (failed ? failed.message() : "it is there already") << '\n';
    return 1;
  }
  for (const TemplateFile& file : template_files()) {
    const std::string relative =
        file.path == "service.unit" ? name + ".service" : std::string(file.path);
    const std::filesystem::path path = std::filesystem::path(name) / relative;
    std::filesystem::create_directories(path.parent_path(), failed);
    std::ofstream out(path);
    out << filled(file.text, name);
    if (!out.flush()) {
      std::cerr << "saola new: " << path.native() << " cannot be written\n";
      return 1;
    }
    std::cout << path.native() << '\n';
  }
  std::cout << "\nNext:\n  cmake -S " << name << " -B " << name
            << "/build -G Ninja && cmake --build " << name << "/build && " << name << "/build/"
            << name << '\n';
  return 0;
}

}  // namespace saola::tool
