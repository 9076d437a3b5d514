// How the commands of `saola` and of every service are spelt: one grammar, the one that the
// server's settings have.
//
//   --name VALUE, --name=VALUE, -n VALUE, -nVALUE
//   --name_with_underscores is --name-with-underscores; -- ends the flags; the last of two wins
//
// --help and -h print the help on standard output. What is not understood is reported on standard
// error, with the nearest word that is, and ends with status 2.
//
//   CLI::App app("Prints a table", "saola show");
//   std::string path;
//   app.add_option("path", path)->required();
//   if (const auto status = command_line::parse(app, argc, argv)) return *status;
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace saola::command_line {

// Exit statuses.
inline constexpr int kDone = 0;
inline constexpr int kNotUnderstood = 2;

// Reads argv[1…] into what `app` binds; the app's name stands before what is said. The exit status
// when the process should end now, nullopt: go on.
std::optional<int> parse(CLI::App& app, int argc, const char* const* argv);

// Says on standard error that `program` has no such command, and which is the nearest it has.
// Returns kNotUnderstood.
int unknown_command(std::string_view program, std::string_view word,
                    const std::vector<std::string>& commands);

}  // namespace saola::command_line
