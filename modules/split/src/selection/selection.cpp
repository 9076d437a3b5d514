#include "selection/selection.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "selection/find_column.hpp"
#include "selection/suspicion.hpp"
#include "table/quoted.hpp"

namespace saola::split {
namespace {

using Ok = Result<void>;

// Builds a Selection step by step.
class Selector {
 public:
  // `poll` is asked now and then; true ends it with kCancelled.
  Selector(const Table& table, const Options& options, const std::function<bool()>& poll)
      : table_(table), options_(options), poll_(poll) {
    roles_.resize(table.columns().size(), Role::kLeftOut);
    notes_.resize(table.columns().size());
    for (std::size_t c = 0; c < table.columns().size(); ++c) {
      by_name_.emplace(table.columns()[c].name, c);
    }
  }

  Result<Selection> run() && {
    for (const auto step :
         {&Selector::find_id, &Selector::find_factors, &Selector::find_numeric,
          &Selector::check_cells, &Selector::deal_with_missing, &Selector::check_ids,
          &Selector::take_distances, &Selector::take_factors, &Selector::take_covariates,
          &Selector::weigh, &Selector::transform}) {
      if (stopped()) return fail(ErrorCode::kCancelled, "asked to stop");
      if (auto ok = (this->*step)(); !ok) return fail(ok);
    }
    account();
    // What may spoil the answer comes first.
    auto warnings = find_suspicious(table_, selection_, [this] { return stopped(); });
    if (stopped()) return fail(ErrorCode::kCancelled, "asked to stop");
    warnings.insert(warnings.end(), table_.notes().begin(), table_.notes().end());
    warnings.insert(warnings.end(), selection_.warnings.begin(), selection_.warnings.end());
    selection_.warnings = std::move(warnings);
    return std::move(selection_);
  }

 private:
  bool stopped() const { return poll_ && poll_(); }

  // The cells of a column, unless it is stopped in between.
  template <typename See>
  void each_cell(std::size_t c, See&& see) const {
    constexpr std::size_t kRowsPerPoll = 1 << 15;
    table_.each(c, [&](std::size_t row, std::string_view text) {
      see(static_cast<std::uint32_t>(row), text);
      return (row + 1) % kRowsPerPoll != 0 || !stopped();
    });
  }

  const Column& column(std::size_t c) const { return table_.columns()[c]; }
  bool free(std::size_t c) const { return roles_[c] == Role::kLeftOut; }

  Ok find_id() {
    if (table_.rows() < 2) {
      return fail(ErrorCode::kInvalidArgument,
                  "the table has one row; a split needs at least two, one for each group");
    }
    if (options_.id_column) {
      const auto found = find_column(table_, "id_column", *options_.id_column);
      if (!found) return fail(found);
      selection_.id = *found;
    }
    roles_[selection_.id] = Role::kId;
    const auto& id = column(selection_.id);
    const bool amounts =
        id.numeric() && std::any_of(id.values.begin(), id.values.end(), [](double v) {
          return std::isfinite(v) && v != std::floor(v);
        });
    if (!options_.id_column && !table_.unnamed_id() && !amounts) warn_of_better_id(id);
    if (!options_.id_column && amounts && !table_.unnamed_id()) {
      selection_.warnings.push_back(fmt::format(
          "column {} was taken for the rows' names because it is the first, though it "
          "holds numbers with decimals: it is not balanced; name another in 'id_column'",
          quoted(id.name)));
    }
    return {};
  }

  // The first column holds numbers as a measure does, and another a different text in every row.
  void warn_of_better_id(const Column& id) {
    if (!id.numeric() || named_like_an_id(id.name)) return;
    const auto [low, high] = std::minmax_element(id.values.begin(), id.values.end());
    if (*high - *low == static_cast<double>(id.values.size() - 1)) return;  // numbers the rows
    for (const auto& other : table_.columns()) {
      constexpr std::size_t kCounted = 1000;
      const bool unique = other.levels == std::min(table_.rows(), kCounted + 1);
      if (other.numeric() || other.dates || !unique) continue;
      selection_.warnings.push_back(
          fmt::format("column {} was taken for the rows' names because it is the first, and is not "
                      "balanced; if {} names the rows, say so in 'id_column'",
                      quoted(id.name), quoted(other.name)));
      return;
    }
  }

