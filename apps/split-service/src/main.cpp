#include <cstring>

#include "commands.hpp"
#include "serve.hpp"

int main(int argc, char** argv) {
  // The server has its own settings table; everything else is a client of its HTTP API.
  if (argc > 1 && std::strcmp(argv[1], "serve") == 0) {
    return saola::split_service::serve(argc - 1, argv + 1);
  }
  return saola::split_service::run_command(argc, argv);
}
