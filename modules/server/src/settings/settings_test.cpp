#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include <saola/server/settings.hpp>
#include <saola/testing/temp_folder.hpp>

namespace saola::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Texts = std::vector<std::string>;

std::vector<SettingRow> test_rows() {
  std::vector<SettingRow> rows = server_rows();
  rows.push_back({.section = "Storage",
                  .key = "buckets",
                  .type = SettingType::kTables,
                  .default_value = "samples=examples/data",
                  .doc = "Buckets.",
                  .shape = "NAME=DIRECTORY",
                  .flag = "bucket",
                  .fields = {{"directory", "A directory."},
                             {"endpoint", "An S3 server."},
                             {"secret-key", "Its key.", true}}});
  rows.push_back({.section = "Storage",
                  .key = "token",
                  .default_value = "",
                  .doc = "A token.",
                  .secret = true});
  return rows;
}

const SettingsTable& table() {
  static const SettingsTable the_table(test_rows());
  return the_table;
}

Settings good(const Texts& arguments, const Texts& environment = {}) {
  auto loaded = table().load(arguments, environment);
  EXPECT_TRUE(loaded) << loaded.error().message();
  return loaded ? loaded->settings : Settings();
}

std::string bad(const Texts& arguments, const Texts& environment = {}) {
  auto loaded = table().load(arguments, environment);
  EXPECT_FALSE(loaded);
  return loaded ? "" : loaded.error().message();
}

// A text that fits the row and differs from its default.
std::string other_text(const SettingRow& row) {
  switch (row.type) {
    case SettingType::kBool:
      return row.default_value == "true" ? "false" : "true";
    case SettingType::kInteger:
    case SettingType::kCount:
    case SettingType::kSeconds:
    case SettingType::kBytes:
      return row.default_value == "77" ? "78" : "77";
    case SettingType::kChoice:
      return row.choices[0] == row.default_value ? row.choices[1] : row.choices[0];
    case SettingType::kTables:
      return "other=/elsewhere";
    case SettingType::kText:
    case SettingType::kList:
      if (row.key == "root-path") return "/else/where";
      if (row.key == "worker-class") return "sync";
      if (row.key == "umask" || row.key == "socket-mode") return "027";
      if (row.key == "log-syslog-to") return "udp://localhost:514";
      if (row.key.ends_with("allow-ips")) return "10.0.0.0/8";
      if (row.key.ends_with("bind")) return "127.0.0.1:9";
      return "elsewhere";
  }
  std::unreachable();
}

TEST(Settings, EveryRowTakesFlagEnvironmentAndFile) {
  TempFolder directory;
  for (const SettingRow& row : table().rows()) {
    if (row.key == "config") continue;
    SCOPED_TRACE(row.key);
    const std::string text = other_text(row);
    const Settings by_flag = row.type == SettingType::kBool ? good({"--" + row.flag_name()})
                                                            : good({"--" + row.flag_name(), text});
    const Settings by_equals = good({"--" + row.flag_name() + "=" + text});
    const Settings by_environment = good({}, {row.environment_name() + "=" + text});
    const std::string file = directory.path() + "/" + row.key + ".toml";
    std::ofstream(file) << (row.type == SettingType::kTables
                                ? "[" + row.key + ".other]\ndirectory = '/elsewhere'\n"
                                : row.key + " = '" + text + "'\n");
    const Settings by_file = good({"-c", file});
    const Settings::Value& value = by_flag.values().at(row.key);
    EXPECT_NE(value, good({}).values().at(row.key));
    EXPECT_EQ(value, by_equals.values().at(row.key));
    EXPECT_EQ(value, by_environment.values().at(row.key));
    EXPECT_EQ(value, by_file.values().at(row.key));
    EXPECT_EQ(by_flag.origin(row.key), "--" + row.flag_name());
    EXPECT_EQ(by_environment.origin(row.key), row.environment_name());
    EXPECT_THAT(by_file.origin(row.key), HasSubstr(".toml:"));
    EXPECT_EQ(good({}).origin(row.key), "default");
  }
}

