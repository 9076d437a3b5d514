#include <algorithm>
#include <utility>

#include <saola/base/check.hpp>
#include <saola/split/search.hpp>

#include "objective/distances.hpp"
#include "objective/moments.hpp"
#include "search/engine.hpp"
#include "search/layout.hpp"
#include "search/pace.hpp"
#include "search/random.hpp"
#include "search/start.hpp"

namespace saola::split {
namespace {

// Independent random streams of one seed.
constexpr std::uint64_t kRandomSplitStream = 0;
constexpr std::uint64_t kFirstRestartStream = 1;

// Up to this many rows every pair is tried; beyond, partners near in the layout.
constexpr std::size_t kAllPartnersUpTo = 4'000;
constexpr std::uint32_t kNearPartners = 128;

std::vector<double> in_layout(const Layout& layout, const std::vector<double>& by_row,
                              std::size_t width) {
  std::vector<double> by_position(by_row.size());
  for (std::size_t p = 0; p < layout.row_at.size(); ++p) {
    std::copy_n(&by_row[layout.row_at[p] * width], width, &by_position[p * width]);
  }
  return by_position;
}

std::vector<std::uint32_t> by_row(const Layout& layout,
                                  const std::vector<std::uint32_t>& by_position) {
  std::vector<std::uint32_t> rows(by_position.size());
  for (std::size_t p = 0; p < by_position.size(); ++p) rows[layout.row_at[p]] = by_position[p];
  return rows;
}

// How much kSearch does in a restart, in units of Pace (about nanoseconds).
std::uint64_t search_work(std::size_t rows) {
  constexpr std::uint64_t kPerRow = 350'000;
  constexpr std::uint64_t kMost = 1'600'000'000;
  return std::min(kPerRow * rows, kMost);
}

// Partners tried by kSearch: enough for some in each of the other groups.
std::uint32_t near_partners(std::size_t groups) {
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(16 * (groups - 1), 16, 320));
}

// One restart from the state's assignment; `best` gets the best seen, wherever it is stopped.
template <typename State, typename Told>
void improve(State& state, Engine<State>& engine, Method method, Random& random, Best& best,
             Told&& told) {
  const auto work = search_work(state.positions());
  switch (method) {
    case Method::kExchange:
      engine.exchange();
      engine.keep_better(best);
      break;
    case Method::kLocalMaximum:
      engine.local_maximum();
      engine.keep_better(best);
      break;
    case Method::kSearch:
      engine.local_maximum();
      engine.keep_better(best);
      engine.anneal(random, work / 2, [&](double part) { told(part / 2); });
      engine.local_maximum();
      engine.keep_better(best);
      engine.iterate(random, work / 2, best, [&](double part) { told(0.5 + part / 2); });
      break;
  }
}

// All restarts over one state.
template <typename State>
void run(State& state, const Problem& problem, const SearchOptions& options, const Layout& layout,
         std::uint32_t window, Pace& pace, Solution& solution) {
  Best best;
  const auto restarts = std::max<std::size_t>(options.restarts, 1);
  for (std::size_t r = 0; r < restarts; ++r) {
    const auto told = [&](double part) {
      pace.tell((static_cast<double>(r) + part) / static_cast<double>(restarts), "improving");
    };
    told(0);
    Random random(options.seed, kFirstRestartStream + r);
    auto start = matched_start(problem, layout, random);
    if (best.group_at.empty()) best.group_at = start;
    if (!state.assign(std::move(start), pace)) break;
    Engine<State> engine(state, layout, window, pace);
    Best found{state.group_at(), state.cost()};
    improve(state, engine, options.method, random, found, told);
    solution.trials += engine.trials();
    solution.swaps += engine.swaps();
    if (!solution.objective || found.cost < best.cost) {
      best = std::move(found);
      solution.objective = best.cost;
    }
    if (pace.stopped()) break;
    ++solution.restarts_done;
  }
  solution.group_of_row = by_row(layout, best.group_at);
}

}  // namespace

Result<Solution> search(const Problem& problem, const SearchOptions& options, const Poll& poll) {
  SAOLA_CHECK(problem.rows >= 2 && problem.sizes.size() >= 2 && problem.columns >= 1 &&
                  problem.values.size() == problem.rows * problem.columns,
              "not a problem that can be split");
  constexpr std::uint64_t kSumsLimit = std::uint64_t{1} << 27;
  if (options.objective == Objective::kDiversity &&
      problem.rows * problem.sizes.size() > kSumsLimit) {
    return fail(ErrorCode::kTooLarge,
                "objective 'diversity' keeps a number for each row and group, here {} × {}; use "
                "'kplus', or fewer groups",
                problem.rows, problem.sizes.size());
  }
  Pace pace(poll);
  pace.tell(0, "ordering rows");
  const auto layout = make_layout(problem, pace);
  std::uint32_t window = problem.rows <= kAllPartnersUpTo ? 0 : kNearPartners;
  if (options.method == Method::kSearch) window = near_partners(problem.sizes.size());
  if (window >= problem.rows) window = 0;
  Solution solution;
  solution.partners = window == 0 ? "all" : fmt::format("near {}", window);
  if (options.objective == Objective::kDiversity) {
    pace.tell(0, "measuring distances");
    Distances state(in_layout(layout, problem.values, problem.columns), problem.columns,
                    problem.sizes.size(), pace);
    run(state, problem, options, layout, window, pace, solution);
    if (solution.objective) {
      // Where that is quick, exactly; else from the sums of single-precision distances.
      solution.objective = problem.rows <= Distances::kKeptUpTo
                               ? evaluate(problem, options.objective, solution.group_of_row, Poll())
                               : -*solution.objective;
    }
  } else {
    const bool kplus = options.objective == Objective::kKPlus;
    const auto width = kplus ? 2 * problem.columns : problem.columns;
    Moments state(in_layout(layout, kplus ? kplus_features(problem) : problem.values, width), width,
                  problem.sizes);
    run(state, problem, options, layout, window, pace, solution);
  }
  solution.stopped = pace.stopped();
  return solution;
}

std::vector<std::uint32_t> random_assignment(const Problem& problem, std::uint64_t seed) {
  Random random(seed, kRandomSplitStream);
  const auto layout = strata_layout(problem);
  return by_row(layout, random_start(problem, layout, random));
}

std::optional<double> evaluate(const Problem& problem, Objective objective,
                               const std::vector<std::uint32_t>& group_of_row, const Poll& poll) {
  if (objective != Objective::kDiversity) {
    const bool kplus = objective == Objective::kKPlus;
    const auto width = kplus ? 2 * problem.columns : problem.columns;
    Moments state(kplus ? kplus_features(problem) : problem.values, width, problem.sizes);
    Pace unhurried(Poll{});
    state.assign(group_of_row, unhurried);
    return state.cost();
  }
  // Group by group, so that only distances within groups are computed.
  Pace pace(poll);
  std::vector<std::vector<double>> members(problem.sizes.size());
  for (std::size_t r = 0; r < problem.rows; ++r) {
    auto& group = members[group_of_row[r]];
    group.insert(group.end(), &problem.values[r * problem.columns],
                 &problem.values[r * problem.columns] + problem.columns);
  }
  double total = 0;
  for (const auto& group : members) total += sum_of_distances(group, problem.columns, pace);
  if (pace.stopped()) return std::nullopt;
  return total;
}

}  // namespace saola::split
