// From flags, environment and file to values: four levels laid over each other, each text checked
// by its row wherever it came from. Own code rather than CLI11: the table drives all three sources
// with one set of checks and messages, and the flags' grammar is two dozen lines.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <saola/base/text.hpp>
#include <saola/server/server_settings.hpp>
#include <saola/server/settings.hpp>

#include "settings/settings_file.hpp"

namespace saola::server {
namespace {

constexpr std::array<std::pair<std::string_view, SettingsCommand>, 5> kCommands{{
    {"check-config", SettingsCommand::kCheckConfig},
    {"print-config", SettingsCommand::kPrintConfig},
    {"print-settings-reference", SettingsCommand::kPrintReference},
    {"help", SettingsCommand::kHelp},
    {"version", SettingsCommand::kVersion},
}};
// The program's own use: how the arbiter tells a child and an upgraded arbiter who they are.
constexpr std::string_view kInternalPrefix = "SAOLA_INTERNAL_";
// What the client commands read; whoever calls services has them in the shell that starts one.
constexpr std::array<std::string_view, 3> kOfClients{"SAOLA_URL", "SAOLA_TOKEN",
                                                     "SAOLA_TOKEN_FILE"};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

Result<std::string> bool_text(std::string_view text) {
  for (std::string_view yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return "true";
  }
  for (std::string_view no : {"false", "no", "off", "0"}) {
    if (text == no) return "false";
  }
  return fail(ErrorCode::kInvalidArgument, "give true or false");
}

std::string range_text(const SettingRow& row) {
  std::string out = row.max == std::numeric_limits<std::int64_t>::max()
                        ? fmt::format("of at least {}", row.min)
                        : fmt::format("from {} to {}", row.min, row.max);
  return row.type == SettingType::kCount ? out + ", or auto" : out;
}

Result<std::string> integer_text(const SettingRow& row, std::string_view text) {
  if (row.type == SettingType::kCount && text == "auto") return "auto";
  std::string_view digits = text;
  std::int64_t unit = 1;
  if (row.type == SettingType::kBytes && !digits.empty()) {
    const std::size_t suffix = std::string_view("KMG").find(digits.back());
    if (suffix != std::string_view::npos) {
      unit = std::int64_t{1} << (10 * (suffix + 1));
      digits.remove_suffix(1);
    }
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty() ||
      __builtin_mul_overflow(number, unit, &number) || number < row.min || number > row.max) {
    return fail(ErrorCode::kInvalidArgument, "give a whole number {}", range_text(row));
  }
  return fmt::format("{}", number);
}

Result<std::string> seconds_text(const SettingRow& row, std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  // Nine digits of seconds (31 years) keep every duration inside 64 bits of nanoseconds.
  const double most = std::min(static_cast<double>(row.max), 1e9);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(seconds) ||
      seconds < static_cast<double>(row.min) || seconds > most) {
    return fail(ErrorCode::kInvalidArgument, "give a number of seconds {}", range_text(row));
  }
  return fmt::format("{}", seconds);
}

Result<std::string> choice_text(const SettingRow& row, std::string_view text) {
  if (std::ranges::find(row.choices, text) != row.choices.end()) return std::string(text);
  return fail(ErrorCode::kInvalidArgument, "give one of {}", fmt::join(row.choices, ", "));
}

// The row's spelling of `text`, or what would be right.
Result<std::string> normalise(const SettingRow& row, std::string_view text) {
  if (row.check) {
    if (auto checked = row.check(text); !checked) return fail(checked);
  }
  switch (row.type) {
    case SettingType::kBool:
      return bool_text(text);
    case SettingType::kInteger:
    case SettingType::kCount:
    case SettingType::kBytes:
      return integer_text(row, text);
    case SettingType::kSeconds:
      return seconds_text(row, text);
    case SettingType::kChoice:
      return choice_text(row, text);
    case SettingType::kText:
    case SettingType::kList:
    case SettingType::kTables:
      if (text.find('\0') != std::string_view::npos) {
        return fail(ErrorCode::kInvalidArgument, "a zero byte is not allowed");
      }
      return std::string(text);
  }
  std::unreachable();
}

// Collects values level by level, and mistakes.
class Loader {
 public:
  explicit Loader(const SettingsTable& table) : table_(table) {}

