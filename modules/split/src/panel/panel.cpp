#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <unordered_map>

#include <saola/split/panel.hpp>
#include <saola/split/read.hpp>

#include "panel/times.hpp"
#include "selection/find_column.hpp"
#include "table/quoted.hpp"

namespace saola::split {
namespace {

using Ok = Result<void>;

constexpr std::uint32_t kNone = UINT32_MAX;
constexpr std::size_t kLeastPre = 3;
constexpr std::size_t kMostLags = 28;

std::string lag_name(const std::string& value, std::size_t lag) {
  return fmt::format("{} lag {}", value, lag);
}

class Builder {
 public:
  Builder(const Table& table, const PanelOptions& asked, const Options& options)
      : table_(table), options_(options) {
    panel_.asked = asked;
    panel_.options = options;
  }

  Result<Panel> build() && {
    for (const auto step : {&Builder::find_columns, &Builder::find_times, &Builder::find_periods,
                            &Builder::find_units, &Builder::fill, &Builder::find_carried,
                            &Builder::fill_gaps, &Builder::write_units, &Builder::set_options}) {
      if (auto ok = (this->*step)(); !ok) return fail(ok);
    }
    account();
    return std::move(panel_);
  }

 private:
  const std::string& name(std::size_t c) const { return table_.columns()[c].name; }
  std::size_t units() const { return ids_.size(); }
  double& value(std::size_t unit, std::size_t time) {
    return panel_.values[unit * panel_.times.size() + time];
  }

  Ok find_columns() {
    const auto& asked = panel_.asked;
    std::set<std::size_t> different;
    for (const auto& [option, column, at] : {std::tuple{"panel.unit", &asked.unit, &unit_},
                                             std::tuple{"panel.time", &asked.time, &time_},
                                             std::tuple{"panel.value", &asked.value, &value_}}) {
      const auto found = find_column(table_, option, *column);
      if (!found) return fail(found);
      *at = *found;
      if (different.insert(*found).second) continue;
      return fail(ErrorCode::kInvalidArgument,
                  "{}: {} is named twice; unit, time and value are three columns", option,
                  quoted(*column));
    }
    if (options_.id_column && *options_.id_column != asked.unit) {
      return fail(ErrorCode::kInvalidArgument,
                  "id_column: {} was asked for, but a panel's id is its unit {}",
                  quoted(*options_.id_column), quoted(asked.unit));
    }
    if (options_.missing == Missing::kIndicator) {
      return fail(ErrorCode::kInvalidArgument,
                  "missing: 'indicator' is not for panels; use drop_rows, mean or median");
    }
    if (asked.placebos < 1) {
      return fail(ErrorCode::kInvalidArgument, "panel.placebos: it must be at least 1");
    }
    return check_numeric(table_, value_);
  }

  Ok find_times() {
    auto times = Times::of(table_, time_);
    if (!times) return fail(times);
    times_ = *std::move(times);
    panel_.times = times_.labels();
    return {};
  }

  // Count times that end at `end`, or those between two labels; `fallback` when not asked for.
  Result<Panel::Range> period(std::string_view option, const PanelOptions::Period& asked,
                              std::size_t end, std::size_t fallback) const {
    if (const auto* ends = std::get_if<std::pair<std::string, std::string>>(&asked)) {
      const auto range = times_.range(ends->first, ends->second);
      if (!range) return fail(range);
      if (range->first == range->second) {
        return fail(ErrorCode::kInvalidArgument,
                    "{}: there is no time from {} to {}; the panel has {} to {}", option,
                    quoted(ends->first), quoted(ends->second), quoted(panel_.times.front()),
                    quoted(panel_.times.back()));
      }
      return Panel::Range{range->first, range->second};
    }
    const auto* const count = std::get_if<std::size_t>(&asked);
    const auto size = count != nullptr ? *count : fallback;
    if (size < 1 || size > end) {
      return fail(ErrorCode::kInvalidArgument, "{}: {} times were asked for, but there are {}{}",
                  option, size, end, end < panel_.times.size() ? " before the hold-out" : "");
    }
    return Panel::Range{end - size, end};
  }

