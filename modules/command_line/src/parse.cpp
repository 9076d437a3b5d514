#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <saola/base/text.hpp>
#include <saola/command_line/parse.hpp>

namespace saola::command_line {
namespace {

// As CLI11 takes them: the last one first.
std::vector<std::string> arguments(int argc, const char* const* argv) {
  std::vector<std::string> out;
  bool flags = true;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word == "--") flags = false;
    if (flags && word.starts_with("--")) {
      const std::size_t end = std::min(word.find('='), word.size());
      std::replace(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(end), '_', '-');
    }
    out.push_back(std::move(word));
  }
  std::ranges::reverse(out);
  return out;
}

std::vector<std::string> commands_of(CLI::App& app) {
  std::vector<std::string> out;
  for (const CLI::App* command : app.get_subcommands({})) out.push_back(command->get_name());
  return out;
}

// The command that was asked for: the last one of those that the words named.
CLI::App& asked_for(CLI::App& app) {
  const std::vector<CLI::App*> named = app.get_subcommands();
  return named.empty() ? app : asked_for(*named.front());
}

// Those of the command that was asked for, and of the ones it lies in.
std::vector<std::string> known_flags(CLI::App& app) {
  std::vector<std::string> out;
  for (const CLI::App* at = &asked_for(app); at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) out.push_back("--" + name);
    }
  }
  return out;
}

// The grammar, for `app` and all commands below it.
void apply_grammar(CLI::App& app) {
  // What is left over is asked for after parsing, where the nearest flag is known.
  app.allow_extras();
  for (CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_max() == 1) option->take_last();
  }
  for (CLI::App* command : app.get_subcommands({})) apply_grammar(*command);
}

// The mistake, and how to go on from there.
std::string with_advice(std::string mistake, std::string_view word,
                        const std::vector<std::string>& known) {
  const std::string_view near = nearest(word, known);
  return mistake + (near.empty() ? "; see --help" : fmt::format("; did you mean {}?", near));
}

std::string no_such_command(std::string_view word, const std::vector<std::string>& known) {
  return with_advice(fmt::format("there is no command '{}'", word), word, known);
}

void say(std::string_view program, std::string_view mistake) {
  std::fputs(fmt::format("{}: {}\n", program, mistake).c_str(), stderr);
}

// What is wrong with the words that nothing took.
std::string about(CLI::App& app, const std::vector<std::string>& left) {
  const auto flag = std::ranges::find_if(
      left, [](const std::string& word) { return word.size() > 1 && word.starts_with('-'); });
  if (flag != left.end()) {
    const std::string name = flag->substr(0, flag->find('='));
    return with_advice("unknown flag " + name, name, known_flags(app));
  }
  const std::vector<std::string> commands = commands_of(asked_for(app));
  if (!commands.empty()) return no_such_command(left.front(), commands);
  return fmt::format("unexpected argument '{}'; see --help", left.front());
}

}  // namespace

std::optional<int> parse(CLI::App& app, int argc, const char* const* argv) {
  apply_grammar(app);
  std::string mistake;
  try {
    app.parse(arguments(argc, argv));
  } catch (const CLI::Success& help) {
    app.exit(help);
    return kDone;
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> commands = commands_of(asked_for(app));
    mistake = commands.empty()
                  ? error.what()
                  : fmt::format("which command? {}; see --help", fmt::join(commands, ", "));
  }
  std::vector<std::string> left = app.remaining(true);
  std::erase(left, "--");
  // A wrong flag is the reason why something else is missing.
  if (!left.empty()) mistake = about(app, left);
  if (mistake.empty()) return std::nullopt;
  say(app.get_name(), mistake);
  return kNotUnderstood;
}

int unknown_command(std::string_view program, std::string_view word,
                    const std::vector<std::string>& commands) {
  say(program, no_such_command(word, commands));
  return kNotUnderstood;
}

}  // namespace saola::command_line
