#include <algorithm>
#include <cmath>
#include <numeric>

#include <saola/base/log.hpp>
#include <saola/split/split.hpp>

#include "report/markup.hpp"
#include "report/panel_html.hpp"

namespace saola::split {
namespace {

// Columns whose distributions are drawn.
constexpr std::size_t kMostPictures = 30;
constexpr std::size_t kMostGroupsListed = 50;
constexpr std::size_t kMostRows = 200;

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:980px;"
    "margin:2rem auto;padding:0 1.2rem}"
    "h1{font-size:1.5rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}"
    "p.sub{color:#57606a;margin:0 0 1rem}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{text-align:right;padding:.25rem .6rem;border-bottom:1px solid #e3e6ea}"
    "th{font-weight:600;color:#57606a;border-bottom:1px solid #aab2bb}"
    "th:first-child,td:first-child,td.text,th.text{text-align:left}"
    "ul.warn{background:#fff6e0;border-left:4px solid #e69f00;margin:1rem 0;padding:.6rem 1rem "
    ".6rem "
    "2rem}ul.warn.bad{background:#fdeceb;border-color:#cf222e}"
    ".scroll{overflow-x:auto}svg{max-width:100%;height:auto;display:block}"
    "svg text{font:12px system-ui,sans-serif;fill:#1b1f24}svg .dim{fill:#57606a}"
    ".key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .35em 0 "
    ".9em;vertical-align:-.05em}"
    ".pair{display:grid;grid-template-columns:1fr 1fr;gap:.3rem 1rem}"
    "@media(max-width:640px){.pair{grid-template-columns:1fr}}";

// One item of the love plot.
struct Difference {
  std::string name;
  double before;
  double after;
};

std::vector<Difference> differences_of(const Outcome& outcome) {
  std::vector<Difference> out;
  for (const auto& column : outcome.columns) {
    if (!column.constant) out.push_back({column.column, column.smd_before, column.smd_after});
  }
  const auto add = [&](const std::vector<CategoryBalance>& categories) {
    for (const auto& category : categories) {
      // A level's share differs by gap; its sd is √(p (1 - p)).
      for (const auto& level : category.levels) {
        std::size_t rows = 0;
        for (const auto& group : outcome.groups) rows += group.size;
        const double p = static_cast<double>(level.count) / static_cast<double>(rows);
        const double sd = std::sqrt(p * (1 - p));
        if (sd <= 0) continue;
        out.push_back({category.column + " = " + level.level, level.share_gap_before / sd,
                       level.share_gap_after / sd});
      }
    }
  };
  add(outcome.strata);
  add(outcome.categories);
  std::stable_sort(out.begin(), out.end(),
                   [](const Difference& a, const Difference& b) { return a.before > b.before; });
  if (out.size() > kMostRows) out.resize(kMostRows);
  return out;
}

std::string love_plot(const Outcome& outcome) {
  const auto items = differences_of(outcome);
  if (items.empty()) return "";
  constexpr double kLeft = 260;
  constexpr double kWidth = 660;
  constexpr double kRow = 20;
  double largest = 0.12;
  for (const auto& item : items) largest = std::max({largest, item.before, item.after});
  largest *= 1.05;
  const auto x = [&](double value) { return kLeft + kWidth * std::min(value / largest, 1.0); };
  const double bottom = 10 + kRow * static_cast<double>(items.size());
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"Standardised differences\">",
      kLeft + kWidth + 20, bottom + 36);
  const double step = largest > 2 ? 0.5 : largest > 0.8 ? 0.2 : largest > 0.3 ? 0.1 : 0.02;
  for (double tick = 0; tick <= largest; tick += step) {
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"6\" y2=\"{1:.0f}\" stroke=\"#e3e6ea\"/><text "
        "class=\"dim\" x=\"{0:.1f}\" y=\"{2:.0f}\" text-anchor=\"middle\">{3:.2g}</text>",
        x(tick), bottom, bottom + 16, tick);
  }
  svg += fmt::format(
      "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"6\" y2=\"{1:.0f}\" stroke=\"#57606a\" "
      "stroke-dasharray=\"4 3\"/>",
      x(0.1), bottom);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const double y = 16 + kRow * static_cast<double>(i);
    svg += fmt::format(
        "<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text><line x1=\"{:.1f}\" "
        "x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#c3c9d0\"/><circle cx=\"{:.1f}\" "
        "cy=\"{:.1f}\" r=\"4.5\" fill=\"#fff\" stroke=\"#D55E00\" stroke-width=\"1.6\"/><circle "
        "cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\" fill=\"#0072B2\"/>",
        kLeft - 12, y + 4, shortened(items[i].name, 34), x(items[i].before), x(items[i].after), y,
        y, x(items[i].before), y, x(items[i].after), y);
  }
  svg += fmt::format(
      "<text class=\"dim\" x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">largest difference "
      "between two groups, in standard deviations</text></svg>",
      kLeft + kWidth / 2, bottom + 33);
  return svg;
}

