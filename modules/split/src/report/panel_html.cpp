#include "report/panel_html.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "report/markup.hpp"

namespace saola::split {
namespace {

constexpr double kWidth = 920;

std::string percent(double share) {
  return fmt::format("{:.2f} %", 100 * share);
}
std::string percent(const std::optional<double>& share) {
  return share ? percent(*share) : "–";
}

// A line through the finite points; broken where one is missing.
std::string polyline(const std::vector<std::pair<double, double>>& points, std::string_view style) {
  std::string out;
  std::string open;
  const auto close = [&] {
    if (!open.empty()) {
      out += fmt::format("<polyline fill=\"none\" {} points=\"{}\"/>", style, open);
    }
    open.clear();
  };
  for (const auto& [x, y] : points) {
    if (!std::isfinite(y)) {
      close();
      continue;
    }
    open += fmt::format("{:.1f},{:.1f} ", x, y);
  }
  close();
  return out;
}

// What the group did and what the control makes expected, over all times; the hold-out is shaded.
std::string series_plot(const PanelReport& report, const GeoTest& test) {
  constexpr double kHeight = 200;
  constexpr double kTop = 10;
  constexpr double kLeft = 60;
  double low = INFINITY;
  double high = -INFINITY;
  for (const auto* series : {&test.observed, &test.expected}) {
    for (const double v : *series) {
      if (!std::isfinite(v)) continue;
      low = std::min(low, v);
      high = std::max(high, v);
    }
  }
  if (!(high > low)) return "";
  const auto count = static_cast<double>(report.times.size());
  const auto x = [&](double t) { return kLeft + (kWidth - kLeft) * (t + 0.5) / count; };
  const auto y = [&](double v) { return kTop + kHeight * (high - v) / (high - low); };
  const auto line = [&](const std::vector<double>& series, std::string_view style) {
    std::vector<std::pair<double, double>> points;
    for (std::size_t t = 0; t < series.size(); ++t) {
      points.emplace_back(x(static_cast<double>(t)), y(series[t]));
    }
    return polyline(points, style);
  };
  const double from = x(static_cast<double>(report.holdout.begin) - 0.5);
  const double to = x(static_cast<double>(report.holdout.end) - 0.5);
  return fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"Observed and expected\"><rect "
      "x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"{:.0f}\" fill=\"#f1f3f5\"/>{}{}"
      "<text class=\"dim\" x=\"0\" y=\"{:.0f}\">{}</text><text class=\"dim\" x=\"0\" "
      "y=\"{:.0f}\">{}</text><text class=\"dim\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text><text "
      "class=\"dim\" x=\"{:.1f}\" y=\"{:.0f}\">hold-out</text><text class=\"dim\" x=\"{:.0f}\" "
      "y=\"{:.0f}\" text-anchor=\"end\">{}</text></svg>",
      kWidth, kTop + kHeight + 24, from, kTop, to - from, kHeight,
      line(test.expected, "stroke=\"#D55E00\" stroke-width=\"1.6\" stroke-dasharray=\"5 3\""),
      line(test.observed, "stroke=\"#0072B2\" stroke-width=\"1.8\""), kTop + 10, number(high),
      kTop + kHeight, number(low), kLeft, kTop + kHeight + 18, escaped(report.times.front()),
      from + 4, kTop + 14, kWidth, kTop + kHeight + 18, escaped(report.times.back()));
}

// Power by lift, the MDE marked.
std::string power_plot(const GeoTest& test) {
  constexpr double kHeight = 150;
  constexpr double kPlot = 440;
  constexpr double kLeft = 40;
  constexpr double kEnough = 0.8;
  const double largest = std::max(2 * test.placebo->mde, 0.01);
  const auto x = [&](double lift) { return kLeft + (kPlot - kLeft - 10) * lift / largest; };
  const auto y = [&](double power) { return 10 + kHeight * (1 - power); };
  std::vector<std::pair<double, double>> points;
  for (const auto& [lift, power] : test.power) {
    if (lift <= largest) points.emplace_back(x(lift), y(power));
  }
  points.emplace_back(x(test.placebo->mde), y(kEnough));
  std::sort(points.begin(), points.end());
  return fmt::format(
      "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\" aria-label=\"Power by lift\"><line "
      "x1=\"{2:.0f}\" x2=\"{0:.0f}\" y1=\"{3:.1f}\" y2=\"{3:.1f}\" stroke=\"#57606a\" "
      "stroke-dasharray=\"4 3\"/><line x1=\"{2:.0f}\" x2=\"{0:.0f}\" y1=\"{4:.1f}\" y2=\"{4:.1f}\" "
      "stroke=\"#aab2bb\"/>{5}<circle cx=\"{6:.1f}\" cy=\"{3:.1f}\" r=\"4.5\" fill=\"#0072B2\"/>"
      "<text class=\"dim\" x=\"0\" y=\"{7:.1f}\">80 %</text><text class=\"dim\" x=\"{6:.1f}\" "
      "y=\"{8:.0f}\" text-anchor=\"middle\">MDE {9}</text></svg>",
      kPlot, kHeight + 30, kLeft, y(kEnough), y(0),
      polyline(points, "stroke=\"#0072B2\" stroke-width=\"1.8\""), x(test.placebo->mde),
      y(kEnough) + 4, kHeight + 27, percent(test.placebo->mde));
}

std::string duration_plot(const GeoTest& test) {
  constexpr double kHeight = 150;
  constexpr double kPlot = 440;
  constexpr double kLeft = 40;
  if (test.mde_by_duration.size() < 2) return "";
  double high = 0;
  for (const auto& [duration, mde] : test.mde_by_duration) high = std::max(high, mde);
  if (high <= 0) return "";
  const auto longest = static_cast<double>(test.mde_by_duration.back().first);
  std::vector<std::pair<double, double>> points;
  for (const auto& [duration, mde] : test.mde_by_duration) {
    points.emplace_back(kLeft + (kPlot - kLeft - 10) * static_cast<double>(duration) / longest,
                        10 + kHeight * (1 - mde / high));
  }
  return fmt::format(
      "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\" aria-label=\"MDE by duration\"><line "
      "x1=\"{2:.0f}\" x2=\"{0:.0f}\" y1=\"{3:.0f}\" y2=\"{3:.0f}\" stroke=\"#aab2bb\"/>{4}<text "
      "class=\"dim\" x=\"0\" y=\"18\">{5}</text><text class=\"dim\" x=\"{0:.0f}\" y=\"{6:.0f}\" "
      "text-anchor=\"end\">MDE for tests of 1 to {7:.0f} times</text></svg>",
      kPlot, kHeight + 30, kLeft, kHeight + 10,
      polyline(points, "stroke=\"#0072B2\" stroke-width=\"1.8\""), percent(high), kHeight + 27,
      longest);
}

std::string rows_of(const PanelReport& report, const GeoTest& test) {
  std::string out = "<div class=\"scroll\"><table>";
  const auto row = [&](std::string_view what, const std::string& here, const std::string& random) {
    out += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", what, here, random);
  };
  out += "<tr><th></th><th>this split</th><th>random split</th></tr>";
  row("correlation with the control, pre-period", optional(test.correlation_pre),
      optional(test.correlation_random));
  row("correlation, hold-out", optional(test.correlation_holdout), "");
  row("mean gap per time, pre-period", percent(test.gap_pre), "");
  row("mean gap per time, hold-out", percent(test.gap_holdout), "");
  row("share of the volume", percent(report.volume_shares[test.group]), "");
  row("Durbin-Watson of the pre-period's residuals", optional(test.durbin_watson), "");
  row("lift without an effect (A/A), hold-out", percent(test.lift), "");
  row("placebo splits at least as far from 0", percent(test.lift_p), "");
  const auto of = [](const std::optional<PlaceboTest>& placebo, double PlaceboTest::* member) {
    return placebo ? percent((*placebo).*member) : "–";
  };
  row("a lift is significant beyond", of(test.placebo, &PlaceboTest::critical),
      of(test.random, &PlaceboTest::critical));
  row("minimum detectable effect", of(test.placebo, &PlaceboTest::mde),
      of(test.random, &PlaceboTest::mde));
  if (test.placebo) row("the same in " + escaped(report.asked.value), number(test.mde_volume), "");
  return out + "</table></div>";
}

}  // namespace

