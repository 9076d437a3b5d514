// The tool for every Saola service: as a client of its HTTP API, through its control socket, and to
// start a new one.
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <saola/command_line/parse.hpp>
#include <saola/jobs_client/commands.hpp>
#include <saola/server/control.hpp>
#include <saola/server/token.hpp>

#include "new_command.hpp"
#include "split_command.hpp"

namespace {

struct Command {
  const char* word;
  const char* doc;
  int (*run)(int argc, char** argv);
};

constexpr Command kCommands[] = {
    {"jobs", "list a service's jobs; show, watch, cancel and retry one",
     [](int argc, char** argv) { return saola::jobs_client::run_jobs("saola", argc, argv); }},
    {"submit", "start a job by POST to a route, and wait for its end",
     [](int argc, char** argv) { return saola::jobs_client::run_submit("saola", argc, argv); }},
    {"ctl", "talk to a running server through its control socket",
     [](int argc, char** argv) { return saola::server::run_ctl("saola", argc, argv); }},
    {"token", "make an API token for a service",
     [](int argc, char** argv) { return saola::server::run_token("saola", argc, argv); }},
    {"split", "split the rows of a table into groups as alike as possible, without a server",
     saola::tool::run_split},
    {"new", "write a service to start from", saola::tool::run_new},
};

std::string usage() {
  std::string out = "usage: saola COMMAND [ARGUMENTS]\n\n";
  for (const Command& command : kCommands) {
    std::string word = command.word;
    word.resize(8, ' ');
    out += "  " + word + command.doc + '\n';
  }
  return out + "\nsaola COMMAND --help says more about each; saola --version prints the version.\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "";
  for (const Command& command : kCommands) {
    if (word == command.word) return command.run(argc - 1, argv + 1);
  }
  if (word == "--version") {
    std::cout << "saola " SAOLA_VERSION "\n";
    return 0;
  }
  if (word == "--help" || word == "-h" || word == "help") {
    std::cout << usage();
    return 0;
  }
  if (word.empty()) {
    std::cerr << usage();
    return 2;
  }
  std::vector<std::string> words;
  for (const Command& command : kCommands) words.emplace_back(command.word);
  return saola::command_line::unknown_command("saola", word, words);
}
