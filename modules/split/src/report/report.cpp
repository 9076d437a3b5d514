#include <algorithm>
#include <cmath>
#include <iterator>

#include <saola/base/log.hpp>
#include <saola/split/split.hpp>

namespace saola::split {
namespace {

// Writes JSON: the caller opens, names and closes, the commas come by themselves.
class Json {
 public:
  Json& open(char bracket) {
    separate();
    out_.push_back(bracket);
    fresh_ = true;
    return *this;
  }
  Json& close(char bracket) {
    out_.push_back(bracket);
    fresh_ = false;
    return *this;
  }
  Json& key(std::string_view name) {
    text(name);
    out_.push_back(':');
    fresh_ = true;
    return *this;
  }
  Json& text(std::string_view value) {
    separate();
    out_.push_back('"');
    append_json_escaped(out_, value);
    out_.push_back('"');
    return *this;
  }
  // The shortest digits that read back as the same number; null for what JSON cannot say.
  Json& number(double value) {
    return raw(std::isfinite(value) ? fmt::format("{}", value) : "null");
  }
  Json& whole(std::uint64_t value) { return raw(std::to_string(value)); }
  Json& truth(bool value) { return raw(value ? "true" : "false"); }
  Json& optional(std::optional<double> value) { return value ? number(*value) : raw("null"); }

  std::string take() && { return std::move(out_); }

 private:
  Json& raw(std::string_view value) {
    separate();
    out_ += value;
    return *this;
  }
  void separate() {
    if (!fresh_) out_.push_back(',');
    fresh_ = false;
  }