// Lines of the groups' distributions, each scaled to its group's size.
std::string distribution(const ColumnShape& shape,
                         const std::vector<std::vector<std::uint32_t>>& groups,
                         std::string_view caption, double highest) {
  constexpr double kWidth = 440;
  constexpr double kHeight = 110;
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\"><text class=\"dim\" x=\"4\" "
      "y=\"14\">{2}</text><line x1=\"0\" x2=\"{0:.0f}\" y1=\"{3:.0f}\" y2=\"{3:.0f}\" "
      "stroke=\"#aab2bb\"/>",
      kWidth, kHeight + 22, caption, kHeight);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const double total = std::accumulate(groups[g].begin(), groups[g].end(), 0.0);
    std::string points;
    const auto bins = groups[g].size();
    for (std::size_t b = 0; b < bins; ++b) {
      // The mean of three bins, for a line that can be read.
      double sum = 0;
      double count = 0;
      for (std::size_t n = b == 0 ? 0 : b - 1; n <= std::min(b + 1, bins - 1); ++n, ++count) {
        sum += groups[g][n];
      }
      const double share = total > 0 ? sum / count / total : 0;
      points += fmt::format("{:.1f},{:.1f} ",
                            kWidth * (static_cast<double>(b) + 0.5) / static_cast<double>(bins),
                            kHeight - (kHeight - 22) * std::min(share / highest, 1.0));
    }
    svg += fmt::format(
        "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" stroke-opacity=\".85\" "
        "points=\"{}\"/>",
        kColours[g % kColours.size()], points);
  }
  svg += fmt::format(
      "<text class=\"dim\" x=\"2\" y=\"{0:.0f}\">{1}</text><text class=\"dim\" x=\"{2:.0f}\" "
      "y=\"{0:.0f}\" text-anchor=\"end\">{3}</text></svg>",
      kHeight + 17, number(shape.low), kWidth - 2, number(shape.high));
  return svg;
}

double highest_share(const std::vector<std::vector<std::uint32_t>>& groups) {
  double highest = 0;
  for (const auto& bins : groups) {
    const double total = std::accumulate(bins.begin(), bins.end(), 0.0);
    for (std::size_t b = 0; b < bins.size(); ++b) {
      double sum = 0;
      double count = 0;
      for (std::size_t n = b == 0 ? 0 : b - 1; n <= std::min(b + 1, bins.size() - 1);
           ++n, ++count) {
        sum += bins[n];
      }
      if (total > 0) highest = std::max(highest, sum / count / total);
    }
  }
  return highest;
}

std::string distributions(const Outcome& outcome) {
  std::string out;
  std::size_t drawn = 0;
  std::size_t left = 0;
  for (const auto& column : outcome.columns) {
    if (!column.shape) continue;
    if (drawn == kMostPictures) {
      ++left;
      continue;
    }
    ++drawn;
    const double highest =
        std::max(highest_share(column.shape->before), highest_share(column.shape->after));
    out += fmt::format("<h3>{}</h3><div class=\"pair\">{}{}</div>", escaped(column.column),
                       distribution(*column.shape, column.shape->before, "random split", highest),
                       distribution(*column.shape, column.shape->after, "this split", highest));
  }
  if (out.empty()) return "";
  std::string keys;
  for (std::size_t g = 0; g < outcome.groups.size(); ++g) {
    keys += fmt::format("<span class=\"key\" style=\"background:{}\"></span>{}",
                        kColours[g % kColours.size()], escaped(outcome.groups[g].name));
  }
  if (left > 0) keys += fmt::format(" · {} columns more are not drawn", left);
  return "<h2>Distributions</h2><p class=\"sub\">" + keys + "</p>" + out;
}