  void load_defaults() {
    for (const SettingRow& row : table_.rows()) {
      begin_level();
      settings_.set(row.key, {{}, {}, "default"});
      if (row.type == SettingType::kList || row.type == SettingType::kTables) {
        for (const std::string& part : split(row.default_value, ',')) assign(row, part, "default");
      } else {
        assign(row, row.default_value, "default");
      }
    }
  }

  void load_file(const std::string& path) {
    begin_level();
    auto entries = read_settings_file(path);
    if (!entries) return mistake(entries.error().message());
    for (const FileEntry& entry : *entries) {
      const std::string origin = fmt::format("{}:{}", path, entry.line);
      const SettingRow* row = table_.find(entry.key);
      if (row == nullptr || row->key == "config") {
        std::vector<std::string> known;
        for (const SettingRow& r : table_.rows()) known.push_back(r.key);
        unknown(fmt::format("{}: unknown setting '{}'", origin, entry.key), entry.key, known);
      } else if (entry.in_table != (row->type == SettingType::kTables)) {
        mistake(
            row->type == SettingType::kTables
                ? fmt::format("{}: {} takes tables: write [{}.NAME]", origin, row->key, row->key)
                : fmt::format("{}: {} is no table: write {} = …", origin, row->key, row->key));
      } else if (entry.in_table) {
        assign_field(*row, entry.name, entry.field, entry.texts.empty() ? "" : entry.texts[0],
                     origin);
      } else if (row->type != SettingType::kList && entry.texts.size() != 1) {
        mistake(fmt::format("{}: {} takes one value, not a list", origin, row->key));
      } else {
        if (entry.texts.empty()) settings_.set(row->key, {{}, {}, origin});
        for (const std::string& text : entry.texts) assign(*row, text, origin);
      }
    }
  }

  void load_environment(const std::vector<std::string>& environment) {
    begin_level();
    for (const std::string& variable : environment) {
      const std::size_t equals = variable.find('=');
      if (!variable.starts_with("SAOLA_") || variable.starts_with(kInternalPrefix) ||
          equals == std::string::npos) {
        continue;
      }
      const std::string name = variable.substr(0, equals);
      const std::string text = variable.substr(equals + 1);
      const auto row = std::ranges::find(table_.rows(), name, &SettingRow::environment_name);
      if (row == table_.rows().end()) {
        if (std::ranges::find(kOfClients, name) != kOfClients.end()) continue;
        std::vector<std::string> known;
        for (const SettingRow& r : table_.rows()) known.push_back(r.environment_name());
        unknown(fmt::format("unknown environment variable {}", name), name, known);
      } else if (row->type == SettingType::kList || row->type == SettingType::kTables) {
        if (row->type == SettingType::kList) settings_.set(row->key, {{}, {}, name});
        for (const std::string& part : split(text, ',')) assign(*row, part, name);
      } else {
        assign(*row, text, name);
      }
    }
  }

  // Returns the command among the flags.
  SettingsCommand load_flags(const std::vector<std::string>& arguments) {
    begin_level();
    SettingsCommand command = SettingsCommand::kRun;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::string& argument = arguments[i];
      const bool more = i + 1 < arguments.size();
      const auto flag = parse_flag(argument);
      if (!flag) {
        mistake(fmt::format("unexpected argument '{}': settings are flags; see --help", argument));
        continue;
      }
      if (flag->command) {
        command = *flag->command;
        if (flag->text) mistake(fmt::format("--{} takes no value", flag->name));
        continue;
      }
      if (flag->row == nullptr) {
        unknown_flag(*flag);
        // What follows is its value, and no mistake of its own.
        if (!flag->text && more && !arguments[i + 1].starts_with('-')) ++i;
        continue;
      }
      std::optional<std::string> text = flag->text;
      if (flag->row->type == SettingType::kBool && !text) {
        text = flag->negated ? "false" : "true";
      } else if (!text && more && !is_known_flag(arguments[i + 1])) {
        text = arguments[++i];
      }
      if (text) {
        assign(*flag->row, *text, "--" + flag->name);
      } else {
        mistake(fmt::format("--{} needs a value", flag->name));
      }
    }
    return command;
  }