  Ok find_roles(std::string_view option, const std::vector<std::string>& names, Role role,
                std::vector<std::size_t>& found) {
    for (const auto& name : names) {
      const auto known = by_name_.find(name);
      const auto c = known != by_name_.end() ? Result<std::size_t>(known->second)
                                             : find_column(table_, option, name);
      if (!c) return fail(c);
      if (roles_[*c] == role) {
        return fail(ErrorCode::kInvalidArgument, "{}: {} is named twice", option, quoted(name));
      }
      if (*c == selection_.id) {
        return fail(ErrorCode::kInvalidArgument, "{}: {} is the id column{}", option, quoted(name),
                    role == Role::kBalanced ? "; leave it out, or name another in 'id_column'"
                                            : ", different in every row; name a category");
      }
      if (!free(*c)) {
        return fail(ErrorCode::kInvalidArgument, "{}: {} is a {} already; a column has one role",
                    option, quoted(name), to_string(roles_[*c]));
      }
      roles_[*c] = role;
      found.push_back(*c);
    }
    return {};
  }

  Ok find_factors() {
    if (auto ok = find_roles("strata", options_.strata, Role::kStratum, strata_); !ok) return ok;
    return find_roles("categories", options_.categories, Role::kCategory, categories_);
  }

  // Columns that only constraints look at are not balanced unless they are named.
  void set_constraint_columns() {
    const auto take = [&](const std::optional<std::string>& name, std::string_view what) {
      const auto c = name ? table_.find(*name) : std::nullopt;
      if (!c || !free(*c)) return;
      used_.push_back(*c);
      notes_[*c] = what;
    };
    take(options_.constraints.together_column, "says which units stay together");
    take(options_.constraints.apart_column, "says which units are kept apart");
    take(options_.start_column, "the groups to start from");
  }

  // The columns that are named like a row's id.
  Ok find_distances() {
    for (const auto& [option, used] : {std::pair{"columns", !options_.columns.empty()},
                                       std::pair{"categories", !options_.categories.empty()},
                                       std::pair{"weights", !options_.weights.empty()},
                                       std::pair{"transform", !options_.transforms.empty()}}) {
      if (!used) continue;
      return fail(ErrorCode::kInvalidArgument,
                  "{}: with 'distance_matrix' the distances alone say what is alike; leave it out",
                  option);
    }
    constexpr std::size_t kMostRows = 6'000;
    if (table_.rows() > kMostRows) {
      return fail(ErrorCode::kTooLarge, "distance_matrix: {} rows, the limit is {}", table_.rows(),
                  kMostRows);
    }
    const auto ids = table_.text(selection_.id);
    const std::unordered_set<std::string_view> names(ids.begin(), ids.end());
    for (std::size_t c = 0; c < roles_.size(); ++c) {
      if (!free(c) || !names.contains(column(c).name)) {
        if (free(c)) notes_[c] = "no distance, for no row has its name";
        continue;
      }
      // Of a triangle one column is empty.
      const bool empty = column(c).missing == table_.rows();
      if (auto ok = empty ? Ok() : check_numeric(table_, c); !ok) return ok;
      roles_[c] = Role::kDistance;
    }
    return {};
  }

