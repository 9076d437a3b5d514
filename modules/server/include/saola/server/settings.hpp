// Settings: one table of rows makes the flags, the environment names, the keys of the TOML file,
// the checks, --help and docs/settings.md. Flags win over environment over file over defaults.
//
// Row "worker-class" is written
//   --worker-class green        (or --worker-class=green; a bool: --reuse-port, --no-reuse-port;
//                                with a letter: -k green, -kgreen, -k=green)
//   SAOLA_WORKER_CLASS=green    (a list: separated by commas)
//   worker-class = "green"      (in the file; worker_class is the same)
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

namespace saola::server {

// What a setting's text must be. Settings::get() has the C++ type of each.
enum class SettingType {
  kBool,
  kInteger,
  kCount,    // an integer, or "auto" (-1)
  kSeconds,  // a number, fractions allowed
  kBytes,    // an integer, suffix K, M or G (powers of 1024) allowed
  kText,
  kChoice,
  kList,    // texts; the flag may be repeated
  kTables,  // named tables of texts: [buckets.samples] directory = "…"; the flag NAME=TEXT sets
            // the first field, and those with SettingField::with_flag; it may be repeated
};

// When the changed value of a setting counts. A restart is asked for where a worker could not have
// the new value while the arbiter has the old one.
enum class TakesEffect {
  kReload,   // HUP: workers that start from then on have it
  kRestart,  // a new arbiter: a restart, or an upgrade (USR2)
};

// One member of the tables of a kTables setting.
struct SettingField {
  std::string name;
  std::string doc;
  bool secret = false;         // never printed
  std::string with_flag = {};  // what the flag's form NAME=TEXT sets it to
};

// A setting: all there is to know about it, in one place.
//
//   {.section = "Greeting", .key = "greetings", .type = SettingType::kInteger,
//    .default_value = "1", .doc = "How often to greet.", .min = 1, .max = 100}
struct SettingRow {
  std::string section;  // heading in --help and the reference page
  std::string key;      // "worker-class"
  SettingType type = SettingType::kText;
  std::string default_value;  // as after the flag; several of a list or table separated by commas
  std::string doc;            // one or two sentences
  std::string shape = {};     // stands for the value in --help: "HOST:PORT"; empty: from the type
  char letter = 0;            // -w
  std::string flag = {};      // when it differs from the key (--bucket for [buckets.NAME])
  std::string also = {};      // Gunicorn's spelling of the flag, when it differs
  // Of integers, counts, bytes and seconds.
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::vector<std::string> choices = {};  // of kChoice
  std::vector<SettingField> fields = {};  // of kTables; the flag sets the first
  TakesEffect takes_effect = TakesEffect::kReload;
  bool secret = false;  // never printed
  // A further check of each text; the error says what would be right.
  //
  //   .check = [](std::string_view text) -> Result<void> {
  //     if (text.starts_with('/')) return {};
  //     return fail(ErrorCode::kInvalidArgument, "give an absolute path");
  //   }
  std::function<Result<void>(std::string_view)> check = {};

  const std::string& flag_name() const { return flag.empty() ? key : flag; }
  // "SAOLA_WORKER_CLASS" for "worker-class".
  std::string environment_name() const;
};

// One [key.NAME] of a kTables setting:
//
//   [buckets.samples]
//   directory = "/srv/samples"
struct NamedTable {
  std::string name;
  std::map<std::string, std::string> fields;
  std::string origin;