  const Settings& settings() const { return settings_; }
  const std::string& mistakes() const { return mistakes_; }

 private:
  void mistake(std::string_view text) {
    if (!mistakes_.empty()) mistakes_ += '\n';
    mistakes_ += text;
  }

  void unknown(std::string_view text, std::string_view word,
               const std::vector<std::string>& known) {
    const std::string_view near = nearest(word, known);
    mistake(near.empty() ? fmt::format("{}; --help lists them all", text)
                         : fmt::format("{}; did you mean {}?", text, near));
  }

  // "--workers=4", "--no-reuse-port", "-w4", "-h" taken apart.
  struct Flag {
    std::string name;  // the row's own one
    std::optional<std::string> text = std::nullopt;
    const SettingRow* row = nullptr;  // null: unknown
    std::optional<SettingsCommand> command = std::nullopt;
    bool negated = false;
  };

  // nullopt: no flag at all.
  std::optional<Flag> parse_flag(std::string_view argument) const {
    if (argument.size() < 2 || argument[0] != '-' || argument == "--") return std::nullopt;
    if (argument[1] != '-') return parse_letter(argument);
    const std::size_t equals = argument.find('=');
    Flag flag{.name = std::string(argument.substr(0, equals).substr(2))};
    // Gunicorn has --limit-request-field_size.
    std::ranges::replace(flag.name, '_', '-');
    if (equals != std::string_view::npos) flag.text = argument.substr(equals + 1);
    const auto known =
        std::ranges::find(kCommands, flag.name, &decltype(kCommands)::value_type::first);
    if (known != kCommands.end()) flag.command = known->second;
    for (const SettingRow& row : table_.rows()) {
      flag.negated = row.type == SettingType::kBool && flag.name == "no-" + row.flag_name();
      if (flag.negated || row.flag_name() == flag.name ||
          (!row.also.empty() && row.also == flag.name)) {
        flag.row = &row;
        if (!flag.negated) flag.name = row.flag_name();
        break;
      }
    }
    return flag;
  }

  Flag parse_letter(std::string_view argument) const {
    Flag flag;
    const auto row = std::ranges::find(table_.rows(), argument[1], &SettingRow::letter);
    if (row != table_.rows().end()) {
      flag.name = row->flag_name();
      flag.row = &*row;
      if (argument.size() > 2) flag.text.emplace(argument.substr(argument[2] == '=' ? 3 : 2));
    } else if (argument == "-h" || argument == "-v") {
      flag.name = argument;
      flag.command = argument == "-h" ? SettingsCommand::kHelp : SettingsCommand::kVersion;
    } else {
      flag.name = argument.substr(0, 2);
    }
    return flag;
  }

  bool is_known_flag(std::string_view argument) const {
    const auto flag = parse_flag(argument);
    return flag && (flag->row != nullptr || flag->command);
  }

  void unknown_flag(const Flag& flag) {
    if (flag.name.starts_with('-')) {
      return mistake(fmt::format("unknown flag {}; see --help", flag.name));
    }
    std::vector<std::string> known;
    for (const SettingRow& row : table_.rows()) known.push_back("--" + row.flag_name());
    for (const auto& [name, command] : kCommands) known.push_back(fmt::format("--{}", name));
    unknown(fmt::format("unknown flag --{}", flag.name), "--" + flag.name, known);
  }

  void begin_level() {
    started_.clear();
    started_tables_.clear();
  }

