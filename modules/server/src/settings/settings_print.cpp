// The settings table as texts: --help, --print-config, docs/settings.md.
#include <algorithm>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <saola/base/log.hpp>
#include <saola/server/server_settings.hpp>
#include <saola/server/settings.hpp>

namespace saola::server {
namespace {

constexpr std::size_t kHelpWidth = 100;
constexpr std::size_t kHelpIndent = 34;

std::string shape(const SettingRow& row) {
  if (!row.shape.empty()) return row.shape;
  switch (row.type) {
    case SettingType::kBool:
      return "";
    case SettingType::kInteger:
      return "N";
    case SettingType::kCount:
      return "N|auto";
    case SettingType::kSeconds:
      return "SECONDS";
    case SettingType::kBytes:
      return "BYTES";
    case SettingType::kChoice:
      return fmt::format("{}", fmt::join(row.choices, "|"));
    case SettingType::kText:
    case SettingType::kList:
    case SettingType::kTables:
      return "TEXT";
  }
  std::unreachable();
}

// `text` broken at spaces into lines of at most kHelpWidth, all indented.
std::string wrap(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (column == 0 || kHelpIndent + column + word.size() + 1 > kHelpWidth) {
      if (column > 0) out += '\n';
      out += std::string(kHelpIndent, ' ');
      column = 0;
    } else {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::vector<std::string> sections(const std::vector<SettingRow>& rows) {
  std::vector<std::string> names;
  for (const SettingRow& row : rows) {
    if (std::ranges::find(names, row.section) == names.end()) names.push_back(row.section);
  }
  return names;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  append_json_escaped(out, text);  // TOML's basic strings escape as JSON's do
  return out + '"';
}

bool is_bare(SettingType type, std::string_view text) {
  switch (type) {
    case SettingType::kBool:
    case SettingType::kInteger:
    case SettingType::kSeconds:
    case SettingType::kBytes:
      return true;
    case SettingType::kCount:
      return text != "auto";
    case SettingType::kText:
    case SettingType::kChoice:
    case SettingType::kList:
    case SettingType::kTables:
      return false;
  }
  std::unreachable();
}

std::string toml_value(const SettingRow& row, const Settings::Value& value) {
  if (row.secret && value.origin != "default") return "\"…\"";
  if (row.type == SettingType::kList) {
    std::vector<std::string> items;
    for (const std::string& text : value.texts) items.push_back(quoted(text));
    return fmt::format("[{}]", fmt::join(items, ", "));
  }
  return is_bare(row.type, value.texts[0]) ? value.texts[0] : quoted(value.texts[0]);
}

std::string toml_key(std::string_view name) {
  const bool bare = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  return bare ? std::string(name) : quoted(name);
}

std::string toml_example(const SettingRow& row) {
  if (row.type == SettingType::kTables) {
    return fmt::format("[{}.NAME] {} = …", row.key, row.fields.front().name);
  }
  return fmt::format("{} = …", row.key);
}

}  // namespace

std::string SettingsTable::help(std::string_view command) const {
  std::string out = fmt::format(
      "usage: {} [FLAG…]\n\n"
      "Each setting is a flag, an environment variable (SAOLA_…, dashes become underscores) and a\n"
      "key of the TOML file; flags win over environment over file over defaults.\n\n"
      "  --check-config                  check the settings and exit: 0 good, 2 bad\n"
      "  --print-config                  print the settings in force, each with its origin, and "
      "exit\n"
      "  --print-settings-reference      print the reference page of the application's settings "
      "and "
      "exit\n"
      "  --help, -h                      this text\n"
      "  --version, -v                   print name and version and exit\n",
      command);
  for (const std::string& section : sections(rows_)) {
    out += fmt::format("\n{}:\n", section);
    for (const SettingRow& row : rows_) {
      if (row.section != section) continue;
      std::string head = fmt::format("  --{}", row.flag_name());
      if (row.letter != 0) head += fmt::format(", -{}", row.letter);
      if (const std::string after = shape(row); !after.empty()) head += ' ' + after;
      std::string doc = row.doc;
      if (!row.default_value.empty()) doc += fmt::format(" Default: {}.", row.default_value);
      std::string text = wrap(doc);
      if (head.size() + 1 < kHelpIndent) {
        text.replace(0, head.size(), head);
        out += text;
      } else {
        out += head + '\n' + text;
      }
      out += '\n';
    }
  }
  return out;
}

std::string SettingsTable::print(const Settings& settings) const {
  std::string out;
  std::string tables;
  for (const SettingRow& row : rows_) {
    const Settings::Value& value = settings.values().at(row.key);
    if (row.type == SettingType::kTables) {
      for (const NamedTable& table : value.tables) {
        // A default may be missing where the file is used, which an explicit table may not.
        const char* comment = table.origin == "default" ? "# " : "";
        tables += fmt::format("\n{}[{}.{}]  # {}\n", comment, row.key, toml_key(table.name),
                              table.origin);
        for (const SettingField& field : row.fields) {
          const std::string_view text = table.get(field.name);
          if (text.empty()) continue;
          // A secret is not shown, so it cannot be set by this file either.
          tables += fmt::format("{}{} = {}\n", field.secret ? "# " : comment, field.name,
                                field.secret ? "\"…\"" : quoted(text));
        }
      }
      continue;
    }
    // The file cannot name itself, nor set a secret that it does not show. A bind that nobody gave
    // yields to systemd's sockets.
    const bool is_default_bind = row.key == setting::kBind.key && value.origin == "default";
    const char* comment = row.key == setting::kConfig.key || is_default_bind ||
                                  (row.secret && value.origin != "default")
                              ? "# "
                              : "";
    out += fmt::format("{}{} = {}  # {}\n", comment, row.key, toml_value(row, value), value.origin);
  }
  return out + tables;
}

std::string SettingsTable::reference() const {
  std::string out;
  for (const std::string& section : sections(rows_)) {
    out += fmt::format("\n## {}\n", section);
    for (const SettingRow& row : rows_) {
      if (row.section != section) continue;
      const std::string after = shape(row);
      out += fmt::format("\n### {}\n\n{}\n\n", row.key, row.doc);
      out += fmt::format("- flag: `--{}{}{}`", row.flag_name(), after.empty() ? "" : " ", after);
      if (row.letter != 0) out += fmt::format(", `-{}`", row.letter);
      if (!row.also.empty()) out += fmt::format(", `--{}`", row.also);
      if (row.type == SettingType::kBool) out += fmt::format(", `--no-{}`", row.flag_name());
      if (row.type == SettingType::kList || row.type == SettingType::kTables) out += ", repeatable";
      out += fmt::format("\n- environment: `{}`\n", row.environment_name());
      if (row.key != "config") out += fmt::format("- file: `{}`\n", toml_example(row));
      out += row.default_value.empty() ? "- default: none\n"
                                       : fmt::format("- default: `{}`\n", row.default_value);
      out += row.takes_effect == TakesEffect::kReload
                 ? "- changed by: reload (`HUP`)\n"
                 : "- changed by: restart or upgrade (`USR2`)\n";
      for (const SettingField& field : row.fields) {
        out += fmt::format("- field `{}`: {}{}\n", field.name, field.doc,
                           field.secret ? " Never printed." : "");
      }
    }
  }
  return out;
}

std::string server_reference() {
  return "# Settings\n\n"
         "Generated from the settings table of every server; do not edit.\n\n"
         "Every setting is a flag, an environment variable and a key of the TOML file given by\n"
         "`--config`. Flags win over environment over file over defaults. Lists are separated by "
         "commas\n"
         "in the environment and repeated as flags. An unknown flag, key or `SAOLA_` variable is "
         "an\n"
         "error. `--check-config` checks and exits, `--print-config` shows every value with its "
         "origin.\n"
         "When a reload finds a setting changed that only a restart or an upgrade puts in force, "
         "the "
         "old\n"
         "value stays and a warning says so.\n" +
         SettingsTable(server_rows()).reference();
}

std::string application_reference(std::string_view name, const std::vector<SettingRow>& rows) {
  return fmt::format(
             "# Settings of {}\n\n"
             "Generated from its settings table; do not edit. These stand beside the settings of "
             "every\n"
             "server, and are given like them: see [settings.md](settings.md).\n",
             name) +
         SettingsTable(rows).reference();
}

}  // namespace saola::server
