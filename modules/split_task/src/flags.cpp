#include <array>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>
#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/split_task/flags.hpp>

namespace saola::split_task {
namespace {

namespace json = boost::json;

enum class Kind {
  kText,
  kNumber,
  kNames,  // a,b,c; may be given several times
  kTexts,  // one text each time it is given
  kGroups,
  kPairs,    // NAME=TEXT each time it is given
  kWeights,  // NAME=NUMBER each time it is given
  kPanel,    // NAME=VALUE,…
  kFlag,     // true when it is given
};

struct Flag {
  std::string_view flag;
  std::string_view member;
  Kind kind;
  std::string_view help;
};

constexpr std::array kFlags = {
    Flag{"-g,--groups", "groups", Kind::kGroups,
         "2, or a,b,c, or a=0.5,b=0.5 (shares), or a=10,b=40 (sizes)"},
    Flag{"--panel", "panel", Kind::kPanel,
         "unit=COLUMN,time=COLUMN,value=COLUMN and, if wanted, holdout=28, pre=90 or "
         "pre=2024-01-01..2024-03-31, lags=, duration=, control=GROUP, placebos=: one row a unit "
         "and time"},
    Flag{"--id-column", "id_column", Kind::kText, "Names each row; default: the first"},
    Flag{"--columns", "columns", Kind::kNames, "Numeric columns to balance; default: all"},
    Flag{"--strata", "strata", Kind::kNames, "Categorical columns to spread evenly"},
    Flag{"--categories", "categories", Kind::kNames, "Categorical columns for the objective"},
    Flag{"--missing", "missing", Kind::kText,
         "What to do about missing values: fail, drop_rows, mean, median or indicator"},
    Flag{"--weight", "weights", Kind::kWeights, "COLUMN=NUMBER: counts so much; may be repeated"},
    Flag{"--transform", "transform", Kind::kPairs, "COLUMN=log or rank; may be repeated"},
    Flag{"--fixed", "fixed", Kind::kPairs, "UNIT=GROUP it must be in; may be repeated"},
    Flag{"--exclude", "exclude", Kind::kTexts, "A unit that gets no group; may be repeated"},
    Flag{"--together", "together", Kind::kText, "A column whose equal values stay together"},
    Flag{"--apart", "apart", Kind::kText, "A column whose equal values are kept apart"},
    Flag{"--start-column", "start_column", Kind::kText, "A column with the groups to start from"},
    Flag{"--objective", "objective", Kind::kText,
         "kplus, variance, diversity, average-diversity, dispersion or bicriterion"},
    Flag{"--distance-matrix", "distance_matrix", Kind::kFlag,
         "The table is a matrix of distances: columns named like the rows' ids"},
    Flag{"--moments", "moments", Kind::kNumber,
         "Of kplus: powers of the columns to make equal; 3 adds skewness, 4 kurtosis"},
    Flag{"--correlations", "correlations", Kind::kFlag, "Of kplus: make correlations equal too"},
    Flag{"--method", "method", Kind::kText, "search, three-phase, local-maximum or exchange"},
    Flag{"--restarts", "restarts", Kind::kNumber, "Independent runs; the best is kept"},
    Flag{"--patience", "patience", Kind::kNumber,
         "Without --restarts: the search ends when the work of so many runs found nothing better"},
    Flag{"--designs", "designs", Kind::kNumber, "Draw one of so many good answers by the seed"},
    Flag{"--tolerance", "tolerance", Kind::kNumber,
         "Share of the gain over a random split that a good answer may lose"},
    Flag{"--budget", "budget_seconds", Kind::kNumber,
         "Seconds, after which the best so far is taken"},
    Flag{"--seed", "seed", Kind::kNumber, "The same seed gives the same answer"},
    Flag{"--assignment-columns", "assignment_columns", Kind::kNames,
         "Columns that the assignment carries along"},
    Flag{"--assignment-format", "assignment_format", Kind::kText, "csv or xlsx"},
    Flag{"--encoding", "encoding", Kind::kText, "utf-8, utf-16, latin-1, cp1252, …"},
    Flag{"--delimiter", "delimiter", Kind::kText,
         "comma, semicolon, tab, pipe, space or a character"},
    Flag{"--decimal", "decimal", Kind::kText, "The decimal point: . or ,"},
    Flag{"--thousands", "thousands", Kind::kText, ", or . or space, apostrophe, none"},
    Flag{"--percent", "percent", Kind::kText, "4% is 0.04 (fraction) or 4 (points)"},
    Flag{"--na-value", "na_values", Kind::kTexts, "A text that means no value; may be repeated"},
    Flag{"--sheet", "sheet", Kind::kText, "The sheet of an Excel workbook"},
};

std::optional<double> as_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A whole number as one, so that a seed keeps all its digits.
Result<json::value> number_of(std::string_view flag, std::string_view text) {
  std::uint64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error == std::errc() && end == text.data() + text.size()) return json::value(whole);
  if (const auto value = as_number(text)) return json::value(*value);
  return fail(ErrorCode::kInvalidArgument, "{}: '{}' is not a number", flag, text);
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// "3"; "a,b,c"; "a=0.5,b=0.5".
Result<json::value> groups_of(const std::string& text) {
  if (const auto count = as_number(text)) return json::value(*count);
  json::array names;
  json::object weights;
  for (const std::string& word : words_of(text)) {
    const std::size_t equals = word.rfind('=');
    if (equals == std::string::npos) {
      names.emplace_back(word);
      continue;
    }
    const auto weight = as_number(std::string_view(word).substr(equals + 1));
    if (!weight || weights.contains(word.substr(0, equals))) {
      return fail(ErrorCode::kInvalidArgument,
                  "--groups: '{}' is not NAME=SHARE or NAME=SIZE with a name of its own", word);
    }
    weights[word.substr(0, equals)] = *weight;
  }
  if (!names.empty() && !weights.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "--groups {}: give either names only, or a share or size for every name", text);
  }
  if (names.empty()) return json::value(std::move(weights));
  return json::value(std::move(names));
}

// "unit=geo,time=date,value=sales,holdout=28,pre=2024-01-01..2024-03-31".
Result<json::value> panel_of(const std::string& text) {
  json::object panel;
  for (const std::string& word : words_of(text)) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || panel.contains(word.substr(0, equals))) {
      return fail(ErrorCode::kInvalidArgument, "--panel: '{}' is not NAME=VALUE with a new name",
                  word);
    }
    const auto name = word.substr(0, equals);
    const auto value = word.substr(equals + 1);
    const auto dots = value.find("..");
    const bool period = name == "pre" || name == "holdout";
    if (period && dots != std::string::npos) {
      panel[name] = json::array{value.substr(0, dots), value.substr(dots + 2)};
    } else if (period || name == "lags" || name == "duration" || name == "placebos") {
      auto number = number_of("--panel", value);
      if (!number) return number;
      panel[name] = *std::move(number);
    } else {
      panel[name] = value;
    }
  }
  return panel;
}