  Ok take_distances() {
    if (!options_.distance_matrix) return {};
    const auto units = selection_.rows.size();
    std::vector<std::size_t> column_of;
    std::vector<std::string> ids;
    for (const auto row : selection_.rows) {
      ids.push_back(table_.cell(row, selection_.id));
      const auto c = table_.find(ids.back());
      if (!c || roles_[*c] != Role::kDistance) {
        return fail(ErrorCode::kInvalidArgument,
                    "distance_matrix: no column has the distances to {}; each row's id must name "
                    "one",
                    quoted(ids.back()));
      }
      column_of.push_back(*c);
    }
    const auto written = [&](std::size_t of, std::size_t in) {
      const auto& values = column(column_of[of]).values;
      return values.empty() ? NAN : values[selection_.rows[in]];
    };
    selection_.distances.resize(units * units);
    for (std::size_t i = 0; i < units; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const double one = written(j, i);
        const double other = written(i, j);
        const double distance = std::isnan(one) ? other : one;
        const auto refuse = [&](std::string_view why) {
          return fail(ErrorCode::kInvalidArgument,
                      "distance_matrix: the distance between {} and {} {}", quoted(ids[i]),
                      quoted(ids[j]), why);
        };
        if (std::isnan(distance)) return refuse("is missing");
        if (distance < 0) return refuse(fmt::format("is {}, below 0", distance));
        constexpr double kRounding = 1e-6;
        if (!std::isnan(other) && std::abs(one - other) > kRounding * distance) {
          return refuse(fmt::format("is {} and {}; it must be the same both ways", one, other));
        }
        selection_.distances[i * units + j] = selection_.distances[j * units + i] =
            static_cast<float>(distance);
      }
    }
    return {};
  }

