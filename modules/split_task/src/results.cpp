#include <algorithm>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/text.hpp>
#include <saola/split_task/results.hpp>

#include "workbook.hpp"

namespace saola::split_task {
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

json::object period_of(const split::PanelReport& panel, const split::Panel::Range& range) {
  return {{"first", panel.times[range.begin]},
          {"last", panel.times[range.end - 1]},
          {"times", range.size()}};
}

// Without the series, which the report has.
json::object panel_of(const split::PanelReport& panel,
                      const std::vector<split::NamedSize>& groups) {
  const auto optional = [](const std::optional<double>& value) {
    return value ? json::value(*value) : json::value();
  };
  json::array tests;
  for (const auto& test : panel.tests) {
    json::object one{{"group", groups[test.group].name},
                     {"volume_share", panel.volume_shares[test.group]},
                     {"correlation_pre", optional(test.correlation_pre)},
                     {"correlation_holdout", optional(test.correlation_holdout)},
                     {"correlation_random", optional(test.correlation_random)},
                     {"gap_pre", test.gap_pre},
                     {"gap_holdout", test.gap_holdout},
                     {"durbin_watson", optional(test.durbin_watson)},
                     {"lift", optional(test.lift)},
                     {"lift_p", optional(test.lift_p)}};
    if (test.placebo) {
      one["placebos"] = test.placebo->count;
      one["critical"] = test.placebo->critical;
      one["mde"] = test.placebo->mde;
      one["mde_volume"] = test.mde_volume;
      json::array power;
      for (const auto& point : test.power) {
        power.push_back(json::object{{"lift", point.lift}, {"power", point.power}});
      }
      one["power"] = std::move(power);
    }
    if (test.random) one["mde_random"] = test.random->mde;
    tests.push_back(std::move(one));
  }
  return {{"pre", period_of(panel, panel.pre)},
          {"holdout", period_of(panel, panel.holdout)},
          {"duration", *panel.asked.duration},
          {"control", groups[panel.control].name},
          {"tests", std::move(tests)}};
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

std::string padded(std::string_view text, std::size_t width) {
  const auto has = character_count(text);
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

std::string percent_of(const json::object& object, std::string_view name) {
  const json::value* member = object.if_contains(name);
  if (member == nullptr || !member->is_number()) return "-";
  return fmt::format("{:.2f} %", 100 * member->to_number<double>());
}

void say_panel(std::string& out, const json::object& panel) {
  const auto period = [&](std::string_view name) {
    const auto& range = panel.at(name).as_object();
    return fmt::format("{} to {} ({:.0f} times)", text_of(range, "first"), text_of(range, "last"),
                       number_of(range, "times"));
  };
  out += fmt::format("\ngeo test of {:.0f} times; control: {}\n  pre-period {}\n  hold-out   {}\n",
                     number_of(panel, "duration"), text_of(panel, "control"), period("pre"),
                     period("holdout"));
  const auto line = [&](std::string_view what, const std::string& value) {
    out += fmt::format("  {} {:>12}\n", padded(what, 44), value);
  };
  for (const auto& item : list_of(panel, "tests")) {
    const auto& test = item.as_object();
    const auto plain_number = [&](std::string_view name) {
      const json::value* member = test.if_contains(name);
      return member == nullptr || !member->is_number()
                 ? std::string("-")
                 : fmt::format("{:.4f}", member->to_number<double>());
    };
    out += fmt::format("{}\n", text_of(test, "group"));
    line("share of the volume", percent_of(test, "volume_share"));
    line("correlation with the control, pre-period", plain_number("correlation_pre"));
    line("  of a random split", plain_number("correlation_random"));
    line("correlation, hold-out", plain_number("correlation_holdout"));
    line("mean gap per time, pre-period", percent_of(test, "gap_pre"));
    line("mean gap per time, hold-out", percent_of(test, "gap_holdout"));
    line("Durbin-Watson", plain_number("durbin_watson"));
    line("lift without an effect (A/A), hold-out", percent_of(test, "lift"));
    line(fmt::format("  of {:.0f} placebo splits as far from 0", number_of(test, "placebos")),
         percent_of(test, "lift_p"));
    line("a lift is significant beyond", percent_of(test, "critical"));
    line("minimum detectable effect (power 80 %)", percent_of(test, "mde"));
    line("  of a random split", percent_of(test, "mde_random"));
    line("  in units of the value", fmt::format("{:.6g}", number_of(test, "mde_volume")));
    for (const auto& point : list_of(test, "power")) {
      const auto& at = point.as_object();
      line("power at a lift of " + percent_of(at, "lift"), percent_of(at, "power"));
    }
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
    if (!workbook) return fail(workbook);
    out.push_back({"assignment", ".assignment.xlsx", *std::move(workbook)});
  } else {
    out.push_back(
        {"assignment", ".assignment.csv", split::assignment_csv(table, outcome, columns)});
  }
  if (outcome.designs)
    out.push_back({"designs", ".designs.csv", split::designs_csv(table, outcome)});
  if (!outcome.pareto.empty()) {
    out.push_back({"pareto_set", ".pareto.csv", split::pareto_csv(table, outcome)});
  }
  out.push_back({"report", ".report.json", split::report_json(outcome)});
  out.push_back({"page", ".report.html", split::report_html(outcome, source)});
  return out;
}

json::object preview_json(const TaskInput& input, const split::Preview& preview) {
  json::object groups;
  for (const auto& group : preview.groups) groups[group.name] = group.size;
  return {{"rows", preview.rows},
          {"rows_left_out", preview.rows_left_out},
          {"encoding", input.encoding()},
          {"delimiter",
           input.delimiter() == '\t' ? std::string("tab") : std::string(1, input.delimiter())},
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
  if (outcome.dispersion) {
    out["dispersion"] = *outcome.dispersion;
    out["dispersion_proven"] = outcome.dispersion_proven;
  }
  if (!outcome.pareto.empty()) {
    json::array pareto;
    for (const auto& point : outcome.pareto) {
      pareto.push_back(
          json::object{{"diversity", point.diversity}, {"dispersion", point.dispersion}});
    }
    out["pareto"] = std::move(pareto);
    out["pareto_chosen"] = outcome.pareto_chosen + 1;
  }
  if (outcome.panel) out["panel"] = panel_of(*outcome.panel, outcome.groups);
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
  stem.resize(utf8_prefix(stem, kMaxStem).size());
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
  if (summary.contains("dispersion")) {
    out += fmt::format("dispersion (smallest distance within a group): {:.6g}\n",
                       number_of(summary, "dispersion"));
  }
  if (const auto& pareto = list_of(summary, "pareto"); !pareto.empty()) {
    out += fmt::format("Pareto set; the answer is number {:.0f}\n",
                       number_of(summary, "pareto_chosen"));
    for (const auto& item : pareto) {
      const auto& point = item.as_object();
      out += fmt::format("  diversity {:<14.6g} dispersion {:.6g}\n", number_of(point, "diversity"),
                         number_of(point, "dispersion"));
    }
  }
  if (const json::value* panel = summary.if_contains("panel"); panel != nullptr) {
    say_panel(out, panel->as_object());
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
  for (const std::string_view file : {"assignment", "designs", "pareto_set", "report", "page"}) {
    if (const auto name = text_of(summary, file); !name.empty()) {
      out += fmt::format("{} {}\n", padded(file, 30), name);
    }
  }
  return out;
}

}  // namespace saola::split_task
