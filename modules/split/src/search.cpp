#include <algorithm>
#include <utility>

#include <saola/base/check.hpp>
#include <saola/split/search.hpp>

#include "distances.hpp"
#include "engine.hpp"
#include "layout.hpp"
#include "moments.hpp"
#include "pace.hpp"
#include "random.hpp"
#include "start.hpp"

namespace saola::split {
namespace {

// Independent random streams of one seed.
constexpr std::uint64_t kRandomSplitStream = 0;
constexpr std::uint64_t kFirstRestartStream = 1;

// Up to this many rows every pair is tried; beyond, partners near in the layout.
constexpr std::size_t kAllPartnersUpTo = 12'000;
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

bool assign(Moments& state, std::vector<std::uint32_t> start, Pace&) {
  state.assign(std::move(start));
  return true;
}
bool assign(Distances& state, std::vector<std::uint32_t> start, Pace& pace) {
  return state.assign(std::move(start), pace);
}

// All restarts over one state; the best assignment by position.
template <typename State>
void run(State& state, const Problem& problem, const SearchOptions& options, const Layout& layout,
         std::uint32_t window, Pace& pace, Solution& solution) {
  std::vector<std::uint32_t> best;
  double best_cost = 0;
  const auto restarts = std::max<std::size_t>(options.restarts, 1);
  for (std::size_t r = 0; r < restarts; ++r) {
    const auto done = static_cast<double>(r) / static_cast<double>(restarts);
    pace.tell(done, "exchanging");
    Random random(options.seed, kFirstRestartStream + r);
    auto start = matched_start(problem, layout, random);
    if (best.empty()) best = start;
    if (!assign(state, std::move(start), pace)) break;
    Engine<State> engine(state, layout, window, pace);
    bool more = engine.exchange();
    while (options.method != Method::kExchange && more) more = engine.exchange();
    solution.trials += engine.trials();
    solution.swaps += engine.swaps();
    if (!solution.objective || state.cost() < best_cost) {
      best_cost = state.cost();
      best = state.group_at();
      solution.objective = best_cost;
    }
    if (pace.stopped()) break;
    ++solution.restarts_done;
  }
  solution.group_of_row = by_row(layout, best);
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
  const std::uint32_t window = problem.rows <= kAllPartnersUpTo ? 0 : kNearPartners;
  Solution solution;
  solution.partners = window == 0 ? "all" : fmt::format("near {}", window);
  if (options.objective == Objective::kDiversity) {
    pace.tell(0, "measuring distances");
    Distances state(in_layout(layout, problem.values, problem.columns), problem.columns,
                    problem.sizes.size(), pace);
    run(state, problem, options, layout, window, pace, solution);
    if (solution.objective) solution.objective = -*solution.objective;
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
  const Poll never;
  Pace pace(never);
  Random random(seed, kRandomSplitStream);
  const auto layout = make_layout(problem, pace);
  return by_row(layout, random_start(problem, layout, random));
}

std::optional<double> evaluate(const Problem& problem, Objective objective,
                               const std::vector<std::uint32_t>& group_of_row, const Poll& poll) {
  if (objective != Objective::kDiversity) {
    const bool kplus = objective == Objective::kKPlus;
    const auto width = kplus ? 2 * problem.columns : problem.columns;
    Moments state(kplus ? kplus_features(problem) : problem.values, width, problem.sizes);
    state.assign(group_of_row);
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