  Ok find_periods() {
    auto& asked = panel_.asked;
    const auto all = panel_.times.size();
    if (all < kLeastPre + 1) {
      return fail(ErrorCode::kInvalidArgument,
                  "panel: column {} has {} different time{}; a pre-period of at least {} and a "
                  "hold-out are needed",
                  quoted(asked.time), all, all == 1 ? "" : "s", kLeastPre);
    }
    const auto holdout =
        period("panel.holdout", asked.holdout, all, std::max<std::size_t>(all / 5, 1));
    if (!holdout) return fail(holdout);
    panel_.holdout = *holdout;
    const auto pre = period("panel.pre", asked.pre, holdout->begin, holdout->begin);
    if (!pre) return fail(pre);
    panel_.pre = *pre;
    if (pre->end > holdout->begin) {
      return fail(ErrorCode::kInvalidArgument,
                  "panel: the pre-period ends with {} and the hold-out begins with {}; the "
                  "pre-period must be over before",
                  quoted(panel_.times[pre->end - 1]), quoted(panel_.times[holdout->begin]));
    }
    if (pre->size() < kLeastPre) {
      return fail(ErrorCode::kInvalidArgument,
                  "panel: the pre-period has {} time{}; at least {} are needed: make 'holdout' "
                  "shorter or 'pre' longer",
                  pre->size(), pre->size() == 1 ? "" : "s", kLeastPre);
    }
    if (asked.lags && *asked.lags > pre->size()) {
      return fail(ErrorCode::kInvalidArgument,
                  "panel.lags: {} were asked for, but the pre-period has {} times", *asked.lags,
                  pre->size());
    }
    asked.lags = asked.lags.value_or(std::min(pre->size(), kMostLags));
    asked.duration = asked.duration.value_or(holdout->size());
    if (*asked.duration < 1 || *asked.duration > holdout->size()) {
      return fail(ErrorCode::kInvalidArgument,
                  "panel.duration: a test of {} times cannot be judged by a hold-out of {}; make "
                  "'holdout' at least as long",
                  *asked.duration, holdout->size());
    }
    return {};
  }

  Ok find_units() {
    std::unordered_map<std::string, std::uint32_t> index;
    const auto cells = table_.text(unit_);
    for (std::size_t row = 0; row < cells.size(); ++row) {
      if (table_.missing(cells[row])) {
        return fail(ErrorCode::kInvalidArgument, "panel: {} has no unit in column {}",
                    table_.place(row), quoted(name(unit_)));
      }
      const auto next = static_cast<std::uint32_t>(index.size());
      const auto [at, fresh] = index.try_emplace(cells[row], next);
      if (fresh) ids_.push_back(cells[row]);
      unit_of_row_.push_back(at->second);
    }
    if (units() < 2) {
      return fail(ErrorCode::kInvalidArgument,
                  "panel: column {} has one unit only; a split needs at least two",
                  quoted(name(unit_)));
    }
    return {};
  }

  Ok fill() {
    constexpr std::size_t kMostCells = 200'000'000;
    const auto count = panel_.times.size();
    if (units() * count > kMostCells) {
      return fail(ErrorCode::kTooLarge, "panel: {} units × {} times are too many; the limit is {}",
                  units(), count, kMostCells);
    }
    panel_.values.assign(units() * count, std::numeric_limits<double>::quiet_NaN());
    std::vector<bool> filled(units() * count);
    const auto& values = table_.columns()[value_].values;
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      const auto at = unit_of_row_[row] * count + times_.of_row()[row];
      if (filled[at]) {
        return fail(ErrorCode::kInvalidArgument,
                    "panel: unit {} has {} twice, the second time in {}; add such rows up first, "
                    "or leave one out",
                    quoted(ids_[unit_of_row_[row]]), quoted(panel_.times[times_.of_row()[row]]),
                    table_.place(row));
      }
      filled[at] = true;
      panel_.values[at] = values[row];
    }
    return {};
  }

  // The row of the table with a unit's value of a column, the same in all rows that have one; absent
  // where a unit has two.
  struct Carried {
    std::size_t column;
    std::vector<std::uint32_t> row_of_unit;
  };
  std::optional<Carried> carried(std::size_t c) const {
    const auto& one = table_.columns()[c];
    Carried out{c, std::vector<std::uint32_t>(units(), kNone)};
    const auto texts = one.numeric() ? std::vector<std::string>() : table_.text(c);
    for (std::uint32_t row = 0; row < table_.rows(); ++row) {
      if (one.numeric() ? std::isnan(one.values[row]) : table_.missing(texts[row])) continue;
      auto& first = out.row_of_unit[unit_of_row_[row]];
      if (first == kNone) {
        first = row;
      } else if (one.numeric() ? one.values[row] != one.values[first]
                               : texts[row] != texts[first]) {
        return std::nullopt;
      }
    }
    return out;
  }

  bool named(const std::vector<std::string>& names, std::size_t c) const {
    return std::find(names.begin(), names.end(), name(c)) != names.end();
  }

