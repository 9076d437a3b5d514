#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/ranges.h>

#include <saola/base/check.hpp>
#include <saola/server/settings.hpp>

namespace saola::server {

std::string SettingRow::environment_name() const {
  std::string name = "SAOLA_" + flag_name();
  std::ranges::transform(name, name.begin(), [](char c) {
    return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return name;
}

std::string_view NamedTable::get(std::string_view field) const {
  const auto found = fields.find(std::string(field));
  return found == fields.end() ? std::string_view() : found->second;
}

const Settings::Value& Settings::value(std::string_view key) const {
  const auto found = values_.find(key);
  SAOLA_CHECK(found != values_.end(), "no such setting");
  return found->second;
}

const std::string& Settings::text(std::string_view key) const {
  const Value& found = value(key);
  SAOLA_CHECK(found.texts.size() == 1, "not a setting of one value");
  return found.texts[0];
}

bool Settings::boolean(std::string_view key) const {
  return text(key) == "true";
}

std::int64_t Settings::integer(std::string_view key) const {
  const std::string& digits = text(key);
  if (digits == "auto") return -1;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  SAOLA_CHECK(error == std::errc() && end == digits.data() + digits.size(),
              "not an integer setting");
  return number;
}

Duration Settings::duration(std::string_view key) const {
  const std::string& digits = text(key);
  double seconds = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  SAOLA_CHECK(error == std::errc() && end == digits.data() + digits.size(),
              "not a setting in seconds");
  return Duration(std::llround(seconds * 1e9));
}

const std::vector<std::string>& Settings::list(std::string_view key) const {
  return value(key).texts;
}

const std::vector<NamedTable>& Settings::tables(std::string_view key) const {
  return value(key).tables;
}

const std::string& Settings::origin(std::string_view key) const {
  return value(key).origin;
}

SettingsTable::SettingsTable(std::vector<SettingRow> rows) : rows_(std::move(rows)) {
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      SAOLA_CHECK(rows_[i].key != rows_[j].key && rows_[i].flag_name() != rows_[j].flag_name(),
                  "two settings with one name");
      SAOLA_CHECK(rows_[i].also.empty() || rows_[i].also != rows_[j].flag_name(),
                  "two settings with one flag");
      SAOLA_CHECK(rows_[i].letter == 0 || rows_[i].letter != rows_[j].letter,
                  "two settings with one letter");
    }
  }
}

std::vector<std::string> SettingsTable::keep_until_restart(const Settings& current,
                                                           Settings& wanted) const {
  std::vector<std::string> told;
  for (const SettingRow& row : rows_) {
    const Settings::Value& old = current.values().at(row.key);
    const Settings::Value& now = wanted.values().at(row.key);
    if (row.takes_effect == TakesEffect::kReload || old == now) continue;
    const auto text = [&](const Settings::Value& value) {
      return row.secret ? std::string("…") : fmt::format("'{}'", fmt::join(value.texts, ","));
    };
    told.push_back(fmt::format(
        "{} is {} now ({}), but {} stays in force until the server is restarted or upgraded (USR2)",
        row.key, text(now), now.origin, text(old)));
    wanted.set(row.key, old);
  }
  return told;
}

const SettingRow* SettingsTable::find(std::string_view key) const {
  const auto row = std::ranges::find(rows_, key, &SettingRow::key);
  return row == rows_.end() ? nullptr : &*row;
}

}  // namespace saola::server