std::string groups_table(const Outcome& outcome) {
  std::string out = "<h2>Groups</h2><div class=\"scroll\"><table><tr><th>group</th><th>rows</th>";
  std::size_t columns = 0;
  for (const auto& column : outcome.columns) {
    if (columns++ == 8) break;
    out += fmt::format("<th>{}: mean (sd)</th>", escaped(column.column));
  }
  out += "</tr>";
  for (std::size_t g = 0; g < std::min(outcome.groups.size(), kMostGroupsListed); ++g) {
    out += fmt::format("<tr><td>{}</td><td>{}</td>", escaped(outcome.groups[g].name),
                       outcome.groups[g].size);
    for (std::size_t c = 0; c < std::min<std::size_t>(outcome.columns.size(), 8); ++c) {
      out += fmt::format("<td>{} ({})</td>", number(outcome.columns[c].group_means[g]),
                         number(outcome.columns[c].group_sds[g]));
    }
    out += "</tr>";
  }
  out += "</table></div>";
  if (outcome.groups.size() > kMostGroupsListed) {
    out += fmt::format("<p class=\"sub\">and {} groups more</p>",
                       outcome.groups.size() - kMostGroupsListed);
  }
  return out;
}

std::string balance_table(const Outcome& outcome) {
  if (outcome.columns.empty()) return "";
  std::string out =
      "<h2>Numeric columns</h2><div "
      "class=\"scroll\"><table><tr><th>column</th><th>mean</th><th>sd</th>"
      "<th>difference of means, random</th><th>this split</th><th>of sds, random</th><th>this "
      "split</th><th>variance ratio</th><th>KS, random</th><th>this split</th></tr>";
  std::size_t shown = 0;
  for (const auto& column : outcome.columns) {
    if (shown++ == kMostRows) break;
    out += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</"
        "td>"
        "<td>{}</td><td>{}</td></tr>",
        escaped(column.column), number(column.mean), number(column.sd), fixed(column.smd_before),
        fixed(column.smd_after), fixed(column.sd_gap_before), fixed(column.sd_gap_after),
        optional(column.variance_ratio_after), optional(column.ks_before),
        optional(column.ks_after));
  }
  return out + "</table></div>";
}

std::string category_tables(std::string_view title, const std::vector<CategoryBalance>& categories,
                            const Outcome& outcome) {
  if (categories.empty()) return "";
  std::string out = fmt::format("<h2>{}</h2>", title);
  const auto groups = std::min(outcome.groups.size(), kMostGroupsListed);
  for (const auto& category : categories) {
    out += fmt::format("<h3>{}</h3><div class=\"scroll\"><table><tr><th>value</th><th>rows</th>",
                       escaped(category.column));
    for (std::size_t g = 0; g < groups; ++g) {
      out += fmt::format("<th>{}</th>", escaped(outcome.groups[g].name));
    }
    out += "<th>share gap, random</th><th>this split</th></tr>";
    for (const auto& level : category.levels) {
      out += fmt::format("<tr><td>{}</td><td>{}</td>", escaped(level.level), level.count);
      for (std::size_t g = 0; g < groups; ++g) {
        out += fmt::format("<td>{}</td>", level.group_counts[g]);
      }
      out += fmt::format("<td>{}</td><td>{}</td></tr>", fixed(level.share_gap_before),
                         fixed(level.share_gap_after));
    }
    out += "</table></div>";
    if (category.levels_total > category.levels.size()) {
      out += fmt::format("<p class=\"sub\">the {} values with the largest gaps of {}</p>",
                         category.levels.size(), category.levels_total);
    }
  }
  return out;
}

