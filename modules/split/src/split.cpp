#include <algorithm>
#include <map>
#include <utility>

#include <saola/split/csv.hpp>
#include <saola/split/search.hpp>
#include <saola/split/split.hpp>

#include "report/measure.hpp"
#include "selection.hpp"
#include "table/quoted.hpp"

namespace saola::split {
namespace {

// Turns the search's polls into the observer's calls and the budget's end.
class Watch {
 public:
  Watch(Observer& observer, const Clock& clock, Duration budget)
      : observer_(observer), clock_(clock), budget_(budget), start_(clock.steady_now()) {}

  Duration elapsed() const { return clock_.steady_now() - start_; }
  StoppedBy stopped_by() const { return stopped_by_; }
  // Time to keep for what follows the search.
  void reserve(Duration reserve) { reserve_ = reserve; }

  bool poll(double fraction, std::string_view message) {
    if (stopped_by_ != StoppedBy::kDone) return true;
    if (observer_.cancelled()) {
      stopped_by_ = StoppedBy::kCancel;
    } else if (budget_ > Duration::zero()) {
      const auto now = elapsed() + reserve_;
      if (now >= budget_) stopped_by_ = StoppedBy::kBudget;
      fraction = std::max(fraction,
                          static_cast<double>(now.count()) / static_cast<double>(budget_.count()));
    }
    constexpr double kStep = 0.005;
    fraction = std::min(fraction, 1.0);
    if (fraction >= told_ + kStep) tell(fraction, message);
    return stopped_by_ != StoppedBy::kDone;
  }
  void tell(double fraction, std::string_view message) {
    told_ = std::max(told_, fraction);
    observer_.progress(told_, message);
  }

