#include "dispersion/dispersion.hpp"

#include <algorithm>
#include <string>

#include "constraints/constrained.hpp"
#include "dispersion/colouring.hpp"
#include "objective/distances.hpp"
#include "search/effort.hpp"
#include "search/pace.hpp"

namespace saola::split {
namespace {

constexpr std::size_t kMostPoints = 20;

struct Distance {
  float distance;
  Edge pair;
};

// All pairs, the nearest first, and where each different distance begins.
struct Pairs {
  std::vector<Distance> sorted;
  std::vector<std::size_t> begins;

  // Pairs nearer than the distance number `level`.
  std::vector<Edge> nearer_than(std::size_t level) const {
    const auto end = level < begins.size() ? begins[level] : sorted.size();
    std::vector<Edge> edges;
    for (std::size_t i = 0; i < end; ++i) edges.push_back(sorted[i].pair);
    return edges;
  }
  std::size_t levels() const { return begins.size(); }
};

Pairs pairs_of(const Problem& problem, Pace& pace) {
  const auto table = make_distance_table(problem, {}, pace);
  Pairs pairs;
  const auto rows = static_cast<std::uint32_t>(problem.rows);
  pairs.sorted.reserve(std::size_t{rows} * (rows - 1) / 2);
  for (std::uint32_t i = 0; i < rows && !pace.step(i); ++i) {
    for (std::uint32_t j = 0; j < i; ++j) {
      pairs.sorted.push_back({static_cast<float>(table.between(i, j)), {j, i}});
    }
  }
  std::sort(pairs.sorted.begin(), pairs.sorted.end(), [](const Distance& a, const Distance& b) {
    return a.distance < b.distance || (a.distance == b.distance && a.pair < b.pair);
  });
  for (std::size_t i = 0; i < pairs.sorted.size(); ++i) {
    if (i == 0 || pairs.sorted[i].distance != pairs.sorted[i - 1].distance) {
      pairs.begins.push_back(i);
    }
  }
  return pairs;
}

Rules with_apart(const Rules& rules, const std::vector<Edge>& edges) {
  auto out = rules;
  for (const auto& [a, b] : edges) {
    Rule rule;
    rule.kind = Rule::Kind::kApart;
    rule.units = {a, b};
    out.rules.push_back(std::move(rule));
  }
  out.plain = false;
  return out;
}

// A split that keeps as many of the nearest pairs apart as can be found.
struct Farthest {
  // Pairs nearer than the distance of this number are kept apart.
  std::size_t level = 0;
  // No split keeps more apart.
  bool proven = false;
  std::vector<std::uint32_t> group_of_row;  // empty at level 0
};

class Bisection {
 public:
  Bisection(const Problem& problem, const Rules& rules, const Pairs& pairs, std::uint64_t seed,
            Pace& pace)
      : problem_(problem), rules_(rules), pairs_(pairs), seed_(seed), pace_(pace) {
    // Strata are spread by the search under constraints only.
    sizes_alone_ = rules.plain && problem.factors.empty();
  }

  Farthest run() {
    // Few pairs are quick to keep apart, so the step grows before it is halved.
    std::size_t step = std::max<std::size_t>(problem_.rows / 2, 1);
    while (found_.level + 1 < too_many_ && !pace_.stopped()) {
      if (failed_) step = (too_many_ - found_.level) / 2;
      try_level(std::min(found_.level + std::max<std::size_t>(step, 1), too_many_ - 1));
      step *= 2;
    }
    // Never failed: not even the farthest pair need share a group.
    if (!failed_) found_.proven = true;
    if (pace_.stopped()) found_.proven = false;
    return std::move(found_);
  }

 private:
  void try_level(std::size_t level) {
    constexpr std::uint64_t kWork = 300'000'000;
    const auto edges = pairs_.nearer_than(level);
    auto colouring = colour(problem_.rows, problem_.sizes, edges, kWork);
    pace_.step(edges.size() + problem_.rows);
    if (colouring.colourable == Colourable::kYes && sizes_alone_) {
      found_.level = level;
      found_.group_of_row = std::move(colouring.group_of_unit);
      return;
    }
    if (colouring.colourable != Colourable::kNo) {
      if (auto split = constrained_assignment(problem_, with_apart(rules_, edges), seed_, pace_)) {
        found_.level = level;
        found_.group_of_row = *std::move(split);
        return;
      }
    }
    too_many_ = level;
    failed_ = true;
    found_.proven = colouring.colourable == Colourable::kNo;
  }

  const Problem& problem_;
  const Rules& rules_;
  const Pairs& pairs_;
  const std::uint64_t seed_;
  Pace& pace_;
  bool sizes_alone_ = false;
  bool failed_ = false;
  // At the last level all pairs but the farthest are kept apart; beyond it no group has two units.
  std::size_t too_many_ = pairs_.levels() + 1;
  Farthest found_;
};

class DispersionSearch {
 public:
  DispersionSearch(const Problem& problem, const Rules& rules, const SearchOptions& options,
                   const Poll& poll)
      : problem_(problem), rules_(rules), options_(options), pace_(poll) {}

  // What both searches begin with.
  Result<void> measure() {
    if (problem_.rows > DistanceTable::kKeptUpTo) {
      return fail(ErrorCode::kTooLarge,
                  "objective '{}' keeps the distances between all units; here are {}, the limit is "
                  "{}",
                  to_string(options_.objective), problem_.rows, DistanceTable::kKeptUpTo);
    }
    pace_.tell(0, "measuring distances");
    pairs_ = pairs_of(problem_, pace_);
    pace_.tell(0, "looking for the largest dispersion");
    if (pace_.stopped()) return {};
    farthest_ = Bisection(problem_, rules_, pairs_, options_.seed, pace_).run();
    return {};
  }

