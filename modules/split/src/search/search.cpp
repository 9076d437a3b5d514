#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include <saola/base/check.hpp>
#include <saola/split/search.hpp>

#include "objective/distances.hpp"
#include "objective/moments.hpp"
#include "search/effort.hpp"
#include "search/engine.hpp"
#include "search/layout.hpp"
#include "search/pace.hpp"
#include "search/race.hpp"
#include "search/random.hpp"
#include "search/start.hpp"
#include "search/three_phase.hpp"

namespace saola::split {
namespace {

// Up to this many rows every pair is tried; beyond, partners near in the layout.
constexpr std::size_t kAllPartnersUpTo = 4'000;
constexpr std::uint32_t kNearPartners = 128;
// Beyond, features are kept in single precision.
constexpr std::size_t kManyFeatures = 8'000'000;
// Up to so many rows kSearch tries every pair too, and takes turns with three-phase search.
constexpr std::size_t kFew = 200;

std::vector<std::uint32_t> by_row(const Layout& layout,
                                  const std::vector<std::uint32_t>& by_position) {
  std::vector<std::uint32_t> rows(by_position.size());
  for (std::size_t p = 0; p < by_position.size(); ++p) rows[layout.row_at[p]] = by_position[p];
  return rows;
}

// Partners tried by kSearch and kThreePhase of many rows: enough for some in each of the other groups.
std::uint32_t near_partners(std::size_t groups) {
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(16 * (groups - 1), 16, 320));
}

// What all restarts share.
struct Course {
  const Problem& problem;
  const SearchOptions& options;
  const Layout& layout;
  std::uint32_t window;
};

// One restart from the state's assignment; `best` gets the best seen, wherever it is stopped.
template <typename State>
class Improvement {
 public:
  Improvement(State& state, Engine<State>& engine, const Course& course, Random& random, Pace& pace)
      : state_(state), engine_(engine), course_(course), random_(random), pace_(pace) {}

  void run(std::size_t number, Best& best, const Race::Told& told) {
    const auto& options = course_.options;
    const auto work = search_work(state_.positions()) * restart_eighths(options, number) / kUsual;
    switch (options.method) {
      case Method::kExchange:
        engine_.exchange();
        engine_.keep_better(best);
        break;
      case Method::kLocalMaximum:
        engine_.local_maximum();
        engine_.keep_better(best);
        break;
      case Method::kSearch:
        // Of few rows now the one is better, now the other; of points' distances always the first.
        if (few() && !points_distances() && number % 2 == 1) {
          three_phase(work, best, told);
        } else {
          anneal(work, best, told);
        }
        break;
      case Method::kThreePhase:
        three_phase(work, best, told);
        break;
    }
  }

 private:
  bool points_distances() const {
    return is_diversity(course_.options.objective) && course_.problem.distances.empty();
  }
  bool few() const { return state_.positions() <= kFew; }

  void anneal(std::uint64_t work, Best& best, const Race::Told& told) {
    engine_.local_maximum();
    engine_.keep_better(best);
    // Shares found by trial.
    const bool mostly = is_diversity(course_.options.objective) && !few();
    const double share = mostly ? 0.85 : 0.5;
    const auto annealing = static_cast<std::uint64_t>(share * static_cast<double>(work));
    engine_.anneal(random_, annealing, [&](double part) { told(share * part); });
    engine_.local_maximum();
    engine_.keep_better(best);
    engine_.iterate(random_, work - annealing, best,
                    [&](double part) { told(share + (1 - share) * part); });
  }

  void three_phase(std::uint64_t work, Best& best, const Race::Told& told) {
    const auto start = [&] { return matched_start(course_.problem, course_.layout, random_); };
    ThreePhase<State>(state_, engine_, course_.layout, random_, pace_).run(work, best, start, told);
  }

