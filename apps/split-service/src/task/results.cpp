#include "task/results.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/core.h>

#include "task/workbook.hpp"

namespace saola::split_service {
namespace {

namespace json = boost::json;

// Bytes of a source's name that go into the names of its results.
constexpr std::size_t kMaxStem = 100;

json::array balance_of(const std::vector<split::ColumnBalance>& columns) {
  json::array out;
  for (const auto& column : columns) {
    out.push_back(json::object{{"column", column.column},
                               {"smd_before", column.smd_before},
                               {"smd_after", column.smd_after}});
  }
  return out;
}

json::array spread_of(const std::vector<split::CategoryBalance>& categories) {
  json::array out;
  for (const auto& category : categories) {
    // How far one level's counts are apart, in rows.
    std::uint32_t most = 0;
    for (const auto& level : category.levels) {
      const auto [low, high] =
          std::minmax_element(level.group_counts.begin(), level.group_counts.end());
      if (low != high) most = std::max(most, *high - *low);
    }
    out.push_back(json::object{{"column", category.column},
                               {"levels", category.levels_total},
                               {"share_gap_before", category.share_gap_before},
                               {"share_gap_after", category.share_gap_after},
                               {"count_gap_after", most}});
  }
  return out;
}

json::array accounts_of(const std::vector<split::ColumnAccount>& accounts) {
  json::array out;
  for (const auto& account : accounts) {
    json::object one{{"column", account.column}, {"role", split::to_string(account.role)}};
    if (!account.note.empty()) one["note"] = account.note;
    if (account.missing > 0) one["missing"] = account.missing;
    if (account.levels > 0 && account.role != split::Role::kId) one["levels"] = account.levels;
    out.push_back(std::move(one));
  }
  return out;
}

// What comes from a file may hold anything; a terminal gets no control characters.
std::string plain(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return out;
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* member = object.if_contains(name);
  return member != nullptr && member->is_string() ? plain(member->as_string()) : std::string();
}

double number_of(const json::object& object, std::string_view name) {
  const json::value* member = object.if_contains(name);
  return member != nullptr && member->is_number() ? member->to_number<double>() : 0;
}

const json::array& list_of(const json::object& object, std::string_view name) {
  static const json::array kNone;
  const json::value* member = object.if_contains(name);
  return member != nullptr && member->is_array() ? member->as_array() : kNone;
}

// Characters, not bytes.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t width) {
  const auto has = width_of(text);
  return std::string(text) + std::string(has < width ? width - has : 0, ' ');
}

void say_categories(std::string& out, std::string_view title, const json::array& categories) {
  if (categories.empty()) return;
  out += fmt::format("{}\n", title);
  for (const auto& item : categories) {
    const auto& category = item.as_object();
    out += fmt::format("  {} {:>8.0f} levels, counts at most {:.0f} apart\n",
                       padded(text_of(category, "column"), 28), number_of(category, "levels"),
                       number_of(category, "count_gap_after"));
  }
}

}  // namespace

Result<std::vector<ResultFile>> result_files(const split::Table& table,
                                             const split::Outcome& outcome, const SplitTask& task,
                                             std::string_view source) {
  std::vector<std::size_t> columns;
  for (const auto& name : task.assignment_columns) {
    const auto c = table.find(name);
    if (!c) {
      return fail(ErrorCode::kInvalidArgument,
                  "assignment_columns: the table has no column '{}'. It has {}", name,
                  table.names());
    }
    if (*c != outcome.id_column) columns.push_back(*c);
  }
  std::vector<ResultFile> out;
  if (task.workbook) {
    auto workbook = assignment_workbook(table, outcome, columns);
    if (!workbook) return std::unexpected(std::move(workbook).error());
    out.push_back({"assignment", ".assignment.xlsx", *std::move(workbook)});
  } else {
    out.push_back(
        {"assignment", ".assignment.csv", split::assignment_csv(table, outcome, columns)});
  }
  if (outcome.designs)
    out.push_back({"designs", ".designs.csv", split::designs_csv(table, outcome)});
  out.push_back({"report", ".report.json", split::report_json(outcome)});
  out.push_back({"page", ".report.html", split::report_html(outcome, source)});
  return out;
}

json::object preview_json(const split::Table& table, const split::Preview& preview) {
  json::object groups;
  for (const auto& group : preview.groups) groups[group.name] = group.size;
  return {{"rows", preview.rows},
          {"rows_left_out", preview.rows_left_out},
          {"encoding", table.encoding()},
          {"delimiter",
           table.delimiter() == '\t' ? std::string("tab") : std::string(1, table.delimiter())},
          {"groups", std::move(groups)},
          {"columns", accounts_of(preview.accounts)},
          {"warnings", json::array(preview.warnings.begin(), preview.warnings.end())}};
}