  Ok find_carried() {
    for (std::size_t c = 0; c < table_.columns().size(); ++c) {
      if (c == unit_ || c == time_ || c == value_) continue;
      if (auto one = carried(c)) {
        carried_.push_back(*std::move(one));
        continue;
      }
      const bool wanted =
          named(options_.columns, c) || options_.constraints.volume_column == name(c);
      if (wanted && check_numeric(table_, c)) {
        averaged_.push_back(c);
        continue;
      }
      const auto& constraints = options_.constraints;
      for (const auto& [option, used] :
           {std::pair{"columns", named(options_.columns, c)},
            std::pair{"strata", named(options_.strata, c)},
            std::pair{"categories", named(options_.categories, c)},
            std::pair{"volume", constraints.volume_column == name(c)},
            std::pair{"together", constraints.together_column == name(c)},
            std::pair{"apart", constraints.apart_column == name(c)},
            std::pair{"start_column", options_.start_column == name(c)}}) {
        if (!used) continue;
        return fail(ErrorCode::kInvalidArgument,
                    "{}: column {} of the panel changes within a unit; only a numeric column in "
                    "'columns' or 'volume' may, and becomes its mean over the pre-period",
                    option, quoted(name(c)));
      }
    }
    return {};
  }

  Ok fill_gaps() {
    std::size_t gaps = 0;
    std::vector<std::uint32_t> incomplete;
    std::string first;
    const auto each_time = [&](auto&& act) {
      for (auto t = panel_.pre.begin; t < panel_.pre.end; ++t) act(t);
      for (auto t = panel_.holdout.begin; t < panel_.holdout.end; ++t) act(t);
    };
    for (std::uint32_t u = 0; u < units(); ++u) {
      const auto before = gaps;
      each_time([&](std::size_t t) {
        if (!std::isnan(value(u, t))) return;
        if (gaps++ == 0) first = fmt::format("{} at {}", quoted(ids_[u]), quoted(panel_.times[t]));
      });
      if (gaps > before) incomplete.push_back(u);
    }
    if (gaps == 0) return {};
    const auto what = fmt::format(
        "{} of {} units have no {} at some time of the pre-period or the hold-out, the "
        "first is {} ({} values in all)",
        incomplete.size(), units(), quoted(name(value_)), first, gaps);
    switch (options_.missing) {
      case Missing::kFail:
        return fail(ErrorCode::kInvalidArgument,
                    "panel: {}. Fill in the values (0 where nothing was sold), choose other "
                    "periods, or say in 'missing' what to do: drop_rows, mean or median",
                    what);
      case Missing::kDropRows:
        incomplete_ = std::set(incomplete.begin(), incomplete.end());
        panel_.notes.push_back(fmt::format("{}; these units got no group", what));
        return {};
      case Missing::kMean:
      case Missing::kMedian:
      case Missing::kIndicator:
        break;
    }
    for (const auto u : incomplete) {
      std::vector<double> present;
      for (auto t = panel_.pre.begin; t < panel_.pre.end; ++t) {
        if (!std::isnan(value(u, t))) present.push_back(value(u, t));
      }
      if (present.empty()) {
        return fail(ErrorCode::kInvalidArgument,
                    "panel: unit {} has no {} in the whole pre-period; leave it out with "
                    "'missing' drop_rows",
                    quoted(ids_[u]), quoted(name(value_)));
      }
      const double filler = options_.missing == Missing::kMean ? mean(present) : median(present);
      each_time([&](std::size_t t) {
        if (std::isnan(value(u, t))) value(u, t) = filler;
      });
    }
    panel_.notes.push_back(fmt::format("{}; the {} of the unit's pre-period stood in", what,
                                       options_.missing == Missing::kMean ? "mean" : "median"));
    return {};
  }

