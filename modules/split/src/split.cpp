#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include <saola/split/read.hpp>
#include <saola/split/search.hpp>
#include <saola/split/split.hpp>

#include "constraints/constrained.hpp"
#include "dispersion/dispersion.hpp"
#include "objective/moments.hpp"
#include "panel/geo.hpp"
#include "report/measure.hpp"
#include "search/effort.hpp"
#include "search/random.hpp"
#include "selection/selection.hpp"
#include "table/quoted.hpp"
#include "watch.hpp"

namespace saola::split {
namespace {

// Every combination of the factors' levels, numbered in order of appearance.
void combine_strata(const std::vector<Factor>& factors, Problem& problem) {
  if (factors.empty()) return;
  problem.stratum.assign(problem.rows, 0);
  for (const auto& factor : factors) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> numbers;
    for (std::size_t u = 0; u < problem.rows; ++u) {
      const auto next = static_cast<std::uint32_t>(numbers.size());
      auto& stratum = problem.stratum[u];
      stratum = numbers.try_emplace({stratum, factor.level_of_unit[u]}, next).first->second;
    }
  }
  const auto strata = *std::max_element(problem.stratum.begin(), problem.stratum.end()) + 1;
  for (const auto& factor : factors) {
    std::vector<std::uint32_t> level_of_stratum(strata);
    for (std::size_t u = 0; u < problem.rows; ++u) {
      level_of_stratum[problem.stratum[u]] = factor.level_of_unit[u];
    }
    problem.factors.push_back(std::move(level_of_stratum));
  }
}

// A warning when strata are so small that spreading them means little.
void warn_of_small_strata(const Problem& problem, std::vector<std::string>& warnings) {
  if (problem.factors.size() != 1) return;
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

// Numeric columns, then indicators of missing values and of categories' levels. All levels of a category
// together weigh as much as one numeric column. `selection` must outlive the problem; `go_on`, asked
// before each column, ends it.
void take_columns(const Selection& selection, Problem& problem,
                  const std::function<bool()>& go_on) {
  std::size_t levels = 0;
  for (const auto& covariate : selection.covariates) {
    problem.sources.push_back({.values = covariate.objective_values()});
    problem.weights.push_back(covariate.weight());
  }
  for (const auto& category : selection.categories) {
    const auto count = category.levels.size();
    levels += count;
    const double weight =
        count > 1 ? category.weight / std::sqrt(static_cast<double>(count - 1)) : 0;
    problem.weights.insert(problem.weights.end(), count, weight);
    for (std::uint32_t level = 0; level < count; ++level) {
      problem.sources.push_back({.levels = category.level_of_unit, .level = level});
    }
  }
  problem.columns = problem.sources.size();
  problem.indicators = selection.indicators + levels;
  for (auto& source : problem.sources) {
    if (!go_on()) return;
    source.standard = find_standard(source, problem.rows);
  }
  const bool equal = std::all_of(problem.weights.begin(), problem.weights.end(),
                                 [](double weight) { return weight == 1; });
  if (equal) problem.weights.clear();
}

class Run {
 public:
  // `panel` is that of the table, if it is one's.
  Run(const Table& table, const Options& options, const Panel* panel, Observer& observer,
      const Clock& clock)
      : table_(table), options_(options), panel_(panel), watch_(observer, clock, options.budget) {}

  Result<Outcome> run() {
    for (const auto step : {&Run::prepare, &Run::answer}) {
      auto ok = (this->*step)();
      if (watch_.abandoned()) return abandoned();
      if (!ok) return fail(ok);
    }
    measure();
    if (watch_.abandoned()) return abandoned();
    if (panel_ != nullptr && watch_.stopped_by() != StoppedBy::kCancel) judge_panel();
    watch_.tell(1, "done");
    outcome_.seconds = std::chrono::duration<double>(watch_.elapsed()).count();
    return std::move(outcome_);
  }

 private:
  // Says what is going on; a small table is done before anybody reads it.
  void mention(std::string_view message) {
    constexpr std::size_t kManyRows = 10'000;
    if (table_.rows() >= kManyRows) watch_.mention(message);
  }

  Outcome abandoned() {
    Outcome outcome;
    outcome.stopped_by = StoppedBy::kCancel;
    outcome.seconds = std::chrono::duration<double>(watch_.elapsed()).count();
    return outcome;
  }

  Result<void> prepare() {
    if (options_.restarts && *options_.restarts == 0) {
      return fail(ErrorCode::kInvalidArgument, "restarts: 0 asked for; it must be at least 1");
    }
    if (options_.patience == 0) {
      return fail(ErrorCode::kInvalidArgument, "patience: 0 asked for; it must be at least 1");
    }
    if (!(options_.tolerance >= 0 && options_.tolerance <= 1)) {
      return fail(ErrorCode::kInvalidArgument, "tolerance: {} asked for; it must be within 0 and 1",
                  options_.tolerance);
    }
    if (options_.budget < Duration::zero()) {
      return fail(ErrorCode::kInvalidArgument, "budget_seconds: it must not be negative");
    }
    constexpr std::size_t kMostMoments = 10;
    if (options_.moments < 1 || options_.moments > kMostMoments) {
      return fail(ErrorCode::kInvalidArgument, "moments: {} asked for; it must be within 1 and {}",
                  options_.moments, kMostMoments);
    }
    if (options_.objective != Objective::kKPlus &&
        (options_.moments != Options().moments || options_.correlations)) {
      return fail(ErrorCode::kInvalidArgument,
                  "moments and correlations belong to the objective 'kplus', not '{}'",
                  to_string(options_.objective));
    }
    watch_.tell(0, "looking at the columns");
    auto selection = select(table_, options_, [this] {
      mention("looking at the columns");
      return watch_.abandoned();
    });
    if (!selection) return fail(selection);
    selection_ = *std::move(selection);
    auto groups = resolve_groups(options_.groups, selection_.rows.size());
    if (!groups) return fail(groups);
    outcome_.groups = *std::move(groups);
    outcome_.warnings = std::move(selection_.warnings);
    if (panel_ != nullptr) {
      auto control = find_control(panel_->asked.control, outcome_.groups);
      if (!control) return fail(control);
      control_ = *control;
      constexpr std::size_t kMostGroups = 50;
      if (outcome_.groups.size() > kMostGroups) {
        return fail(ErrorCode::kInvalidArgument, "groups: {} asked for; a panel takes at most {}",
                    outcome_.groups.size(), kMostGroups);
      }
      auto& warnings = outcome_.warnings;
      warnings.insert(warnings.begin(), panel_->notes.begin(), panel_->notes.end());
      selection_.accounts.insert(selection_.accounts.end(), panel_->others.begin(),
                                 panel_->others.end());
      constexpr double kSearch = 0.9;
      watch_.set_search_part(kSearch);
    }

    auto rules = resolve_rules(table_, options_, selection_, outcome_.groups);
    if (!rules) return fail(rules);
    rules_ = *std::move(rules);

    problem_.rows = selection_.rows.size();
    for (const auto& group : outcome_.groups) problem_.sizes.push_back(group.size);
    combine_strata(selection_.strata, problem_);
    take_columns(selection_, problem_, [this] {
      mention("standardising the columns");
      return !watch_.abandoned();
    });
    if (watch_.abandoned()) return {};
    problem_.distances = std::move(selection_.distances);
    const bool of_distances = !is_linear(options_.objective);
    if (options_.distance_matrix && !of_distances) {
      return fail(
          ErrorCode::kInvalidArgument,
          "objective: '{}' is made of columns, not of distances; with 'distance_matrix' use "
          "'diversity', 'dispersion' or 'bicriterion'",
          to_string(options_.objective));
    }
    if (options_.designs > 0 && options_.objective == Objective::kBicriterion) {
      return fail(ErrorCode::kInvalidArgument,
                  "designs: the objective 'bicriterion' has a set of answers of its own; leave one "
                  "out");
    }
    outcome_.objective_asked = options_.objective;
    outcome_.objective = choose_objective();
    problem_.moments = options_.moments;
    problem_.correlations = options_.correlations;
    constexpr std::size_t kMostCells = 400'000'000;
    if (outcome_.objective == Objective::kKPlus &&
        kplus_width(problem_) * problem_.rows > kMostCells) {
      return fail(ErrorCode::kTooLarge,
                  "objective 'kplus' makes {} numbers of each of {} rows here, which is too much; "
                  "name fewer columns, or ask for fewer moments or no correlations",
                  kplus_width(problem_), problem_.rows);
    }
    warn_of_small_strata(problem_, outcome_.warnings);
    outcome_.id_column = selection_.id;
    outcome_.accounts = selection_.accounts;
    outcome_.method = options_.method;
    if (options_.method == Method::kThreePhase && !rules_.plain) {
      outcome_.method = Method::kSearch;
      outcome_.warnings.push_back(
          "the method 'three-phase' takes no constraints but sizes and strata; 'search' was used");
    }
    outcome_.seed = options_.seed;
    // Measuring balance costs about what preparing did; with some to spare, for a budget that is
    // overrun is worse than one that is not used up.
    watch_.reserve(watch_.elapsed() * 3 / 2 + time_for_placebos());
    return {};
  }

  Duration time_for_placebos() const {
    constexpr Duration kMost = std::chrono::seconds(10);
    return panel_ == nullptr ? Duration::zero() : std::min(options_.budget / 4, kMost);
  }

  Objective choose_objective() {
    const auto [low, high] = std::minmax_element(problem_.sizes.begin(), problem_.sizes.end());
    if (options_.objective != Objective::kDiversity || *high - *low <= 1) return options_.objective;
    outcome_.warnings.push_back(
        "the groups' sizes differ, so 'average-diversity' was optimised instead of 'diversity', "
        "which would let the largest group decide");
    return Objective::kAverageDiversity;
  }

  Result<void> answer() {
    const Poll poll = [this](const Progress& progress) { return watch_.poll(progress); };
    // What costs one pass over the rows is evaluated whatever the budget.
    const Poll evaluating = [this](const Progress& progress) {
      mention(progress.message);
      return watch_.abandoned();
    };
    const auto& evaluation = is_linear(outcome_.objective) ? evaluating : poll;
    const bool plain = rules_.plain;
    mention("making a random split");
    if (plain) {
      before_ = random_assignment(problem_, options_.seed);
    } else if (auto found = feasible_assignment(options_.seed)) {
      before_ = *std::move(found);
    }
    // Without one, the search says which rules conflict.
    const bool comparable = !before_.empty();
    const bool constant =
        problem_.distances.empty() &&
        std::all_of(problem_.sources.begin(), problem_.sources.end(),
                    [](const ColumnSource& source) { return source.standard.sd == 0; });
    if (constant && comparable) {
      outcome_.random = true;
      after_ = before_;
      return {};
    }
    // With many rows a sum of distances takes long: the search goes first then.
    constexpr std::size_t kQuickRows = 20'000;
    const bool late = !is_linear(outcome_.objective) && problem_.rows > kQuickRows;
    if (!late && comparable) outcome_.objective_before = value_of(before_, evaluation);
    constexpr std::size_t kMostCells = 100'000'000;
    if (options_.designs > 0 && options_.designs * problem_.rows > kMostCells) {
      return fail(ErrorCode::kTooLarge,
                  "designs: {} designs of {} rows are too many; ask for fewer", options_.designs,
                  problem_.rows);
    }
    SearchOptions how;
    how.objective = outcome_.objective;
    how.method = outcome_.method;
    how.restarts = options_.restarts;
    how.seed = options_.seed;
    how.patience = options_.patience;
    how.threads = options_.threads;
    how.designs = options_.designs;
    how.evaluating = evaluating;
    if (names_are_free()) how.labels = SearchOptions::Labels::kFree;
    auto solution = solve(rules_, how, poll);
    if (!solution) return fail(solution);
    if (before_.empty()) before_ = solution->group_of_row;
    if (late) outcome_.objective_before = value_of(before_, evaluation);
    after_ = std::move(solution->group_of_row);
    outcome_.objective_after = solution->objective;
    outcome_.partners = std::move(solution->partners);
    outcome_.restarts_done = solution->restarts_done;
    outcome_.best_restart = solution->best_restart;
    outcome_.threads = solution->threads;
    outcome_.dispersion = solution->dispersion;
    outcome_.dispersion_proven = solution->dispersion_proven;
    outcome_.pareto_chosen = solution->pareto_chosen;
    for (auto& point : solution->pareto) {
      outcome_.pareto.push_back(
          {point.diversity, point.dispersion, by_table_row(point.group_of_row)});
    }
    outcome_.trials = solution->trials;
    outcome_.swaps = solution->swaps;
    outcome_.stopped_by = watch_.stopped_by();
    if (options_.designs > 0 && !solution->designs.empty()) draw(solution->designs);
    outcome_.degraded = solution->stopped && solution->restarts_done == 0;
    if (outcome_.degraded) warn_of_cut();
    return {};
  }

  std::optional<std::vector<std::uint32_t>> feasible_assignment(std::uint64_t seed) const {
    Pace unhurried{Poll()};
    return constrained_assignment(problem_, rules_, seed, unhurried);
  }

  Result<Solution> solve(const Rules& rules, const SearchOptions& how, const Poll& poll) const {
    if (how.objective == Objective::kDispersion) {
      return dispersion_search(problem_, rules, how, poll);
    }
    if (how.objective == Objective::kBicriterion) {
      return bicriterion_search(problem_, rules, how, poll);
    }
    return rules.plain ? search(problem_, how, poll)
                       : constrained_search(problem_, rules, how, poll);
  }

  // All groups have one size, and nothing says which is which.
  bool names_are_free() const {
    const auto& sizes = problem_.sizes;
    return rules_.plain && std::all_of(sizes.begin(), sizes.end(),
                                       [&](std::uint32_t size) { return size == sizes.front(); });
  }

  // Draws one of the designs that are good enough, and the groups' names where they are free.
  void draw(const std::vector<std::pair<double, std::vector<std::uint32_t>>>& found) {
    Random random(options_.seed, kDrawStream);
    const double best = found.front().first;
    const double random_cost =
        outcome_.objective_before.value_or(0) * (is_linear(outcome_.objective) ? 1 : -1);
    // All that were found have the largest dispersion; their costs are of the diversity.
    const double worst = outcome_.objective == Objective::kDispersion
                             ? std::numeric_limits<double>::infinity()
                             : best + options_.tolerance * std::max(random_cost - best, 0.0);
    std::vector<const std::vector<std::uint32_t>*> good;
    DesignSet set;
    for (const auto& [cost, design] : found) {
      if (cost > worst && !good.empty()) break;
      good.push_back(&design);
      set.worst_objective = outcome_.objective == Objective::kDispersion
                                ? outcome_.objective_after.value_or(0)
                                : std::abs(cost);
    }
    set.drawn = random.below(static_cast<std::uint32_t>(good.size()));
    set.names_drawn = names_are_free();
    const auto groups = outcome_.groups.size();
    std::vector<std::uint32_t> names(groups);
    std::iota(names.begin(), names.end(), 0U);
    if (set.names_drawn) random.shuffle(names);
    after_ = *good[set.drawn];
    for (auto& g : after_) g = names[g];
    const auto rows = table_.rows();
    set.probability.assign(rows * groups, 0);
    for (const auto* design : good) {
      set.designs.push_back(by_table_row(*design));
      for (std::size_t u = 0; u < design->size(); ++u) {
        const auto row = selection_.rows[u];
        const double share = 1.0 / static_cast<double>(good.size());
        if (!set.names_drawn) {
          set.probability[row * groups + (*design)[u]] += share;
          continue;
        }
        for (std::size_t g = 0; g < groups; ++g) {
          set.probability[row * groups + g] += share / static_cast<double>(groups);
        }
      }
    }
    outcome_.objective_after = value_of(after_, Poll());
    if (good.size() < options_.designs) {
      outcome_.warnings.push_back(
          fmt::format("{} different designs within the tolerance were found, {} were asked for; "
                      "raise 'tolerance' "
                      "or allow more restarts",
                      good.size(), options_.designs));
    }
    outcome_.designs = std::move(set);
  }

  // Of units; the other rows have no group.
  std::vector<std::uint32_t> by_table_row(const std::vector<std::uint32_t>& group_of_unit) const {
    std::vector<std::uint32_t> out(table_.rows(), kNoGroup);
    for (std::size_t u = 0; u < group_of_unit.size(); ++u) {
      out[selection_.rows[u]] = group_of_unit[u];
    }
    return out;
  }

  // The objective of an assignment with sizes of its own.
  std::optional<double> value_of(const std::vector<std::uint32_t>& assignment, const Poll& poll) {
    std::fill(problem_.sizes.begin(), problem_.sizes.end(), 0);
    for (const auto g : assignment) ++problem_.sizes[g];
    auto value = evaluate(problem_, outcome_.objective, assignment, poll);
    for (std::size_t g = 0; g < problem_.sizes.size(); ++g) {
      problem_.sizes[g] = outcome_.groups[g].size;
    }
    return value;
  }

  void warn_of_cut() {
    const bool cancelled = outcome_.stopped_by == StoppedBy::kCancel;
    const auto what = outcome_.objective_after
                          ? std::string("the answer is the best found so far")
                          : std::string(
                                "the distances between all rows had not been summed: the "
                                "answer is the matched start, not improved");
    outcome_.warnings.insert(
        outcome_.warnings.begin(),
        fmt::format("the split was cut by {} while {}, before one whole search for the objective "
                    "'{}' was done: {}. Allow more time{}",
                    cancelled ? "a cancel" : "its budget", watch_.phase(),
                    to_string(options_.objective), what,
                    outcome_.objective_after ? "" : " or use 'kplus'"));
  }

  void measure() {
    const auto groups = outcome_.groups.size();
    for (std::size_t c = 0; c < selection_.covariates.size(); ++c) {
      mention("measuring the balance");
      if (watch_.abandoned()) return;
      const auto& covariate = selection_.covariates[c];
      auto balance = measure_column(covariate.name(), covariate.values(), before_, after_, groups);
      balance.missing = covariate.missing();
      // Who cancelled does not want to wait for it.
      if (watch_.stopped_by() != StoppedBy::kCancel) {
        measure_shape(balance, covariate.values(), before_, after_, groups);
      }
      outcome_.columns.push_back(std::move(balance));
    }
    const auto measure_all = [&](const std::vector<Factor>& factors,
                                 std::vector<CategoryBalance>& out) {
      for (const auto& factor : factors) {
        out.push_back(measure_category(factor.name, factor.levels, factor.level_of_unit, before_,
                                       after_, groups));
      }
    };
    measure_all(selection_.strata, outcome_.strata);
    measure_all(selection_.categories, outcome_.categories);
    for (auto& group : outcome_.groups) group.size = 0;
    for (const auto g : after_) ++outcome_.groups[g].size;
    outcome_.group_of_row = by_table_row(after_);
    outcome_.rows_left_out = table_.rows() - selection_.rows.size();
  }

  // Splits made in the way of the answer, in less time each: by exchanges from independent starts.
  Assignments placebo_splits(std::size_t count) {
    if (outcome_.random) return {};
    SearchOptions how;
    how.objective = outcome_.objective == Objective::kBicriterion ? diversity_for(problem_)
                                                                  : outcome_.objective;
    constexpr std::size_t kFewUnits = 1000;
    how.method = problem_.rows <= kFewUnits ? Method::kLocalMaximum : Method::kExchange;
    how.restarts = count;
    how.seed = Random(options_.seed, kPlaceboStream).next();
    how.threads = options_.threads;
    how.designs = count;
    how.keep = SearchOptions::Keep::kEach;
    auto rules = rules_;
    rules.start.clear();  // all would begin, and end, alike
    const auto found = solve(rules, how, [this](const Progress& progress) {
      constexpr double kFrom = 0.1;
      constexpr double kTo = 0.5;
      return watch_.poll_after(
          {kFrom + (kTo - kFrom) * progress.fraction, "making placebo splits", 0});
    });
    Assignments placebos;
    if (!found) return placebos;
    for (const auto& design : found->designs) placebos.push_back(design.second);
    return placebos;
  }

  Assignments random_splits(std::size_t count) {
    Random random(options_.seed, kPlaceboStream);
    Assignments out;
    while (out.size() < count) {
      const double part = static_cast<double>(out.size()) / static_cast<double>(count);
      constexpr double kTo = 0.1;
      if (watch_.poll_after({kTo * part, "making random splits", 0})) break;
      const auto seed = random.next();
      if (rules_.plain) {
        out.push_back(random_assignment(problem_, seed));
      } else if (auto found = feasible_assignment(seed)) {
        out.push_back(*std::move(found));
      } else {
        break;
      }
    }
    return out;
  }

  void judge_panel() {
    constexpr std::size_t kMostCells = 100'000'000;
    const auto asked = panel_->asked.placebos;
    const auto count = std::min(asked, std::max<std::size_t>(kMostCells / problem_.rows, 1));
    const auto random = random_splits(count);
    const auto placebos = outcome_.random ? random : placebo_splits(count);
    auto report = measure_geo_tests(
        *panel_, {selection_.rows, outcome_.groups, after_, before_, placebos, random}, control_,
        [this](double part) {
          constexpr double kMade = 0.5;
          return !watch_.poll_after({kMade + (1 - kMade) * part, "judging placebo splits", 0});
        });
    outcome_.stopped_by = watch_.stopped_by();
    if (outcome_.stopped_by == StoppedBy::kCancel) return;
    std::size_t judged = asked;
    for (const auto& test : report.tests) {
      judged = std::min(judged, test.placebo ? test.placebo->count : 0);
      if (test.placebo) continue;
      outcome_.warnings.push_back(fmt::format(
          "the power of {} could not be judged: {}", quoted(outcome_.groups[test.group].name),
          placebos.empty() ? "no placebo split was made in time"
                           : "in some placebo split what was observed, or expected, is "
                             "not above 0"));
    }
    if (judged > 0 && judged < asked) {
      outcome_.warnings.push_back(
          fmt::format("{} of {} placebo splits were judged{}", judged, asked,
                      count < asked ? ", for there are many units" : " before the time was over"));
    }
    outcome_.panel = std::move(report);
  }

  const Table& table_;
  const Options& options_;
  const Panel* const panel_;
  std::uint32_t control_ = 0;
  Watch watch_;
  Selection selection_;
  Rules rules_;
  Problem problem_;
  Outcome outcome_;
  std::vector<std::uint32_t> before_;
  std::vector<std::uint32_t> after_;
};

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
  return Run(table, options, nullptr, observer, clock).run();
}

Result<Outcome> split(const Panel& panel, Observer& observer, const Clock& clock) {
  return Run(panel.units, panel.options, &panel, observer, clock).run();
}

std::string pareto_csv(const Table& table, const Outcome& outcome) {
  std::string out;
  append_csv_field(out, table.columns()[outcome.id_column].name);
  for (std::size_t p = 1; p <= outcome.pareto.size(); ++p) out += fmt::format(",pareto_{}", p);
  out.push_back('\n');
  const auto ids = table.text(outcome.id_column);
  for (std::size_t row = 0; row < ids.size(); ++row) {
    append_csv_field(out, ids[row]);
    for (const auto& point : outcome.pareto) {
      out.push_back(',');
      const auto group = point.group_of_row[row];
      if (group != kNoGroup) append_csv_field(out, outcome.groups[group].name);
    }
    out.push_back('\n');
  }
  return out;
}

std::string designs_csv(const Table& table, const Outcome& outcome) {
  const auto& set = *outcome.designs;
  std::string out;
  append_csv_field(out, table.columns()[outcome.id_column].name);
  out += ",group";
  for (const auto& group : outcome.groups) {
    out.push_back(',');
    append_csv_field(out, "p_" + group.name);
  }
  for (std::size_t d = 1; d <= set.designs.size(); ++d) out += fmt::format(",design_{}", d);
  out.push_back('\n');
  const auto ids = table.text(outcome.id_column);
  const auto groups = outcome.groups.size();
  const auto name = [&](std::uint32_t group) {
    out.push_back(',');
    if (group != kNoGroup) append_csv_field(out, outcome.groups[group].name);
  };
  for (std::size_t row = 0; row < ids.size(); ++row) {
    append_csv_field(out, ids[row]);
    name(outcome.group_of_row[row]);
    for (std::size_t g = 0; g < groups; ++g) {
      out += fmt::format(",{:.6g}", set.probability[row * groups + g]);
    }
    for (const auto& design : set.designs) name(design[row]);
    out.push_back('\n');
  }
  return out;
}

Result<Preview> preview(const Table& table, const Options& options) {
  auto selection = select(table, options);
  if (!selection) return fail(selection);
  auto groups = resolve_groups(options.groups, selection->rows.size());
  if (!groups) return fail(groups);
  if (auto rules = resolve_rules(table, options, *selection, *groups); !rules) {
    return fail(rules);
  }
  return Preview{table.rows(), table.rows() - selection->rows.size(), *std::move(groups),
                 std::move(selection->accounts), std::move(selection->warnings)};
}

Result<Preview> preview(const Panel& panel) {
  auto found = preview(panel.units, panel.options);
  if (!found) return found;
  if (auto control = find_control(panel.asked.control, found->groups); !control) {
    return fail(control);
  }
  found->accounts.insert(found->accounts.end(), panel.others.begin(), panel.others.end());
  found->warnings.insert(found->warnings.begin(), panel.notes.begin(), panel.notes.end());
  return found;
}

std::string assignment_csv(const Table& table, const Outcome& outcome,
                           const std::vector<std::size_t>& columns) {
  std::string out;
  append_csv_field(out, table.columns()[outcome.id_column].name);
  out += ",group";
  std::vector<std::vector<std::string>> texts;
  for (const auto c : columns) {
    out.push_back(',');
    append_csv_field(out, table.columns()[c].name);
    texts.push_back(table.text(c));
  }
  out.push_back('\n');
  table.each(outcome.id_column, [&](std::size_t row, std::string_view id) {
    append_csv_field(out, id);
    out.push_back(',');
    const auto group = outcome.group_of_row[row];
    if (group != kNoGroup) append_csv_field(out, outcome.groups[group].name);
    for (const auto& text : texts) {
      out.push_back(',');
      append_csv_field(out, text[row]);
    }
    out.push_back('\n');
    return true;
  });
  return out;
}

}  // namespace saola::split