TEST(Settings, EveryRowIsDocumented) {
  const std::string help = table().help("x");
  for (const SettingRow& row : table().rows()) {
    SCOPED_TRACE(row.key);
    EXPECT_TRUE(row.doc.ends_with(".")) << row.doc;
    EXPECT_FALSE(row.section.empty());
    EXPECT_THAT(help, HasSubstr("--" + row.flag_name()));
    EXPECT_EQ(row.key, row.key.substr(
                           0, row.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz-0123456789")));
  }
}

TEST(Settings, FlagsWinOverEnvironmentOverFileOverDefaults) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  std::ofstream(file) << "workers = 3\nbacklog = 3\nthreads = 3\n";
  const Settings settings =
      good({"--config", file, "--workers=5"}, {"SAOLA_WORKERS=4", "SAOLA_BACKLOG=4", "PATH=/bin"});
  EXPECT_EQ(settings.get(Setting<std::int64_t>{"workers"}), 5);
  EXPECT_EQ(settings.get(Setting<std::int64_t>{"backlog"}), 4);
  EXPECT_EQ(settings.get(Setting<std::int64_t>{"threads"}), 3);
  EXPECT_EQ(settings.origin("threads"), file + ":3");
  EXPECT_EQ(good({}, {"SAOLA_CONFIG=" + file}).get(Setting<std::int64_t>{"threads"}), 3);
}

TEST(Settings, ListsReplaceThoseBelow) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  std::ofstream(file) << "bind = ['127.0.0.1:1', 'unix:/tmp/x']\n";
  EXPECT_THAT(good({"-c", file}).get(Setting<std::vector<std::string>>{"bind"}),
              ElementsAre("127.0.0.1:1", "unix:/tmp/x"));
  EXPECT_THAT(good({"-c", file, "-b", "[::1]:2", "-b", "fd://3"})
                  .get(Setting<std::vector<std::string>>{"bind"}),
              ElementsAre("[::1]:2", "fd://3"));
  EXPECT_THAT(
      good({"-c", file}, {"SAOLA_BIND=a:1,b:2"}).get(Setting<std::vector<std::string>>{"bind"}),
      ElementsAre("a:1", "b:2"));
  std::ofstream(file) << "bind = []\n";
  EXPECT_TRUE(good({"-c", file}).get(Setting<std::vector<std::string>>{"bind"}).empty());
}

TEST(Settings, TablesJoinByNameAndDropTheDefaults) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  std::ofstream(file) << "[buckets.a]\nendpoint = 'http://x'\nsecret_key = 's3cret'\n"
                         "[buckets.b]\ndirectory = '/b'\n";
  ASSERT_EQ(good({}).get(Setting<std::vector<NamedTable>>{"buckets"}).size(), 1u);
  EXPECT_EQ(good({}).get(Setting<std::vector<NamedTable>>{"buckets"})[0].get("directory"),
            "examples/data");
  const auto tables = good({"-c", file, "--bucket", "a=/flag", "--bucket", "c=/c=d"})
                          .get(Setting<std::vector<NamedTable>>{"buckets"});
  ASSERT_EQ(tables.size(), 3u);
  EXPECT_EQ(tables[0].name, "a");
  EXPECT_EQ(tables[0].get("directory"), "/flag");
  EXPECT_EQ(tables[0].get("endpoint"), "");
  EXPECT_EQ(tables[1].get("directory"), "/b");
  EXPECT_EQ(tables[2].get("directory"), "/c=d");
}

TEST(Settings, ValuesHaveTypes) {
  const Settings settings =
      good({"--limit-request-body=2M", "--timeout", "0.5", "--reuse-port", "-w", "auto", "-t7.5"});
  EXPECT_EQ(settings.get(Setting<std::int64_t>{"limit-request-body"}), 2 << 20);
  EXPECT_EQ(settings.get(Setting<Duration>{"timeout"}), std::chrono::milliseconds(7500));
  EXPECT_TRUE(settings.get(Setting<bool>{"reuse-port"}));
  EXPECT_EQ(settings.get(Setting<std::int64_t>{"workers"}), -1);
  EXPECT_FALSE(good({"--reuse-port", "--no-reuse-port"}).get(Setting<bool>{"reuse-port"}));
  EXPECT_FALSE(good({"--reuse-port=no"}).get(Setting<bool>{"reuse-port"}));
}