 private:
  Observer& observer_;
  const Clock& clock_;
  const Duration budget_;
  const SteadyTime start_;
  Duration reserve_ = Duration::zero();
  double told_ = 0;
  StoppedBy stopped_by_ = StoppedBy::kDone;
};

// Every combination of the columns' values, numbered in order of appearance. Fails on a missing
// value. `texts` receives the columns' cells.
Result<std::vector<std::uint32_t>> combine_strata(const Table& table,
                                                  const std::vector<std::size_t>& columns,
                                                  std::vector<std::vector<std::string>>& texts) {
  std::vector<std::uint32_t> stratum;
  for (const auto c : columns) {
    texts.push_back(table.text(c));
    const auto& cells = texts.back();
    if (stratum.empty()) stratum.assign(table.rows(), 0);
    std::map<std::pair<std::uint32_t, std::string_view>, std::uint32_t> numbers;
    for (std::size_t row = 0; row < cells.size(); ++row) {
      if (is_missing(cells[row])) {
        return fail(ErrorCode::kInvalidArgument,
                    "strata column {} has a missing value in {} ({}); fill it in with a category "
                    "of its own, such as 'unknown', or remove the row",
                    quoted(table.columns()[c].name), table.place(row), quoted(cells[row]));
      }
      const auto next = static_cast<std::uint32_t>(numbers.size());
      stratum[row] = numbers.try_emplace({stratum[row], cells[row]}, next).first->second;
    }
  }
  return stratum;
}

// A warning when strata are so small that spreading them means little.
void warn_of_small_strata(const Problem& problem, std::vector<std::string>& warnings) {
  if (problem.stratum.empty()) return;
  const auto strata = *std::max_element(problem.stratum.begin(), problem.stratum.end()) + 1;
  std::vector<std::size_t> sizes(strata);
  for (const auto s : problem.stratum) ++sizes[s];
  const auto groups = problem.sizes.size();
  const auto small =
      std::count_if(sizes.begin(), sizes.end(), [&](std::size_t size) { return size < groups; });
  if (small == 0) return;
  warnings.push_back(
      fmt::format("{} of {} strata have fewer rows than there are groups, so not every group has "
                  "one of them",
                  small, strata));
}

}  // namespace

std::string_view to_string(StoppedBy stopped_by) {
  switch (stopped_by) {
    case StoppedBy::kDone:
      return "done";
    case StoppedBy::kBudget:
      return "budget";
    case StoppedBy::kCancel:
      return "cancel";
  }
  return "?";
}

Result<Outcome> split(const Table& table, const Options& options, Observer& observer,
                      const Clock& clock) {
  Watch watch(observer, clock, options.budget);
  if (options.restarts == 0) {
    return fail(ErrorCode::kInvalidArgument, "restarts: 0 asked for; it must be at least 1");
  }
  if (options.budget < Duration::zero()) {
    return fail(ErrorCode::kInvalidArgument, "budget_seconds: it must not be negative");
  }
  auto selection = select_columns(table, options);
  if (!selection) return std::unexpected(std::move(selection).error());
  auto groups = resolve_groups(options.groups, table.rows());
  if (!groups) return std::unexpected(std::move(groups).error());

  Problem problem;
  problem.rows = table.rows();
  for (const auto& group : *groups) problem.sizes.push_back(group.size);
  std::vector<std::vector<std::string>> strata_texts;
  auto stratum = combine_strata(table, selection->strata, strata_texts);
  if (!stratum) return std::unexpected(std::move(stratum).error());
  problem.stratum = std::move(*stratum);
  problem.columns = selection->covariates.size();
  problem.values.resize(problem.rows * problem.columns);
  for (std::size_t c = 0; c < problem.columns; ++c) {
    const auto& values = table.columns()[selection->covariates[c]].values;
    for (std::size_t r = 0; r < problem.rows; ++r) {
      problem.values[r * problem.columns + c] = values[r];
    }
  }
  standardise(problem.values, problem.rows, problem.columns);
  warn_of_small_strata(problem, selection->warnings);

  Outcome outcome;
  outcome.groups = std::move(*groups);
  outcome.id_column = selection->id;
  outcome.objective = options.objective;
  outcome.method = options.method;
  outcome.seed = options.seed;
  outcome.warnings = std::move(selection->warnings);

  // Measuring balance costs about what preparing did; with some to spare, for a budget that is
  // overrun is worse than one that is not used up.
  watch.reserve(watch.elapsed() * 3 / 2);
  const Poll poll = [&](double fraction, std::string_view message) {
    return watch.poll(fraction, message);
  };
  watch.tell(0, "preparing");
  const auto before = random_assignment(problem, options.seed);
  // With many rows a sum of distances takes long: the search goes first then.
  constexpr std::size_t kQuickRows = 20'000;
  const bool late = options.objective == Objective::kDiversity && problem.rows > kQuickRows;
  if (!late) outcome.objective_before = evaluate(problem, options.objective, before, poll);
  auto solution =
      search(problem, {options.objective, options.method, options.restarts, options.seed}, poll);
  if (!solution) return std::unexpected(std::move(solution).error());

  if (late) outcome.objective_before = evaluate(problem, options.objective, before, poll);
  outcome.objective_after = solution->objective;
  outcome.group_of_row = std::move(solution->group_of_row);
  outcome.partners = std::move(solution->partners);
  outcome.restarts_done = solution->restarts_done;
  outcome.trials = solution->trials;
  outcome.swaps = solution->swaps;
  outcome.stopped_by = watch.stopped_by();
  if (!outcome.objective_after) {
    outcome.warnings.push_back(
        "the split was cut before the distances between all rows had been summed: the answer is "
        "the matched start, not improved; allow more time or use 'kplus'");
  }
  const auto k = outcome.groups.size();
  for (const auto c : selection->covariates) {
    const auto& column = table.columns()[c];
    outcome.columns.push_back(
        measure_column(column.name, column.values, before, outcome.group_of_row, k));
  }
  for (std::size_t i = 0; i < strata_texts.size(); ++i) {
    outcome.strata.push_back(measure_category(table.columns()[selection->strata[i]].name,
                                              strata_texts[i], before, outcome.group_of_row, k));
  }
  watch.tell(1, "done");
  outcome.seconds = std::chrono::duration<double>(watch.elapsed()).count();
  return outcome;
}

std::string assignment_csv(const Table& table, const Outcome& outcome) {
  std::string out;
  append_csv_field(out, table.columns()[outcome.id_column].name);
  out += ",group\n";
  const auto ids = table.text(outcome.id_column);
  for (std::size_t row = 0; row < ids.size(); ++row) {
    append_csv_field(out, ids[row]);
    out.push_back(',');
    append_csv_field(out, outcome.groups[outcome.group_of_row[row]].name);
    out.push_back('\n');
  }
  return out;
}

}  // namespace saola::split