std::string panel_html(const PanelReport& report, std::span<const NamedSize> groups) {
  std::string out = fmt::format(
      "<h2>Geo test</h2><p class=\"sub\">{} by {} · pre-period {} to {} ({} times) · hold-out {} "
      "to "
      "{} ({} times) · a test of {} times · control: {} with {} of the volume</p>",
      escaped(report.asked.value), escaped(report.asked.unit),
      escaped(report.times[report.pre.begin]), escaped(report.times[report.pre.end - 1]),
      report.pre.size(), escaped(report.times[report.holdout.begin]),
      escaped(report.times[report.holdout.end - 1]), report.holdout.size(), *report.asked.duration,
      escaped(groups[report.control].name), percent(report.volume_shares[report.control]));
  for (const auto& test : report.tests) {
    out += fmt::format(
        "<h3>{}</h3><p class=\"sub\"><span class=\"key\" "
        "style=\"background:#0072B2;margin-left:0\"></span>observed <span class=\"key\" "
        "style=\"background:#D55E00\"></span>expected from the control</p>{}{}",
        escaped(groups[test.group].name), series_plot(report, test), rows_of(report, test));
    if (!test.placebo) continue;
    out += fmt::format(
        "<p class=\"sub\">Power at 95 % confidence, from {} placebo splits.</p><div "
        "class=\"pair\">{}{}</div>",
        test.placebo->count, power_plot(test), duration_plot(test));
  }
  return out;
}

}  // namespace saola::split