TEST(Settings, FlagsAreSpelledAsForGunicorn) {
  const Settings settings = good({"-w4",
                                  "-b127.0.0.1:1",
                                  "-b",
                                  "127.0.0.1:2",
                                  "-b=127.0.0.1:3",
                                  "-kgevent",
                                  "-t=2",
                                  "--pid",
                                  "/p",
                                  "--name=n",
                                  "--keep-alive",
                                  "3",
                                  "--access-logfile",
                                  "-",
                                  "--error-logfile=/e",
                                  "--access-logformat=%(h)s",
                                  "--limit-request-field_size",
                                  "99",
                                  "--proxy-allow-from=10.0.0.1",
                                  "--log-syslog",
                                  "--log-syslog-to=udp://localhost:514"});
  EXPECT_EQ(settings.get(Setting<std::int64_t>{"workers"}), 4);
  EXPECT_THAT(settings.get(Setting<std::vector<std::string>>{"bind"}),
              ElementsAre("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"));
  EXPECT_EQ(settings.get(Setting<std::string>{"worker-class"}), "gevent");
  EXPECT_EQ(settings.get(Setting<Duration>{"timeout"}), std::chrono::seconds(2));
  EXPECT_EQ(settings.get(Setting<std::string>{"pidfile"}), "/p");
  EXPECT_EQ(settings.origin("pidfile"), "--pidfile");
  EXPECT_EQ(settings.get(Setting<std::string>{"proc-name"}), "n");
  EXPECT_EQ(settings.get(Setting<Duration>{"keepalive"}), std::chrono::seconds(3));
  EXPECT_EQ(settings.get(Setting<std::string>{"access-log"}), "-");
  EXPECT_EQ(settings.get(Setting<std::string>{"log-file"}), "/e");
  EXPECT_EQ(settings.get(Setting<std::int64_t>{"limit-request-field-size"}), 99);
  EXPECT_THAT(settings.get(Setting<std::vector<std::string>>{"proxy-allow-ips"}),
              ElementsAre("10.0.0.1"));
  EXPECT_EQ(table().load({"-v"}, {})->command, SettingsCommand::kVersion);
}

// One mistake, one line: neither the value of an unknown flag nor a swallowed flag is another one.
TEST(Settings, AMistakeDoesNotMakeOthers) {
  EXPECT_EQ(bad({"--wrokers", "3", "--threads=4"}),
            "unknown flag --wrokers; did you mean --workers?");
  EXPECT_EQ(bad({"--=3"}), "unknown flag --; --help lists them all");
  EXPECT_EQ(bad({"-Z", "3"}), "unknown flag -Z; see --help");
  EXPECT_EQ(bad({"-w", "--threads", "4"}), "--workers needs a value");
  EXPECT_EQ(bad({"--access-log", "-w4"}), "--access-log needs a value");
}

TEST(Settings, UnknownNamesSuggestTheNearest) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  std::ofstream(file) << "workerss = 3\n[buckets.a]\ndirektory = 'x'\n[web]\nworkers = 1\n";
  EXPECT_THAT(bad({"--wrokers", "3"}),
              HasSubstr("unknown flag --wrokers; did you mean --workers?"));
  EXPECT_THAT(bad({}, {"SAOLA_WORKER_CLAS=sync"}), HasSubstr("did you mean SAOLA_WORKER_CLASS?"));
  const std::string text = bad({"-c", file});
  EXPECT_THAT(text, HasSubstr(file + ":1: unknown setting 'workerss'; did you mean workers?"));
  EXPECT_THAT(text, HasSubstr("unknown field 'direktory' of buckets.a; did you mean directory?"));
  EXPECT_THAT(text, HasSubstr(file + ":5: unknown setting 'web.workers'"));
  EXPECT_THAT(bad({"--zzzzzzzzzz"}), HasSubstr("--help lists them all"));
  EXPECT_THAT(bad({"-Z"}), HasSubstr("unknown flag -Z"));
}