  std::string out_;
  bool fresh_ = true;
};

void write_column(Json& json, const ColumnBalance& column, const std::vector<NamedSize>& groups) {
  json.open('{').key("column").text(column.column);
  json.key("mean").number(column.mean).key("sd").number(column.sd);
  json.key("constant").truth(column.constant).key("missing").whole(column.missing);
  json.key("smd_before").number(column.smd_before).key("smd_after").number(column.smd_after);
  json.key("sd_gap_before").number(column.sd_gap_before);
  json.key("sd_gap_after").number(column.sd_gap_after);
  json.key("variance_ratio_before").optional(column.variance_ratio_before);
  json.key("variance_ratio_after").optional(column.variance_ratio_after);
  json.key("ks_before").optional(column.ks_before).key("ks_after").optional(column.ks_after);
  json.key("groups").open('[');
  for (std::size_t g = 0; g < groups.size(); ++g) {
    json.open('{').key("group").text(groups[g].name);
    json.key("mean").number(column.group_means[g]).key("sd").number(column.group_sds[g]).close('}');
  }
  json.close(']').close('}');
}

void write_category(Json& json, const CategoryBalance& category,
                    const std::vector<NamedSize>& groups) {
  json.open('{').key("column").text(category.column);
  json.key("share_gap_before").number(category.share_gap_before);
  json.key("share_gap_after").number(category.share_gap_after);
  json.key("levels_total").whole(category.levels_total);
  json.key("levels").open('[');
  for (const auto& level : category.levels) {
    json.open('{').key("level").text(level.level).key("count").whole(level.count);
    json.key("share_gap_before").number(level.share_gap_before);
    json.key("share_gap_after").number(level.share_gap_after);
    json.key("groups").open('[');
    for (std::size_t g = 0; g < groups.size(); ++g) {
      json.open('{').key("group").text(groups[g].name);
      json.key("count").whole(level.group_counts[g]).close('}');
    }
    json.close(']').close('}');
  }
  json.close(']').close('}');
}

void write_categories(Json& json, std::string_view name,
                      const std::vector<CategoryBalance>& categories,
                      const std::vector<NamedSize>& groups) {
  json.key(name).open('[');
  for (const auto& category : categories) write_category(json, category, groups);
  json.close(']');
}

void write_account(Json& json, const ColumnAccount& account) {
  json.open('{').key("column").text(account.column).key("role").text(to_string(account.role));
  json.key("note").text(account.note).key("missing").whole(account.missing);
  json.key("levels").whole(account.levels).close('}');
}

void write_range(Json& json, std::string_view name, const PanelReport& panel,
                 const Panel::Range& range) {
  json.key(name).open('{').key("first").text(panel.times[range.begin]);
  json.key("last").text(panel.times[range.end - 1]).key("times").whole(range.size()).close('}');
}

void write_placebo(Json& json, std::string_view name, const std::optional<PlaceboTest>& test) {
  if (!test) return;
  json.key(name).open('{').key("count").whole(test->count).key("mean").number(test->mean);
  json.key("sd").number(test->sd).key("critical").number(test->critical);
  json.key("mde").number(test->mde).close('}');
}

void write_test(Json& json, const PanelReport& panel, const GeoTest& test, std::string_view group) {
  json.open('{').key("group").text(group);
  json.key("intercept").number(test.intercept).key("slope").number(test.slope);
  json.key("correlation_pre").optional(test.correlation_pre);
  json.key("correlation_holdout").optional(test.correlation_holdout);
  json.key("correlation_random").optional(test.correlation_random);
  json.key("gap_pre").number(test.gap_pre).key("gap_holdout").number(test.gap_holdout);
  json.key("durbin_watson").optional(test.durbin_watson);
  json.key("lift").optional(test.lift).key("lift_p").optional(test.lift_p);
  write_placebo(json, "placebo", test.placebo);
  write_placebo(json, "random", test.random);
  if (test.placebo) json.key("mde_volume").number(test.mde_volume);
  json.key("power").open('[');
  for (const auto& [lift, power] : test.power) {
    json.open('{').key("lift").number(lift).key("power").number(power).close('}');
  }
  json.close(']').key("mde_by_duration").open('[');
  for (const auto& [duration, mde] : test.mde_by_duration) {
    json.open('{').key("duration").whole(duration).key("mde").number(mde).close('}');
  }
  json.close(']').key("series").open('[');
  for (std::size_t t = 0; t < panel.times.size(); ++t) {
    json.open('{').key("time").text(panel.times[t]).key("observed").number(test.observed[t]);
    json.key("expected").number(test.expected[t]);
    json.key("gap").number(test.observed[t] - test.expected[t]).close('}');
  }
  json.close(']').close('}');
}

void write_panel(Json& json, const PanelReport& panel, const std::vector<NamedSize>& groups) {
  json.key("panel").open('{').key("unit").text(panel.asked.unit).key("time").text(panel.asked.time);
  json.key("value").text(panel.asked.value);
  write_range(json, "pre", panel, panel.pre);
  write_range(json, "holdout", panel, panel.holdout);
  json.key("lags").whole(*panel.asked.lags).key("duration").whole(*panel.asked.duration);
  json.key("control").text(groups[panel.control].name).key("volume_shares").open('[');
  for (std::size_t g = 0; g < groups.size(); ++g) {
    json.open('{').key("group").text(groups[g].name);
    json.key("share").number(panel.volume_shares[g]).close('}');
  }
  json.close(']').key("tests").open('[');
  for (const auto& test : panel.tests) write_test(json, panel, test, groups[test.group].name);
  json.close(']').close('}');
}

}  // namespace

std::string report_json(const Outcome& whole) {
  // Lists of groups would be larger than the assignment where there are very many.
  constexpr std::size_t kMostGroups = 1000;
  const bool cut = whole.groups.size() > kMostGroups;
  Outcome shown;
  if (cut) {
    shown = whole;
    shown.groups.resize(kMostGroups);
  }
  const Outcome& outcome = cut ? shown : whole;
  Json json;
  json.open('{').key("format").text("saola.split.balance/1");
  json.key("objective").text(outcome.random ? "none" : to_string(outcome.objective));
  json.key("objective_asked").text(to_string(outcome.objective_asked));
  json.key("objective_before").optional(outcome.objective_before);
  json.key("objective_after").optional(outcome.objective_after);
  json.key("method").text(to_string(outcome.method));
  json.key("partners").text(outcome.partners);
  json.key("restarts_done").whole(outcome.restarts_done);
  json.key("best_restart").whole(outcome.best_restart).key("threads").whole(outcome.threads);
  json.key("trials").whole(outcome.trials).key("swaps").whole(outcome.swaps);
  if (outcome.designs) {
    const auto& set = *outcome.designs;
    const auto extreme = [&](bool high) {
      double value = high ? 0 : 1;
      for (const double p : set.probability) value = high ? std::max(value, p) : std::min(value, p);
      return value;
    };
    json.key("designs").open('{').key("count").whole(set.designs.size());
    json.key("drawn").whole(set.drawn + 1).key("names_drawn").truth(set.names_drawn);
    json.key("worst_objective").number(set.worst_objective);
    json.key("lowest_probability").number(extreme(false));
    json.key("highest_probability").number(extreme(true)).close('}');
  }
  if (outcome.dispersion) {
    json.key("dispersion").number(*outcome.dispersion);
    json.key("dispersion_proven").truth(outcome.dispersion_proven);
  }
  if (!outcome.pareto.empty()) {
    json.key("pareto").open('[');
    for (std::size_t p = 0; p < outcome.pareto.size(); ++p) {
      const auto& point = outcome.pareto[p];
      json.open('{').key("diversity").number(point.diversity);
      json.key("dispersion").number(point.dispersion);
      json.key("answer").truth(p == outcome.pareto_chosen).close('}');
    }
    json.close(']');
  }
  if (outcome.panel) write_panel(json, *outcome.panel, outcome.groups);
  json.key("stopped_by").text(to_string(outcome.stopped_by));
  json.key("degraded").truth(outcome.degraded);
  json.key("seed").whole(outcome.seed).key("seconds").number(outcome.seconds);
  json.key("groups").open('[');
  for (const auto& group : outcome.groups) {
    json.open('{').key("group").text(group.name).key("size").whole(group.size).close('}');
  }
  json.close(']').key("groups_total").whole(whole.groups.size());
  json.key("rows_left_out").whole(outcome.rows_left_out).key("columns").open('[');
  for (const auto& account : outcome.accounts) write_account(json, account);
  json.close(']').key("balance").open('[');
  for (const auto& column : outcome.columns) write_column(json, column, outcome.groups);
  json.close(']');
  write_categories(json, "strata", outcome.strata, outcome.groups);
  write_categories(json, "categories", outcome.categories, outcome.groups);
  json.key("warnings").open('[');
  for (const auto& warning : outcome.warnings) json.text(warning);
  json.close(']').close('}');
  auto text = std::move(json).take();
  text.push_back('\n');
  return text;
}

}  // namespace saola::split