std::string accounts_table(const Outcome& outcome) {
  std::string out =
      "<h2>Columns of the table</h2><div class=\"scroll\"><table><tr><th>column</th><th "
      "class=\"text\">role</th><th>missing</th><th class=\"text\">note</th></tr>";
  std::size_t shown = 0;
  for (const auto& account : outcome.accounts) {
    if (shown++ == kMostRows) break;
    out += fmt::format(
        "<tr><td>{}</td><td class=\"text\">{}</td><td>{}</td><td class=\"text\">{}</td></tr>",
        escaped(account.column),
        account.role == Role::kLeftOut ? "left out" : to_string(account.role), account.missing,
        escaped(account.note));
  }
  out += "</table></div>";
  if (outcome.accounts.size() > kMostRows) {
    out += fmt::format("<p class=\"sub\">and {} columns more</p>",
                       outcome.accounts.size() - kMostRows);
  }
  return out;
}

std::string pareto_table(const Outcome& outcome) {
  if (outcome.pareto.empty()) return "";
  std::string out = fmt::format(
      "<h2>Diversity and dispersion</h2><p class=\"sub\">No split of the set is beaten by another "
      "in both. {}</p><div class=\"scroll\"><table><tr><th>split</th><th>diversity</th>"
      "<th>dispersion</th><th></th></tr>",
      outcome.dispersion_proven ? "No split has a larger dispersion than the last." : "");
  for (std::size_t p = 0; p < outcome.pareto.size(); ++p) {
    out += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", p + 1,
                       number(outcome.pareto[p].diversity), number(outcome.pareto[p].dispersion),
                       p == outcome.pareto_chosen ? "this split" : "");
  }
  return out + "</table></div>";
}

std::string warnings_list(const Outcome& outcome) {
  if (outcome.warnings.empty()) return "";
  std::string out = outcome.degraded ? "<ul class=\"warn bad\">" : "<ul class=\"warn\">";
  for (const auto& warning : outcome.warnings) out += fmt::format("<li>{}</li>", escaped(warning));
  return out + "</ul>";
}

std::string dispersion_line(const Outcome& outcome) {
  if (!outcome.dispersion) return "";
  const bool best = outcome.objective == Objective::kDispersion && outcome.dispersion_proven;
  return fmt::format(" · dispersion {}{}", number(*outcome.dispersion),
                     best ? ", and no split has more" : "");
}

std::string search_line(const Outcome& outcome) {
  if (outcome.random) return "random split within the strata: no numeric column takes part";
  const auto value = [](const std::optional<double>& v) { return v ? number(*v) : "not computed"; };
  return fmt::format("objective {}: {} (random split: {}) · {} restarts in {:.1f} s{}",
                     to_string(outcome.objective), value(outcome.objective_after),
                     value(outcome.objective_before), outcome.restarts_done, outcome.seconds,
                     dispersion_line(outcome) +
                         (outcome.stopped_by == StoppedBy::kDone
                              ? ""
                              : fmt::format(" · ended by {}", to_string(outcome.stopped_by))));
}

}  // namespace

std::string report_html(const Outcome& outcome, std::string_view title) {
  std::size_t rows = 0;
  for (const auto& group : outcome.groups) rows += group.size;
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>Split of {0}</title><style>{1}</style>"
      "</head><body><h1>Split of {0}</h1><p class=\"sub\">{2} rows in {3} groups{4} · seed "
      "{5}<br>{6}"
      "</p>",
      escaped(title), kStyle, rows, outcome.groups.size(),
      outcome.rows_left_out > 0 ? fmt::format(", {} left out", outcome.rows_left_out) : "",
      outcome.seed, search_line(outcome));
  out += warnings_list(outcome);
  if (outcome.panel) out += panel_html(*outcome.panel, outcome.groups);
  if (const auto plot = love_plot(outcome); !plot.empty()) {
    out +=
        "<h2>Balance</h2><p class=\"sub\"><span class=\"key\" "
        "style=\"border:2px solid "
        "#D55E00;background:#fff;border-radius:50%;margin-left:0\"></span>random split "
        "<span class=\"key\" style=\"background:#0072B2;border-radius:50%\"></span>this split · "
        "dashed: 0.1</p>" +
        plot;
  }
  out += pareto_table(outcome) + groups_table(outcome) + balance_table(outcome);
  out += category_tables("Strata", outcome.strata, outcome);
  out += category_tables("Categories", outcome.categories, outcome);
  out += distributions(outcome) + accounts_table(outcome);
  return out + "</body></html>\n";
}

}  // namespace saola::split