Result<json::object> read_request(const std::string& path) {
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(ErrorCode::kInvalidArgument, "--request: {} cannot be read", path);
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  boost::system::error_code bad;
  json::value request = json::parse(text, bad);
  if (bad || !request.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "--request: {} holds no JSON object", path);
  }
  return std::move(request.as_object());
}

Result<json::value> value_of(const Flag& flag, const std::vector<std::string>& given) {
  switch (flag.kind) {
    case Kind::kText:
      return json::value(given.back());
    case Kind::kNumber:
      return number_of(flag.flag, given.back());
    case Kind::kGroups:
      return groups_of(given.back());
    case Kind::kPanel:
      return panel_of(given.back());
    case Kind::kFlag:
      return json::value(true);
    case Kind::kTexts:
      return json::array(given.begin(), given.end());
    case Kind::kPairs:
    case Kind::kWeights: {
      json::object pairs;
      for (const auto& text : given) {
        const auto equals = text.rfind('=');
        if (equals == std::string::npos || equals == 0) {
          return fail(ErrorCode::kInvalidArgument, "{}: '{}' is not NAME=VALUE", flag.flag, text);
        }
        const auto value = text.substr(equals + 1);
        if (flag.kind == Kind::kPairs) {
          pairs[text.substr(0, equals)] = value;
          continue;
        }
        auto number = number_of(flag.flag, value);
        if (!number) return number;
        pairs[text.substr(0, equals)] = *std::move(number);
      }
      return pairs;
    }
    case Kind::kNames: {
      json::array names;
      for (const auto& text : given) {
        for (const auto& word : words_of(text)) names.emplace_back(word);
      }
      return names;
    }
  }
  return json::value();
}

}  // namespace

struct TaskFlags::Values {
  std::string request_file;
  std::array<std::vector<std::string>, kFlags.size()> given;
};

TaskFlags::TaskFlags(CLI::App& command) : values_(std::make_unique<Values>()) {
  command.add_option(
      "--request", values_->request_file,
      "FILE with the options as JSON, as POST /split takes them (-: standard input); "
      "flags win over it");
  for (std::size_t i = 0; i < kFlags.size(); ++i) {
    if (kFlags[i].kind == Kind::kFlag) {
      command.add_flag_callback(
          std::string(kFlags[i].flag),
          [given = &values_->given[i]] { given->emplace_back("true"); },
          std::string(kFlags[i].help));
      continue;
    }
    // One text each time, so that the next argument is not swallowed.
    command.add_option(std::string(kFlags[i].flag), values_->given[i], std::string(kFlags[i].help))
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
  }
}

TaskFlags::~TaskFlags() = default;

Result<json::object> TaskFlags::request() const {
  json::object out;
  if (!values_->request_file.empty()) {
    auto read = read_request(values_->request_file);
    if (!read) return read;
    out = *std::move(read);
  }
  for (std::size_t i = 0; i < kFlags.size(); ++i) {
    if (values_->given[i].empty()) continue;
    auto value = value_of(kFlags[i], values_->given[i]);
    if (!value) return fail(value);
    out[kFlags[i].member] = *std::move(value);
  }
  return out;
}

}  // namespace saola::split_task
