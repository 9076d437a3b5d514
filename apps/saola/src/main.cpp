// The operator's tool for every Saola server.
#include <iostream>
#include <string_view>

#include <saola/server/control.hpp>

namespace {

constexpr const char* kUsage =
    "usage: saola COMMAND\n\n"
    "  ctl         talk to a running server through its control socket; saola ctl --help\n"
    "  --version   print name and version\n";

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "ctl") return saola::server::run_ctl(argc - 1, argv + 1);
  if (command == "--version") {
    std::cout << "saola " SAOLA_VERSION "\n";
    return 0;
  }
  if (command == "--help" || command == "-h") {
    std::cout << kUsage;
    return 0;
  }
  if (!command.empty()) std::cerr << "saola: unknown command '" << command << "'\n";
  std::cerr << kUsage;
  return 2;
}