  State& state_;
  Engine<State>& engine_;
  const Course& course_;
  Random& random_;
  Pace& pace_;
};

template <typename State>
RestartResult restart(State& state, const Course& course, std::size_t number, Pace& pace,
                      const Race::Told& told) {
  told(0);
  Random random(course.options.seed, kFirstRestartStream + number);
  RestartResult result;
  result.best = {matched_start(course.problem, course.layout, random),
                 std::numeric_limits<double>::infinity()};
  if (!state.assign(result.best.group_at, pace)) return result;
  result.best.cost = state.cost();
  std::optional<Margins> margins;
  if (course.problem.factors.size() > 1) margins.emplace(course.problem);
  const auto near = course.problem.distances.empty() ? Engine<State>::kNear : 0;
  Engine<State> engine(state, course.layout, course.window, pace, margins ? &*margins : nullptr,
                       near);
  Improvement<State>(state, engine, course, random, pace).run(number, result.best, told);
  result.trials = engine.trials();
  result.swaps = engine.swaps();
  return result;
}

// Each thread has a state of its own.
template <typename MakeState>
Race::Winner run_race(const Course& course, const Poll& poll, MakeState&& make_state) {
  return Race(course.options, poll).run([&]() -> Race::Restart {
    using State = decltype(make_state());
    auto state = std::make_shared<State>(make_state());  // shared: std::function copies
    return [state, &course](std::size_t number, Pace& pace, const Race::Told& told) {
      return restart(*state, course, number, pace, told);
    };
  });
}

std::vector<double> weights_of(const Problem& problem, Objective objective) {
  std::vector<double> weights;
  for (const auto size : problem.sizes) {
    weights.push_back(objective == Objective::kAverageDiversity ? 1.0 / size : 1.0);
  }
  return weights;
}

// As evaluate(), of given distances.
std::optional<double> from_matrix(const Problem& problem, Objective objective,
                                  const std::vector<std::uint32_t>& group_of_row, Pace& pace) {
  const auto rows = problem.rows;
  const auto weights = weights_of(problem, objective);
  double total = 0;
  double smallest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < rows && !pace.step(i); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (group_of_row[i] != group_of_row[j]) continue;
      const double distance = problem.distances[i * rows + j];
      total += weights[group_of_row[i]] * distance;
      smallest = std::min(smallest, distance);
    }
  }
  if (pace.stopped()) return std::nullopt;
  if (objective != Objective::kDispersion) return total;
  return std::isfinite(smallest) ? std::optional(smallest) : std::nullopt;
}

}  // namespace

Objective diversity_for(const Problem& problem) {
  const auto [low, high] = std::minmax_element(problem.sizes.begin(), problem.sizes.end());
  return *high - *low <= 1 ? Objective::kDiversity : Objective::kAverageDiversity;
}

