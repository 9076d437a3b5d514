#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <gmock/gmock.h>

#include <saola/command_line/parse.hpp>

namespace saola::command_line {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// A command with flags and one with commands below it, as ours are.
struct Parsed {
  std::optional<int> status;
  std::string out;
  std::string err;
  std::string url;
  std::string part_size;
  bool no_wait = false;
  std::vector<std::string> words;
};

// Parses `arguments` into what `app` has bound to `result`.
void run(CLI::App& app, std::vector<const char*> arguments, Parsed& result) {
  arguments.insert(arguments.begin(), "command");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  result.status = parse(app, static_cast<int>(arguments.size()), arguments.data());
  result.out = testing::internal::GetCapturedStdout();
  result.err = testing::internal::GetCapturedStderr();
}

Parsed parsed(std::vector<const char*> arguments) {
  Parsed result;
  CLI::App app("Does it.", "saola submit");
  app.add_option("--url", result.url, "Where");
  app.add_option("-p,--part-size", result.part_size, "How much");
  app.add_flag("--no-wait", result.no_wait, "At once");
  app.add_option("words", result.words, "Words");
  run(app, std::move(arguments), result);
  return result;
}

Parsed command(std::vector<const char*> arguments) {
  Parsed result;
  CLI::App app("Looks.", "saola jobs");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--url", result.url, "Where");
  CLI::App* list = app.add_subcommand("list", "All");
  list->add_option("--state", result.part_size, "Which");
  CLI::App* show = app.add_subcommand("show", "One");
  show->add_option("id", result.words, "The job's id")->required();
  CLI::App* worker = app.add_subcommand("worker", "Workers");
  worker->require_subcommand(1);
  worker->add_subcommand("add", "One more")->add_option("--name", result.part_size, "Its name");
  worker->add_subcommand("remove", "One fewer");
  run(app, std::move(arguments), result);
  return result;
}

TEST(CommandLine, AFlagIsSpeltAsASettingIs) {
  for (const std::vector<const char*>& spelling : {std::vector<const char*>{"--part-size", "8"},
                                                   {"--part-size=8"},
                                                   {"--part_size=8"},
                                                   {"--part_size", "8"},
                                                   {"-p", "8"},
                                                   {"-p8"}}) {
    const Parsed result = parsed(spelling);
    EXPECT_EQ(result.status, std::nullopt) << spelling[0] << result.err;
    EXPECT_EQ(result.part_size, "8") << spelling[0];
  }
}

TEST(CommandLine, TheLastOfAFlagWins) {
  const Parsed result = parsed({"--url=a", "x", "--url", "b", "y"});
  EXPECT_EQ(result.status, std::nullopt) << result.err;
  EXPECT_EQ(result.url, "b");
  EXPECT_THAT(result.words, ElementsAre("x", "y"));
}

TEST(CommandLine, OnlyTheNameOfAFlagLosesItsUnderscores) {
  const Parsed result = parsed({"--url=http://a_b", "a_b", "--", "--x_y"});
  EXPECT_EQ(result.status, std::nullopt) << result.err;
  EXPECT_EQ(result.url, "http://a_b");
  EXPECT_THAT(result.words, ElementsAre("a_b", "--x_y"));
}

TEST(CommandLine, HelpIsNoMistake) {
  const Parsed result = parsed({"--help"});
  EXPECT_EQ(result.status, kDone);
  EXPECT_THAT(result.out, HasSubstr("Does it."));
  EXPECT_EQ(result.err, "");
}

TEST(CommandLine, AnUnknownFlagGetsTheNearestOne) {
  const Parsed result = parsed({"--no-wiat"});
  EXPECT_EQ(result.status, kNotUnderstood);
  EXPECT_EQ(result.err, "saola submit: unknown flag --no-wiat; did you mean --no-wait?\n");
  EXPECT_EQ(parsed({"--urll=x"}).err, "saola submit: unknown flag --urll; did you mean --url?\n");
  EXPECT_EQ(parsed({"--colour"}).err, "saola submit: unknown flag --colour; see --help\n");
}

TEST(CommandLine, AFlagWithoutItsValueIsNamed) {
  const Parsed result = parsed({"--url"});
  EXPECT_EQ(result.status, kNotUnderstood);
  EXPECT_THAT(result.err, StartsWith("saola submit: --url"));
}

TEST(CommandLine, AnUnknownCommandGetsTheNearestOne) {
  const Parsed result = command({"lst"});
  EXPECT_EQ(result.status, kNotUnderstood);
  EXPECT_EQ(result.err, "saola jobs: there is no command 'lst'; did you mean list?\n");
  EXPECT_EQ(command({}).err, "saola jobs: which command? list, show, worker; see --help\n");
  testing::internal::CaptureStderr();
  EXPECT_EQ(unknown_command("saola", "sumbit", {"jobs", "submit"}), kNotUnderstood);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "saola: there is no command 'sumbit'; did you mean submit?\n");
}

TEST(CommandLine, AFlagOfACommandBelowIsKnownThere) {
  EXPECT_EQ(command({"list", "--state", "running", "--url", "u"}).status, std::nullopt);
  EXPECT_EQ(command({"list", "--stat", "running"}).err,
            "saola jobs: unknown flag --stat; did you mean --state?\n");
  EXPECT_EQ(command({"show", "--urk", "u"}).err,
            "saola jobs: unknown flag --urk; did you mean --url?\n");
  EXPECT_EQ(command({"list", "more"}).err, "saola jobs: unexpected argument 'more'; see --help\n");
}

TEST(CommandLine, ACommandBelowACommandIsSpeltAsOneAbove) {
  EXPECT_EQ(command({"worker", "add", "--name=x", "--url", "u"}).part_size, "x");
  EXPECT_EQ(command({"worker"}).err, "saola jobs: which command? add, remove; see --help\n");
  EXPECT_EQ(command({"worker", "ad"}).err,
            "saola jobs: there is no command 'ad'; did you mean add?\n");
  EXPECT_EQ(command({"worker", "add", "--nam=x"}).err,
            "saola jobs: unknown flag --nam; did you mean --name?\n");
  // A flag of another command is none of this one.
  EXPECT_EQ(command({"worker", "remove", "--name=x"}).status, kNotUnderstood);
}

}  // namespace
}  // namespace saola::command_line