  // True the first time in a level: the level's values replace those below.
  static bool first(std::vector<std::string>& seen, const std::string& key) {
    if (std::ranges::find(seen, key) != seen.end()) return false;
    seen.push_back(key);
    return true;
  }

  void assign(const SettingRow& row, const std::string& text, const std::string& origin) {
    if (row.type == SettingType::kTables) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos) {
        return mistake(
            fmt::format("{} {}: write NAME={}", origin, text,
                        row.shape.empty() ? "TEXT" : row.shape.substr(row.shape.find('=') + 1)));
      }
      const std::string name = text.substr(0, equals);
      assign_field(row, name, row.fields.front().name, text.substr(equals + 1), origin);
      for (const SettingField& field : row.fields) {
        if (!field.with_flag.empty()) assign_field(row, name, field.name, field.with_flag, origin);
      }
      return;
    }
    auto normal = normalise(row, text);
    if (!normal) {
      return mistake(fmt::format("{}: '{}' does not fit {}: {}", origin, row.secret ? "…" : text,
                                 row.key, normal.error().text()));
    }
    Settings::Value value{{*normal}, {}, origin};
    if (row.type == SettingType::kList && !first(started_, row.key)) {
      value.texts = settings_.values().at(row.key).texts;
      value.texts.push_back(*normal);
    }
    settings_.set(row.key, std::move(value));
  }

  void assign_field(const SettingRow& row, const std::string& name, const std::string& field,
                    const std::string& text, const std::string& origin) {
    if (name.empty()) return mistake(fmt::format("{}: {} needs a name", origin, row.key));
    const auto known = std::ranges::find(row.fields, field, &SettingField::name);
    if (!field.empty() && known == row.fields.end()) {
      std::vector<std::string> names;
      for (const SettingField& f : row.fields) names.push_back(f.name);
      return unknown(fmt::format("{}: unknown field '{}' of {}.{}", origin, field, row.key, name),
                     field, names);
    }
    if (row.check) {
      if (auto checked = row.check(name); !checked) {
        return mistake(fmt::format("{}: '{}' does not fit {}: {}", origin, name, row.key,
                                   checked.error().text()));
      }
    }
    // Names given by the user join; the defaults go away once there is one.
    Settings::Value value{{}, settings_.values().at(row.key).tables, origin};
    if (settings_.origin(row.key) == "default" && origin != "default") value.tables.clear();
    auto table = std::ranges::find(value.tables, name, &NamedTable::name);
    if (table == value.tables.end()) {
      value.tables.push_back({name, {}, origin});
      table = value.tables.end() - 1;
    }
    if (first(started_tables_, row.key + "." + name)) *table = {name, {}, origin};
    if (!field.empty()) table->fields[field] = text;
    settings_.set(row.key, std::move(value));
  }

  const SettingsTable& table_;
  Settings settings_;
  std::string mistakes_;
  std::vector<std::string> started_;         // lists that this level has begun
  std::vector<std::string> started_tables_;  // key.name that this level has begun
};

}  // namespace

Result<LoadedSettings> SettingsTable::load(const std::vector<std::string>& arguments,
                                           const std::vector<std::string>& environment) const {
  // The config file's name must be known before its level is laid: look at the levels above alone.
  std::string config;
  if (find("config") != nullptr) {
    Loader above(*this);
    above.load_defaults();
    above.load_environment(environment);
    above.load_flags(arguments);
    config = above.settings().get(setting::kConfig);
  }
  Loader loader(*this);
  loader.load_defaults();
  if (!config.empty()) loader.load_file(config);
  loader.load_environment(environment);
  LoadedSettings loaded;
  loaded.command = loader.load_flags(arguments);
  loaded.settings = loader.settings();
  if (!loader.mistakes().empty() && loaded.command != SettingsCommand::kHelp &&
      loaded.command != SettingsCommand::kVersion) {
    return fail(ErrorCode::kInvalidArgument, "{}", loader.mistakes());
  }
  return loaded;
}

}  // namespace saola::server