  // The field's text, or empty.
  std::string_view get(std::string_view field) const;
  friend bool operator==(const NamedTable& a, const NamedTable& b) {
    return a.name == b.name && a.fields == b.fields;
  }
};

// By what a program reads a setting: made once, beside its row. T is bool, std::int64_t (integers,
// bytes, and counts, where -1 is auto), Duration (seconds), std::string (texts and choices),
// std::vector<std::string> (lists) or std::vector<NamedTable>.
//
//   inline constexpr Setting<std::int64_t> kGreetings{"greetings"};
//   settings.get(kGreetings)
template <typename T>
struct Setting {
  const char* key;
};

// The values in force: one for each row, given or default. A value type; reading is thread-safe. A
// reference that get() returns lives as long as the Settings.
class Settings {
 public:
  // REQUIRES: a row with this key and a fitting type exists.
  template <typename T>
  decltype(auto) get(const Setting<T>& setting) const {
    if constexpr (std::is_same_v<T, bool>) {
      return boolean(setting.key);
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      return integer(setting.key);
    } else if constexpr (std::is_same_v<T, Duration>) {
      return duration(setting.key);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return text(setting.key);
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      return list(setting.key);
    } else {
      static_assert(std::is_same_v<T, std::vector<NamedTable>>, "settings have no such type");
      return tables(setting.key);
    }
  }
  // The same by keys that are known at run time only, as the flag is spelt: "worker-class". A key
  // that no row has ends the process. REQUIRES: as get().
  const std::string& text(std::string_view key) const;
  bool boolean(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  Duration duration(std::string_view key) const;
  const std::vector<std::string>& list(std::string_view key) const;
  const std::vector<NamedTable>& tables(std::string_view key) const;
  // Where the value came from: "default", "--bind", "SAOLA_BIND", "saola.toml:3". For messages
  // about it.
  const std::string& origin(std::string_view key) const;

  // A value as it was given, not yet in its type.
  struct Value {
    std::vector<std::string> texts;  // one, or those of a list; normalised
    std::vector<NamedTable> tables;
    std::string origin;

    // Equal values may have come from different places.
    friend bool operator==(const Value& a, const Value& b) {
      return a.texts == b.texts && a.tables == b.tables;
    }
  };
  // All, by key; and setting one without a check, for load() and tests.
  const std::map<std::string, Value, std::less<>>& values() const { return values_; }
  void set(const std::string& key, Value value) { values_[key] = std::move(value); }

 private:
  const Value& value(std::string_view key) const;
  std::map<std::string, Value, std::less<>> values_;
};

// What the command line asks for besides running: checking the settings, printing them as a file,
// the reference page, --help, --version.
enum class SettingsCommand { kRun, kCheckConfig, kPrintConfig, kPrintReference, kHelp, kVersion };

// What a command line came to.
struct LoadedSettings {
  Settings settings;
  SettingsCommand command = SettingsCommand::kRun;
};

// The rows of a program, and what is made of them. Immutable; thread-safe.
class SettingsTable {
 public:
  // Ends the process when two rows have a key, flag or letter in common: it would be a fault of the
  // program.
  explicit SettingsTable(std::vector<SettingRow> rows);

  const std::vector<SettingRow>& rows() const { return rows_; }
  // Null when there is none.
  const SettingRow* find(std::string_view key) const;

  // The values from `arguments` (without the program's name), `environment` ("NAME=VALUE", others
  // than SAOLA_* are ignored), the file named by --config or SAOLA_CONFIG, and the defaults. Reads
  // that file: blocking. Fails with kInvalidArgument and one line per mistake: every mistake, not
  // only the first. --help and --version succeed whatever else is wrong.
  //
  //   const SettingsTable table(rows);
  //   auto loaded = table.load({"--workers", "4"}, {"SAOLA_BIND=127.0.0.1:9000"});
  //   if (!loaded) return fail_with(loaded.error().message());
  //   loaded->settings.get(setting::kWorkers)     // 4
  //   loaded->settings.origin("bind")             // "SAOLA_BIND"
  Result<LoadedSettings> load(const std::vector<std::string>& arguments,
                              const std::vector<std::string>& environment) const;

  // For a reload: puts the values of `current` into `wanted` where a change would take a restart
  // (TakesEffect::kRestart). One text for each such setting that somebody has changed, to be
  // logged.
  std::vector<std::string> keep_until_restart(const Settings& current, Settings& wanted) const;

  // The text of --help.
  std::string help(std::string_view command) const;
  // The values as a TOML file that would set them, each with its origin. Secrets are "…".
  //
  //   workers = 4  # --workers
  //   bind = ["127.0.0.1:80"]  # saola.toml:3
  std::string print(const Settings& settings) const;
  // The rows as Markdown, section by section.
  std::string reference() const;

 private:
  std::vector<SettingRow> rows_;
};

// The rows every server has.
std::vector<SettingRow> server_rows();
// The page docs/settings.md: the rows every server has.
std::string server_reference();
// A page of the same kind for an application's own rows.
std::string application_reference(std::string_view name, const std::vector<SettingRow>& rows);
// What can be wrong about several of them together.
Result<void> check_server_settings(const Settings& settings);

}  // namespace saola::server