  static double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum / static_cast<double>(values.size());
  }
  static double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  }

  // The mean over the pre-period of a column that changes, one a unit.
  std::vector<double> averages(std::size_t c) const {
    std::vector<double> sums(units());
    std::vector<std::size_t> counts(units());
    const auto& values = table_.columns()[c].values;
    for (std::size_t row = 0; row < values.size(); ++row) {
      const auto t = times_.of_row()[row];
      if (t < panel_.pre.begin || t >= panel_.pre.end || std::isnan(values[row])) continue;
      sums[unit_of_row_[row]] += values[row];
      ++counts[unit_of_row_[row]];
    }
    for (std::size_t u = 0; u < sums.size(); ++u) sums[u] /= static_cast<double>(counts[u]);
    return sums;
  }

  Ok write_units() {
    std::string csv;
    append_csv_field(csv, name(unit_));
    const auto head = [&](const std::string& text) {
      csv.push_back(',');
      append_csv_field(csv, text);
    };
    for (const auto& column : carried_) head(name(column.column));
    std::vector<std::vector<double>> means;
    for (const auto c : averaged_) {
      head(name(c));
      means.push_back(averages(c));
    }
    head(name(value_));
    const auto lags = *panel_.asked.lags;
    for (std::size_t lag = 1; lag <= lags; ++lag) head(lag_name(name(value_), lag));
    csv.push_back('\n');
    // The shortest digits that read back as the same number.
    const auto number = [&](double v) {
      csv.push_back(',');
      if (std::isfinite(v)) csv += fmt::format("{}", v);
    };
    for (std::uint32_t u = 0; u < units(); ++u) {
      append_csv_field(csv, ids_[u]);
      for (const auto& column : carried_) {
        const auto row = column.row_of_unit[u];
        const auto& one = table_.columns()[column.column];
        if (one.numeric()) {
          number(row == kNone ? NAN : one.values[row]);
        } else {
          csv.push_back(',');
          if (row != kNone) append_csv_field(csv, table_.cell(row, column.column));
        }
      }
      for (const auto& one : means) number(one[u]);
      const bool whole = !incomplete_.contains(u);
      double sum = 0;
      for (auto t = panel_.pre.begin; t < panel_.pre.end; ++t) sum += value(u, t);
      number(whole ? sum / static_cast<double>(panel_.pre.size()) : NAN);
      for (std::size_t lag = 1; lag <= lags; ++lag) {
        number(whole ? value(u, panel_.pre.end - lag) : NAN);
      }
      csv.push_back('\n');
    }
    ReadOptions plain;
    plain.encoding = "utf-8";
    plain.delimiter = ',';
    plain.decimal = '.';
    plain.thousands = '\0';
    auto read = read_table(std::move(csv), plain);
    if (!read) return fail(std::move(read).error().wrap("panel, brought to one row a unit"));
    panel_.units = *std::move(read);
    return {};
  }

  Ok set_options() {
    auto& options = panel_.options;
    options.id_column = name(unit_);
    const auto lags = *panel_.asked.lags;
    const auto add = [&](const std::string& column) {
      auto& columns = options.columns;
      if (columns.empty() || std::find(columns.begin(), columns.end(), column) != columns.end()) {
        return;
      }
      columns.push_back(column);
    };
    add(name(value_));
    for (std::size_t lag = 1; lag <= lags; ++lag) {
      const auto column = lag_name(name(value_), lag);
      add(column);
      const bool weighed = std::any_of(options.weights.begin(), options.weights.end(),
                                       [&](const auto& weight) { return weight.first == column; });
      if (!weighed && lags > 1) {
        options.weights.emplace_back(column, 1 / std::sqrt(static_cast<double>(lags)));
      }
    }
    return {};
  }

  void account() {
    const auto& notes = table_.notes();
    panel_.notes.insert(panel_.notes.begin(), notes.begin(), notes.end());
    for (std::size_t c = 0; c < table_.columns().size(); ++c) {
      const auto& one = table_.columns()[c];
      if (c == unit_ || c == value_ || panel_.units.find(one.name)) continue;
      ColumnAccount account{one.name, Role::kLeftOut, "changes within units", one.missing,
                            one.levels};
      if (c == time_) {
        const auto span = [&](const Panel::Range& range) {
          return fmt::format("{} to {} ({} times)", panel_.times[range.begin],
                             panel_.times[range.end - 1], range.size());
        };
        account.note = fmt::format("the panel's time: pre-period {}, hold-out {}", span(panel_.pre),
                                   span(panel_.holdout));
      } else if (one.numeric()) {
        account.note += "; named in 'columns', its mean over the pre-period is balanced";
      }
      panel_.others.push_back(std::move(account));
    }
  }

  const Table& table_;
  const Options& options_;
  Panel panel_;
  std::size_t unit_ = 0;
  std::size_t time_ = 0;
  std::size_t value_ = 0;
  Times times_;
  std::vector<std::string> ids_;
  std::vector<std::uint32_t> unit_of_row_;
  std::vector<Carried> carried_;
  std::vector<std::size_t> averaged_;
  // Units that get no group.
  std::set<std::uint32_t> incomplete_;
};

}  // namespace

Result<Panel> make_panel(const Table& table, const PanelOptions& panel, const Options& options) {
  return Builder(table, panel, options).build();
}

}  // namespace saola::split