  Ok find_numeric() {
    set_constraint_columns();
    if (options_.distance_matrix) return find_distances();
    if (!options_.columns.empty()) {
      if (auto ok = find_roles("columns", options_.columns, Role::kBalanced, numeric_); !ok)
        return ok;
      for (std::size_t c = 0; c < roles_.size(); ++c) {
        if (free(c) && notes_[c].empty()) notes_[c] = "not among 'columns'";
      }
      return {};
    }
    std::string unreadable;
    for (std::size_t c = 0; c < roles_.size(); ++c) {
      if (!free(c) || std::find(used_.begin(), used_.end(), c) != used_.end()) continue;
      if (column(c).numeric()) {
        roles_[c] = Role::kBalanced;
        numeric_.push_back(c);
      } else if (!column(c).unreadable.empty()) {
        unreadable +=
            fmt::format("{}column {} looks like numbers, but {}", unreadable.empty() ? "" : "; ",
                        quoted(column(c).name), column(c).unreadable);
      } else {
        leave_out(c);
      }
    }
    if (!unreadable.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "{}. Correct it; or say how numbers are written ('decimal', 'thousands', "
                  "'percent'), which texts mean no value ('na_values'), name it in 'strata' or "
                  "'categories', or name the columns to balance in 'columns' without it",
                  unreadable);
    }
    if (numeric_.empty() && strata_.empty() && categories_.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "the table has no numeric column beside the id; nothing can be balanced. Name "
                  "columns with categories in 'strata' for a random split that spreads them. Its "
                  "columns are {}",
                  table_.names());
    }
    return {};
  }

  // A column that nobody asked for and that is not numeric.
  void leave_out(std::size_t c) {
    const auto& one = column(c);
    if (!one.first_text) {
      notes_[c] = "no values";
      selection_.warnings.push_back(
          fmt::format("column {} was left out: it has no values", quoted(one.name)));
    } else if (one.dates) {
      notes_[c] = "dates or times";
    } else if (one.numbers * 10 >= table_.rows()) {
      notes_[c] =
          fmt::format("text, though {} of {} cells are numbers", one.numbers, table_.rows());
      selection_.warnings.push_back(fmt::format(
          "column {} was left out: {} of {} cells are numbers, the others text such as "
          "{}; if that means 'no value', name it in 'na_values'",
          quoted(one.name), one.numbers, table_.rows(), quoted(table_.cell(*one.first_text, c))));
    } else {
      notes_[c] = fmt::format(
          "text with {}{} different values; 'strata' or 'categories' balances it",
          one.levels > 1000 ? "more than " : "", std::min<std::size_t>(one.levels, 1000));
    }
  }

  // Numeric columns that were named must be readable; infinite numbers are never balanced.
  Ok check_cells() {
    for (const auto c : numeric_) {
      if (auto ok = check_numeric(table_, c); !ok) return ok;
    }
    return {};
  }

  // Rows of the column without a value, and the text in the first.
  struct Gap {
    std::size_t column;
    std::vector<std::uint32_t> rows;
  };

  std::vector<Gap> find_gaps() {
    std::vector<Gap> gaps;
    for (std::size_t c = 0; c < roles_.size(); ++c) {
      if (roles_[c] == Role::kLeftOut || roles_[c] == Role::kId || roles_[c] == Role::kDistance) {
        continue;
      }
      if (column(c).missing == 0 && roles_[c] == Role::kBalanced) continue;
      Gap gap{c, {}};
      if (roles_[c] == Role::kBalanced) {
        const auto& values = column(c).values;
        for (std::uint32_t row = 0; row < values.size(); ++row) {
          if (std::isnan(values[row])) gap.rows.push_back(row);
        }
      } else {
        each_cell(c, [&](std::uint32_t row, std::string_view text) {
          if (table_.missing(text)) gap.rows.push_back(row);
        });
      }
      if (!gap.rows.empty()) gaps.push_back(std::move(gap));
    }
    return gaps;
  }

  Ok deal_with_missing() {
    std::vector<std::uint8_t> dropped(table_.rows());
    if (auto ok = exclude(dropped); !ok) return ok;
    auto gaps = find_gaps();
    for (auto& gap : gaps) {
      std::erase_if(gap.rows, [&](std::uint32_t row) { return dropped[row] != 0; });
    }
    std::erase_if(gaps, [](const Gap& gap) { return gap.rows.empty(); });
    if (!gaps.empty() && options_.missing == Missing::kFail) return refuse_gaps(gaps);
    std::size_t count = 0;
    if (options_.missing == Missing::kDropRows) {
      for (const auto& gap : gaps) {
        for (const auto row : gap.rows) {
          count += dropped[row] == 0 ? 1 : 0;
          dropped[row] = 1;
        }
      }
    }
    selection_.rows.reserve(table_.rows());
    for (std::uint32_t row = 0; row < table_.rows(); ++row) {
      if (dropped[row] == 0) selection_.rows.push_back(row);
    }
    if (count > 0) {
      selection_.warnings.push_back(fmt::format(
          "{} of {} rows have a missing value and got no group ('missing' is drop_rows)", count,
          table_.rows()));
    } else {
      for (const auto& gap : gaps) {
        selection_.warnings.push_back(fmt::format(
            "column {}: {} missing value{} replaced by {}", quoted(column(gap.column).name),
            gap.rows.size(), gap.rows.size() == 1 ? " was" : "s were", stand_in(gap.column)));
      }
    }
    if (selection_.rows.size() < 2) {
      return fail(
          ErrorCode::kInvalidArgument,
          "only {} of {} rows are left that are not excluded and have a value in every column; "
          "there is nothing to split: fill values in, or choose another 'missing'",
          selection_.rows.size(), table_.rows());
    }
    return {};
  }

  Ok exclude(std::vector<std::uint8_t>& dropped) {
    if (options_.constraints.exclude.empty()) return {};
    std::unordered_map<std::string, std::size_t> row_of;
    const auto ids = table_.text(selection_.id);
    for (std::size_t row = 0; row < ids.size(); ++row) row_of.emplace(ids[row], row);
    for (const auto& id : options_.constraints.exclude) {
      const auto found = row_of.find(id);
      if (found == row_of.end()) {
        return fail(
            ErrorCode::kInvalidArgument,
            "exclude: there is no unit {} in the id column {}; ids are compared to the letter",
            quoted(id), quoted(column(selection_.id).name));
      }
      dropped[found->second] = 1;
    }
    return {};
  }

  std::string stand_in(std::size_t c) const {
    if (roles_[c] != Role::kBalanced) return "the level '(missing)'";
    switch (options_.missing) {
      case Missing::kMedian:
        return "the column's median";
      case Missing::kIndicator:
        return "the column's mean, and being missing is balanced too";
      case Missing::kFail:
      case Missing::kDropRows:
      case Missing::kMean:
        return "the column's mean";
    }
    return "";
  }

  Ok refuse_gaps(const std::vector<Gap>& gaps) {
    constexpr std::size_t kShown = 20;
    std::string text;
    for (std::size_t i = 0; i < gaps.size() && i < kShown; ++i) {
      const auto& gap = gaps[i];
      text += fmt::format(
          "{}column {} has {} missing value{}, the first in {} ({})", text.empty() ? "" : "; ",
          quoted(column(gap.column).name), gap.rows.size(), gap.rows.size() == 1 ? "" : "s",
          table_.place(gap.rows.front()), quoted(table_.cell(gap.rows.front(), gap.column)));
    }
    if (gaps.size() > kShown) text += fmt::format("; and {} columns more", gaps.size() - kShown);
    return fail(ErrorCode::kInvalidArgument,
                "{}. Fill in or remove such rows, or say in 'missing' what to do: drop_rows, mean, "
                "median or indicator",
                text);
  }

  Ok check_ids() {
    const auto& name = column(selection_.id).name;
    std::optional<std::uint32_t> empty;
    std::vector<HashedRow> hashes;
    hashes.reserve(selection_.rows.size());
    std::size_t next = 0;
    each_cell(selection_.id, [&](std::uint32_t row, std::string_view text) {
      if (next == selection_.rows.size() || row != selection_.rows[next]) return;
      ++next;
      if (!empty && text.find_first_not_of(" \t") == std::string_view::npos) empty = row;
      hashes.push_back({static_cast<std::uint32_t>(std::hash<std::string_view>()(text)), row});
    });
    if (stopped()) return fail(ErrorCode::kCancelled, "asked to stop");
    if (empty) {
      return fail(ErrorCode::kInvalidArgument,
                  "id column {}: {} is empty; every row needs an id, or name another column in "
                  "'id_column'",
                  quoted(name), table_.place(*empty));
    }
    if (const auto twice = first_repeated(hashes)) {
      return fail(ErrorCode::kInvalidArgument,
                  "id column {}: {} and {} both have {}; ids must differ, or name another column "
                  "in 'id_column'{}",
                  quoted(name), table_.place(twice->first), table_.place(twice->second),
                  quoted(table_.cell(twice->second, selection_.id)), hint_of_panel());
    }
    return {};
  }

  // Eight bytes a row, where the texts themselves would take several times as much.
  struct HashedRow {
    std::uint32_t hash = 0;
    std::uint32_t row = 0;
  };

  // The first row whose id an earlier one has, and the earlier one before it.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> first_repeated(
      std::vector<HashedRow>& hashes) const {
    std::sort(hashes.begin(), hashes.end(), [](const HashedRow& a, const HashedRow& b) {
      return a.hash < b.hash || (a.hash == b.hash && a.row < b.row);
    });
    std::optional<std::pair<std::uint32_t, std::uint32_t>> found;
    for (std::size_t i = 1; i < hashes.size(); ++i) {
      const auto row = hashes[i].row;
      if (found && row >= found->second) continue;
      for (auto k = i; k-- > 0 && hashes[k].hash == hashes[i].hash;) {
        if (table_.cell(hashes[k].row, selection_.id) != table_.cell(row, selection_.id)) continue;
        // The earliest of those with this id is the first of its hash that equals it.
        auto first = k;
        while (first > 0 && hashes[first - 1].hash == hashes[i].hash) --first;
        while (table_.cell(hashes[first].row, selection_.id) != table_.cell(row, selection_.id)) {
          ++first;
        }
        found = {hashes[first].row, row};
        break;
      }
    }
    return found;
  }

  // Rows repeated over dates: a panel.
  std::string hint_of_panel() const {
    for (std::size_t c = 0; c < roles_.size(); ++c) {
      if (!column(c).dates) continue;
      return fmt::format(
          ". Column {} holds dates, so this looks like a panel with one row a unit and date: say "
          "so "
          "in 'panel' with its columns of unit, time and value, or bring it to one row a unit",
          quoted(column(c).name));
    }
    return "";
  }

  Factor take_factor(std::size_t c) const {
    Factor factor;
    factor.name = column(c).name;
    struct Hash {
      using is_transparent = void;
      std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>()(text);
      }
    };
    std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> numbers;
    constexpr std::string_view kMissing = "(missing)";
    std::size_t unit = 0;
    each_cell(c, [&](std::uint32_t row, std::string_view cell) {
      if (unit == selection_.rows.size() || row != selection_.rows[unit]) return;
      ++unit;
      const auto text = table_.missing(cell) ? kMissing : cell;
      auto at = numbers.find(text);
      if (at == numbers.end()) {
        at = numbers.emplace(text, static_cast<std::uint32_t>(numbers.size())).first;
        factor.levels.emplace_back(text);
      }
      factor.level_of_unit.push_back(at->second);
    });
    return factor;
  }

  Ok take_factors() {
    for (const auto c : strata_) selection_.strata.push_back(take_factor(c));
    constexpr std::size_t kMostLevels = 200;
    for (const auto c : categories_) {
      selection_.categories.push_back(take_factor(c));
      const auto levels = selection_.categories.back().levels.size();
      if (levels <= kMostLevels) continue;
      return fail(
          ErrorCode::kInvalidArgument,
          "categories: {} has {} different values, the limit is {}; merge some, or use it in "
          "'strata'",
          quoted(column(c).name), levels, kMostLevels);
    }
    return {};
  }

  Ok take_covariates() {
    std::vector<Covariate> indicators;
    std::size_t constant = 0;
    for (const auto c : numeric_) {
      if (stopped()) return fail(ErrorCode::kCancelled, "asked to stop");
      auto covariate = take_covariate(c, indicators);
      if (covariate.constant()) {
        ++constant;
        notes_[c] = "the same in every row";
        selection_.warnings.push_back(
            fmt::format("column {} is {} in every row; it cannot be balanced and was ignored",
                        quoted(covariate.name()), quoted(table_.cell(selection_.rows[0], c))));
      }
      selection_.covariates.push_back(std::move(covariate));
    }
    selection_.indicators = indicators.size();
    for (auto& indicator : indicators) selection_.covariates.push_back(std::move(indicator));
    if (constant > 0 && constant == selection_.covariates.size() && strata_.empty() &&
        categories_.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "{}: the value is the same in every row, so any split is as good as any other; "
                  "name a column that varies in 'columns'",
                  constant == 1 ? fmt::format("column {} is constant",
                                              quoted(selection_.covariates[0].name()))
                                : fmt::format("all {} columns are constant", constant));
    }
    return {};
  }

  Covariate take_covariate(std::size_t c, std::vector<Covariate>& indicators) {
    const auto& one = column(c);
    if (selection_.rows.size() == table_.rows() && one.missing == 0) return {one.name, one.values};
    std::vector<double> present;
    std::vector<double> values;
    std::vector<double> absent;
    for (const auto row : selection_.rows) {
      values.push_back(one.values[row]);
      absent.push_back(std::isnan(values.back()) ? 1 : 0);
      if (absent.back() == 0) present.push_back(values.back());
    }
    const auto missing = values.size() - present.size();
    if (missing > 0) {
      const double filler = options_.missing == Missing::kMedian ? median(present) : mean(present);
      for (double& v : values) {
        if (std::isnan(v)) v = filler;
      }
      if (options_.missing == Missing::kIndicator) {
        indicators.emplace_back(one.name + " is missing", std::move(absent), 0);
      }
    }
    return {one.name, std::move(values), missing};
  }

  static double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v / static_cast<double>(values.size());
    return sum;
  }
  static double median(std::vector<double> values) {
    const auto half = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), half, values.end());
    if (values.size() % 2 == 1) return *half;
    return (*half + *std::max_element(values.begin(), half)) / 2;
  }

  Ok weigh() {
    for (const auto& [name, weight] : options_.weights) {
      if (!(weight > 0) || !std::isfinite(weight)) {
        return fail(ErrorCode::kInvalidArgument, "weights: {} has {}; a weight must be above 0",
                    quoted(name), weight);
      }
      if (auto* covariate = covariate_of(name)) {
        covariate->weigh(weight);
        continue;
      }
      const auto category = std::find_if(selection_.categories.begin(), selection_.categories.end(),
                                         [&](const Factor& factor) { return factor.name == name; });
      if (category == selection_.categories.end()) {
        return fail(ErrorCode::kInvalidArgument,
                    "weights: {} is no column that the objective balances", quoted(name));
      }
      category->weight = weight;
    }
    return {};
  }

  Ok transform() {
    for (const auto& [name, transform] : options_.transforms) {
      auto* covariate = covariate_of(name);
      if (covariate == nullptr) {
        return fail(ErrorCode::kInvalidArgument,
                    "transform: {} is no numeric column that is balanced", quoted(name));
      }
      const auto values = covariate->values();
      if (transform == Transform::kRank) covariate->transform(ranks(values));
      if (transform != Transform::kLog) continue;
      std::vector<double> logs;
      for (std::size_t u = 0; u < values.size(); ++u) {
        if (!(values[u] > 0)) {
          const auto row = selection_.rows[u];
          return fail(
              ErrorCode::kInvalidArgument,
              "transform: column {} holds {} in {}; log needs numbers above 0, rank does not",
              quoted(name), quoted(table_.cell(row, *table_.find(name))), table_.place(row));
        }
        logs.push_back(std::log(values[u]));
      }
      covariate->transform(std::move(logs));
    }
    return {};
  }

  Covariate* covariate_of(const std::string& name) {
    for (auto& covariate : selection_.covariates) {
      if (covariate.name() == name) return &covariate;
    }
    return nullptr;
  }

  // Equal values share the mean of their ranks.
  static std::vector<double> ranks(std::span<const double> values) {
    std::vector<std::uint32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return values[a] < values[b]; });
    std::vector<double> out(values.size());
    for (std::size_t begin = 0; begin < order.size();) {
      std::size_t end = begin;
      while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
      for (std::size_t i = begin; i < end; ++i) {
        out[order[i]] = static_cast<double>(begin + end - 1) / 2;
      }
      begin = end;
    }
    return out;
  }

  void account() {
    for (std::size_t c = 0; c < roles_.size(); ++c) {
      const auto& one = column(c);
      auto note = notes_[c];
      if (!one.reading.empty() && roles_[c] == Role::kBalanced) {
        note += (note.empty() ? "" : "; ") + ("numbers with " + one.reading);
      }
      selection_.accounts.push_back(
          {one.name, roles_[c], std::move(note), one.missing, one.levels});
    }
    for (std::size_t i = 0; i < strata_.size(); ++i) {
      selection_.accounts[strata_[i]].levels = selection_.strata[i].levels.size();
    }
    for (std::size_t i = 0; i < categories_.size(); ++i) {
      selection_.accounts[categories_[i]].levels = selection_.categories[i].levels.size();
    }
  }

  const Table& table_;
  const Options& options_;
  const std::function<bool()>& poll_;
  Selection selection_;
  // Where there may be thousands of columns, and as many names in the options.
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::vector<Role> roles_;
  std::vector<std::string> notes_;
  std::vector<std::size_t> numeric_;
  std::vector<std::size_t> strata_;
  std::vector<std::size_t> categories_;
  // Used by constraints only.
  std::vector<std::size_t> used_;
};

}  // namespace

bool Covariate::constant() const {
  return std::all_of(values_.begin(), values_.end(),
                     [&](double value) { return value == values_.front(); });
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kId:
      return "id";
    case Role::kBalanced:
      return "balanced";
    case Role::kStratum:
      return "stratum";
    case Role::kCategory:
      return "category";
    case Role::kDistance:
      return "distance";
    case Role::kLeftOut:
      return "left_out";
  }
  return "?";
}

Result<Selection> select(const Table& table, const Options& options,
                         const std::function<bool()>& poll) {
  return Selector(table, options, poll).run();
}

}  // namespace saola::split