std::string preview_text(const json::object& preview) {
  return fmt::format("{:.0f} rows, {}, separated by '{}'\n", number_of(preview, "rows"),
                     text_of(preview, "encoding"), text_of(preview, "delimiter")) +
         summary_text(preview);
}

json::object summary_of(const split::Outcome& outcome) {
  json::object groups;
  for (const auto& group : outcome.groups) groups[group.name] = group.size;
  json::object out{
      {"objective", nullptr},
      {"objective_name", outcome.random ? "none" : split::to_string(outcome.objective)},
      {"seconds", outcome.seconds},
      {"stopped_by", split::to_string(outcome.stopped_by)},
      {"restarts_done", outcome.restarts_done},
      {"groups", std::move(groups)},
      {"balance", balance_of(outcome.columns)},
      {"columns", accounts_of(outcome.accounts)}};
  if (outcome.objective_after) out["objective"] = *outcome.objective_after;
  if (!outcome.strata.empty()) out["strata"] = spread_of(outcome.strata);
  if (!outcome.categories.empty()) out["categories"] = spread_of(outcome.categories);
  if (outcome.rows_left_out > 0) out["rows_left_out"] = outcome.rows_left_out;
  if (outcome.degraded) out["degraded"] = true;
  if (!outcome.warnings.empty()) {
    out["warnings"] = json::array(outcome.warnings.begin(), outcome.warnings.end());
  }
  return out;
}

std::string stem_of(std::string_view path) {
  std::string stem(path.substr(path.rfind('/') + 1));
  for (const std::string_view ending : {".gz", ".zst", ".csv", ".tsv", ".txt", ".xlsx"}) {
    if (stem.size() > ending.size() && stem.ends_with(ending)) {
      stem.resize(stem.size() - ending.size());
    }
  }
  if (stem.size() > kMaxStem) {
    std::size_t end = kMaxStem;
    // Not in the middle of a UTF-8 sequence.
    while (end > 0 && (static_cast<unsigned char>(stem[end]) & 0xC0) == 0x80) --end;
    stem.resize(end);
  }
  return stem.empty() ? "table" : stem;
}

std::string summary_text(const json::object& summary) {
  std::string out;
  for (const auto& warning : list_of(summary, "warnings")) {
    out += fmt::format("warning: {}\n", plain(warning.as_string()));
  }
  if (!out.empty()) out += "\n";
  if (const json::value* groups = summary.if_contains("groups"); groups != nullptr) {
    std::size_t shown = 0;
    for (const auto& group : groups->as_object()) {
      if (shown++ == 50) {
        out += fmt::format("and {:.0f} groups more\n", number_of(summary, "groups_total") - 50);
        break;
      }
      out +=
          fmt::format("group {}: {} rows\n", plain(group.key()), group.value().to_number<double>());
    }
  }
  if (const auto& balance = list_of(summary, "balance"); !balance.empty()) {
    out += fmt::format(
        "\nlargest difference between group means, in standard deviations\n  {} {:>8} {:>8}\n",
        padded("", 28), "random", "answer");
    for (const auto& item : balance) {
      const auto& column = item.as_object();
      out += fmt::format("  {} {:>8.3f} {:>8.3f}\n", padded(text_of(column, "column"), 28),
                         number_of(column, "smd_before"), number_of(column, "smd_after"));
    }
  }
  say_categories(out, "strata", list_of(summary, "strata"));
  say_categories(out, "categories", list_of(summary, "categories"));
  out += "columns\n";
  for (const auto& item : list_of(summary, "columns")) {
    const auto& account = item.as_object();
    const auto note = text_of(account, "note");
    const double missing = number_of(account, "missing");
    out += fmt::format("  {} {}{}{}{}\n", padded(text_of(account, "column"), 28),
                       text_of(account, "role"), note.empty() ? "" : ": ", note,
                       missing > 0 ? fmt::format(" ({:.0f} missing)", missing) : "");
  }
  for (const std::string_view file : {"assignment", "designs", "report", "page"}) {
    if (const auto name = text_of(summary, file); !name.empty()) {
      out += fmt::format("{} {}\n", padded(file, 30), name);
    }
  }
  return out;
}

}  // namespace saola::split_service