  // The best diversity with the pairs nearer than distance `level` kept apart.
  Result<Solution> diverse(std::size_t level, const SearchOptions& options,
                           const Poll& poll) const {
    const auto edges = pairs_.nearer_than(level);
    // The tables of the search under constraints have a number for each pair and group.
    constexpr std::size_t kMostCells = std::size_t{1} << 27;
    if (edges.size() * problem_.sizes.size() > kMostCells) {
      Solution solution;
      solution.group_of_row = farthest_.group_of_row;
      return solution;
    }
    if (edges.empty()) {
      return rules_.plain ? search(problem_, options, poll)
                          : constrained_search(problem_, rules_, options, poll);
    }
    auto rules = with_apart(rules_, edges);
    // Hard to find again.
    rules.start = farthest_.group_of_row;
    return constrained_search(problem_, rules, options, poll);
  }

  const Farthest& farthest() const { return farthest_; }
  const Pairs& pairs() const { return pairs_; }

 private:
  const Problem& problem_;
  const Rules& rules_;
  const SearchOptions& options_;
  Pace pace_;
  Pairs pairs_;
  Farthest farthest_;
};

SearchOptions for_diversity(const Problem& problem, const SearchOptions& options) {
  auto out = options;
  out.objective = diversity_for(problem);
  return out;
}

// How good a point is in both, each scaled to the range of the set.
double gain(const ParetoPoint& point, const std::vector<ParetoPoint>& set) {
  const auto& low = set.front();
  const auto& high = set.back();
  const double diversity = low.diversity - high.diversity;
  const double dispersion = high.dispersion - low.dispersion;
  return (diversity > 0 ? (point.diversity - high.diversity) / diversity : 0) +
         (dispersion > 0 ? (point.dispersion - low.dispersion) / dispersion : 0);
}

}  // namespace

Result<Solution> dispersion_search(const Problem& problem, const Rules& rules,
                                   const SearchOptions& options, const Poll& poll) {
  DispersionSearch search(problem, rules, options, poll);
  if (auto ok = search.measure(); !ok) return fail(ok);
  auto solution = search.diverse(search.farthest().level, for_diversity(problem, options), poll);
  if (!solution) return solution;
  solution->objective = evaluate(problem, Objective::kDispersion, solution->group_of_row, Poll());
  solution->dispersion = solution->objective;
  solution->dispersion_proven = search.farthest().proven;
  return solution;
}

Result<Solution> bicriterion_search(const Problem& problem, const Rules& rules,
                                    const SearchOptions& options, const Poll& poll) {
  DispersionSearch search(problem, rules, options, poll);
  if (auto ok = search.measure(); !ok) return fail(ok);
  const auto last = search.farthest().level;
  auto how = for_diversity(problem, options);
  how.designs = 0;
  constexpr std::size_t kLeastPatience = 3;
  how.patience = std::max(options.patience / kMostPoints, kLeastPatience);
  std::vector<std::size_t> levels = {0};
  for (std::size_t i = 1; i < kMostPoints; ++i) {
    const auto level = (i * last + kMostPoints - 2) / (kMostPoints - 1);
    if (level > levels.back()) levels.push_back(level);
  }
  std::vector<Solution> solutions;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const auto done = static_cast<double>(i) / static_cast<double>(levels.size());
    const auto step = static_cast<double>(1) / static_cast<double>(levels.size());
    auto solution = search.diverse(levels[i], how, [&](const Progress& progress) {
      auto part = progress;
      part.fraction = done + step * progress.fraction;
      return poll && poll(part);
    });
    if (!solution) return solution;
    const auto& groups = solution->group_of_row;
    const auto diversity = evaluate(problem, how.objective, groups, Poll());
    solution->objective = diversity;
    solution->dispersion = evaluate(problem, Objective::kDispersion, groups, Poll());
    solutions.push_back(*std::move(solution));
    if (solutions.back().stopped) break;
  }
  // From the most diverse down, those with more dispersion than all before.
  std::stable_sort(solutions.begin(), solutions.end(), [](const Solution& a, const Solution& b) {
    return a.objective > b.objective || (a.objective == b.objective && a.dispersion > b.dispersion);
  });
  std::vector<ParetoPoint> pareto;
  std::vector<std::size_t> of;
  for (std::size_t i = 0; i < solutions.size(); ++i) {
    const double dispersion = solutions[i].dispersion.value_or(0);
    if (!pareto.empty() && dispersion <= pareto.back().dispersion) continue;
    pareto.push_back({solutions[i].objective.value_or(0), dispersion, solutions[i].group_of_row});
    of.push_back(i);
  }
  std::size_t best = 0;
  for (std::size_t i = 1; i < pareto.size(); ++i) {
    if (gain(pareto[i], pareto) > gain(pareto[best], pareto)) best = i;
  }
  Solution answer = std::move(solutions[of[best]]);
  answer.restarts_done = 0;
  for (const auto& solution : solutions) answer.restarts_done += solution.restarts_done;
  answer.stopped = std::any_of(solutions.begin(), solutions.end(),
                               [](const Solution& solution) { return solution.stopped; });
  answer.dispersion_proven = search.farthest().proven;
  answer.pareto = std::move(pareto);
  answer.pareto_chosen = best;
  return answer;
}

}  // namespace saola::split