TEST(Settings, EveryMistakeIsTold) {
  const std::string text = bad({"--workers",   "0",
                                "--on-stall",  "resque",
                                "stray",       "--bind",
                                "nowhere",     "--umask",
                                "9",           "--timeout",
                                "-1",          "--timeout",
                                "nan",         "--limit-request-body",
                                "9999999999G", "--worker-class",
                                "tornado",     "--forwarded-allow-ips",
                                "10.0.0.0/33", "--access-log-format",
                                "%(Z)s",       "--bucket",
                                "nameonly",    "--check-config=1",
                                "--threads"},
                               {"SAOLA_REUSE_PORT=perhaps"});
  for (const char* part :
       {"--workers: '0' does not fit workers: give a whole number from 1 to 1024, or auto",
        "--on-stall: 'resque' does not fit on-stall: give one of rescue, report, ignore, abort",
        "unexpected argument 'stray'", "--bind: 'nowhere'", "--umask: '9'", "--timeout: '-1'",
        "--timeout: 'nan'", "'9999999999G'", "'tornado' does not fit worker-class: give green",
        "'10.0.0.0/33'", "'%(Z)s' is no atom", "--bucket nameonly: write NAME=DIRECTORY",
        "--check-config takes no value", "--threads needs a value",
        "SAOLA_REUSE_PORT: 'perhaps'"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(Settings, BadFilesAreTold) {
  TempFolder directory;
  EXPECT_THAT(bad({"-c", directory.path() + "/none.toml"}),
              HasSubstr("none.toml cannot be read: No such file"));
  EXPECT_THAT(bad({"-c", directory.path()}), HasSubstr("cannot be read: Is a directory"));
  const std::string file = directory.path() + "/saola.toml";
  std::ofstream(file) << "workers = 2\nworkers = 3\n";
  EXPECT_THAT(bad({"-c", file}), HasSubstr(file + ":2: not TOML"));
  std::ofstream(file)
      << "workers = [1, 2]\nbind = 1979-05-27\nconfig = 'x'\nbuckets = 1\n[backlog]\n";
  const std::string text = bad({"-c", file});
  EXPECT_THAT(text, HasSubstr("bind takes a text"));
  std::ofstream(file) << "workers = [1, 2]\nconfig = 'x'\nbuckets = 1\n[backlog]\n";
  const std::string other = bad({"-c", file});
  EXPECT_THAT(other, HasSubstr("workers takes one value"));
  EXPECT_THAT(other, HasSubstr("unknown setting 'config'"));
  EXPECT_THAT(other, HasSubstr("buckets takes tables: write [buckets.NAME]"));
  EXPECT_THAT(other, HasSubstr("backlog is no table"));
}

TEST(Settings, PrintedConfigSetsTheSameValuesAgain) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  const Settings settings = good({"--workers", "3", "-b", "a:1", "-b", "unix:/q\"uo te", "--bucket",
                                  "x y=/d", "--timeout=1.5", "--reuse-port"});
  const std::string printed = table().print(settings);
  EXPECT_THAT(printed, HasSubstr("workers = 3  # --workers"));
  EXPECT_THAT(printed, HasSubstr("threads = 16  # default"));
  std::ofstream(file) << printed;
  Settings again = good({"-c", file});
  again.set("config", settings.values().at("config"));
  EXPECT_EQ(again.values(), settings.values());
}

// The default bucket's directory need not be there; systemd's sockets replace the default bind only.
TEST(Settings, PrintedDefaultsStayDefaults) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  const Settings settings = good({});
  std::ofstream(file) << table().print(settings);
  const Settings again = good({"-c", file});
  for (const char* key : {"bind", "buckets"}) {
    EXPECT_EQ(again.values().at(key), settings.values().at(key)) << key;
    EXPECT_EQ(again.origin(key), "default");
  }
}

TEST(Settings, SecretsAreNeverPrinted) {
  TempFolder directory;
  const std::string file = directory.path() + "/saola.toml";
  std::ofstream(file) << "token = 'hush1'\n[buckets.a]\nsecret-key = 'hush2'\n";
  const std::string printed = table().print(good({"-c", file}));
  EXPECT_THAT(printed, Not(HasSubstr("hush")));
  EXPECT_THAT(printed, HasSubstr("# secret-key = \"…\""));
}

TEST(Settings, WhatTakesARestartIsKeptAndTold) {
  const Settings current = good({"--state-dir=a", "--threads=3"});
  Settings wanted = good({"--threads=4"}, {"SAOLA_STATE_DIR=b"});
  EXPECT_THAT(
      table().keep_until_restart(current, wanted),
      ElementsAre("state-dir is 'b' now (SAOLA_STATE_DIR), but 'a' stays in force until the "
                  "server is restarted or upgraded (USR2)"));
  EXPECT_EQ(wanted.get(Setting<std::string>{"state-dir"}), "a");
  EXPECT_EQ(wanted.get(Setting<std::int64_t>{"threads"}), 4);
  EXPECT_TRUE(table().keep_until_restart(current, wanted).empty());
}

TEST(Settings, SomeAreWrongTogether) {
  EXPECT_TRUE(check_server_settings(good({})));
  EXPECT_FALSE(check_server_settings(good({"--certfile=x"})));
  EXPECT_TRUE(check_server_settings(good({"--certfile=x", "--keyfile=y"})));
  EXPECT_FALSE(check_server_settings(good({}, {"SAOLA_BIND="})));
}

TEST(Settings, CommandsAreSeenEvenWhenTheRestIsWrong) {
  EXPECT_EQ(table().load({"--nonsense", "--help"}, {})->command, SettingsCommand::kHelp);
  EXPECT_EQ(table().load({"-h"}, {})->command, SettingsCommand::kHelp);
  EXPECT_EQ(table().load({"--version"}, {"SAOLA_X=1"})->command, SettingsCommand::kVersion);
  EXPECT_EQ(table().load({"--check-config"}, {})->command, SettingsCommand::kCheckConfig);
  EXPECT_FALSE(table().load({"--check-config", "--nonsense"}, {}));
}

// Regenerate with: build/bin/server_probe settings-reference > docs/settings.md
TEST(Settings, TheReferencePageIsUpToDate) {
  std::ifstream file(SAOLA_SOURCE_DIR "/docs/settings.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_TRUE(page.str() == server_reference())
      << "docs/settings.md is out of date; the comment above this test says how to make it anew";
}

}  // namespace
}  // namespace saola::server