Result<Solution> search(const Problem& problem, const SearchOptions& options, const Poll& poll) {
  SAOLA_CHECK(problem.rows >= 2 && problem.sizes.size() >= 2 &&
                  (problem.columns >= 1 || !problem.distances.empty()) &&
                  (problem.sources.empty() ? problem.values.size() == problem.rows * problem.columns
                                           : problem.sources.size() == problem.columns),
              "not a problem that can be split");
  constexpr std::uint64_t kSumsLimit = std::uint64_t{1} << 27;
  const bool diversity = is_diversity(options.objective);
  if (diversity && problem.rows * problem.sizes.size() > kSumsLimit) {
    return fail(ErrorCode::kTooLarge,
                "objective '{}' keeps a number for each row and group, here {} × {}; use "
                "'kplus', or fewer groups",
                to_string(options.objective), problem.rows, problem.sizes.size());
  }
  Pace pace(poll);
  pace.tell(0, "ordering rows");
  const auto layout = make_layout(problem, pace);
  std::uint32_t window = problem.rows <= kAllPartnersUpTo ? 0 : kNearPartners;
  const bool quick = options.method == Method::kSearch || options.method == Method::kThreePhase;
  if (quick && problem.rows > kFew) window = near_partners(problem.sizes.size());
  // Given distances need have no geometry: every pair is tried.
  if (window >= problem.rows || !problem.distances.empty()) window = 0;
  const Course course{problem, options, layout, window};
  Race::Winner winner;
  if (diversity) {
    pace.tell(0, "measuring distances");
    const auto table = make_distance_table(problem, layout.row_at, pace);
    const auto weights = weights_of(problem, options.objective);
    winner = run_race(course, poll, [&] { return Distances(table, weights); });
  } else {
    pace.tell(0, "preparing rows");
    const RowFeatures rows(problem, options.objective, pace);
    const auto race = [&](const auto& features) {
      return run_race(course, poll, [&] { return Moments(features, problem.sizes); });
    };
    if (problem.rows * rows.width() <= kManyFeatures) {
      winner = race(Features<double>(rows, problem.rows, layout.row_at, pace));
    } else {
      winner = race(Features<float>(rows, problem.rows, layout.row_at, pace));
    }
  }
  Solution solution;
  solution.partners = window == 0 ? "all" : fmt::format("near {}", window);
  solution.restarts_done = winner.restarts;
  solution.best_restart = winner.restart;
  solution.trials = winner.trials;
  solution.swaps = winner.swaps;
  solution.threads = winner.threads;
  solution.stopped = winner.stopped;
  for (auto& design : winner.designs)
    solution.designs.emplace_back(design.cost, by_row(layout, design.group_at));
  SAOLA_CHECK(winner.best.has_value(), "a race has a winner, if only its first start");
  solution.group_of_row = by_row(layout, winner.best->group_at);
  if (!diversity || problem.rows <= DistanceTable::kKeptUpTo) {
    solution.objective =
        evaluate(problem, options.objective, solution.group_of_row, options.evaluating);
  } else if (std::isfinite(winner.best->cost)) {
    solution.objective = -winner.best->cost;
  }
  return solution;
}

std::vector<std::uint32_t> random_assignment(const Problem& problem, std::uint64_t seed) {
  Random random(seed, kRandomSplitStream);
  const auto layout = strata_layout(problem);
  return by_row(layout, random_start(problem, layout, random));
}

std::optional<double> evaluate(const Problem& problem, Objective objective,
                               const std::vector<std::uint32_t>& group_of_row, const Poll& poll) {
  if (is_linear(objective)) {
    Pace pace(poll);
    pace.tell(0, "evaluating the objective");
    const RowFeatures rows(problem, objective, pace);
    const auto width = rows.width();
    std::vector<double> row(width);
    std::vector<double> sums(problem.sizes.size() * width);
    for (std::size_t r = 0; r < problem.rows && !pace.step(4 * width); ++r) {
      rows.fill(r, row.data());
      for (std::size_t f = 0; f < width; ++f) sums[group_of_row[r] * width + f] += row[f];
    }
    if (pace.stopped()) return std::nullopt;
    double total = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      total += sums[i] * sums[i] / problem.sizes[i / width];
    }
    return total;
  }
  // Group by group, so that only distances within groups are computed.
  Pace pace(poll);
  pace.tell(0, "summing distances");
  if (objective == Objective::kBicriterion) objective = diversity_for(problem);
  if (!problem.distances.empty()) return from_matrix(problem, objective, group_of_row, pace);
  std::vector<std::vector<double>> members(problem.sizes.size());
  const auto values = weighted_values(problem);
  for (std::size_t r = 0; r < problem.rows; ++r) {
    auto& group = members[group_of_row[r]];
    const double* const row = &values[r * problem.columns];
    group.insert(group.end(), row, row + problem.columns);
  }
  if (objective == Objective::kDispersion) {
    double smallest = std::numeric_limits<double>::infinity();
    for (const auto& group : members) {
      smallest = std::min(smallest, smallest_distance(group, problem.columns, pace));
    }
    if (pace.stopped() || !std::isfinite(smallest)) return std::nullopt;
    return smallest;
  }
  const auto weights = weights_of(problem, objective);
  double total = 0;
  for (std::size_t g = 0; g < members.size(); ++g) {
    total += weights[g] * sum_of_distances(members[g], problem.columns, pace);
  }
  if (pace.stopped()) return std::nullopt;
  return total;
}

}  // namespace saola::split
