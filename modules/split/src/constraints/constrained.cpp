#include "constraints/constrained.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "constraints/allotment.hpp"
#include "constraints/costs.hpp"
#include "objective/moments.hpp"
#include "search/effort.hpp"
#include "search/race.hpp"

namespace saola::split {
namespace {

using Active = std::vector<std::uint32_t>;

Active all_of(const Rules& rules) {
  Active all(rules.rules.size());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

// A start that meets the active rules; false when none was found in a few tries.
bool start(Allotment& allotment, Random& random, Pace& pace) {
  constexpr int kTries = 3;
  if (allotment.impossible()) return false;
  for (int n = 0; n < kTries && !pace.stopped(); ++n) {
    allotment.place(random);
    if (allotment.repair(random, pace)) return true;
  }
  return false;
}

// Finds rules that cannot be met together, as few as possible (QuickXplain, Junker 2004).
class Conflict {
 public:
  Conflict(const Problem& problem, const Rules& rules, std::uint64_t seed, Pace& pace)
      : problem_(problem), rules_(rules), seed_(seed), pace_(pace) {}

  Active find() { return explain({}, false, all_of(rules_)); }

 private:
  bool feasible(const Active& active) {
    Allotment allotment(problem_, rules_, active);
    Random random(seed_, kRandomSplitStream);
    return start(allotment, random, pace_);
  }

  Active explain(const Active& background, bool grown, const Active& rest) {
    if (grown && !feasible(background)) return {};
    if (rest.size() <= 1) return rest;
    const auto half = rest.begin() + static_cast<std::ptrdiff_t>(rest.size() / 2);
    const Active first(rest.begin(), half);
    const Active second(half, rest.end());
    const auto with = [](Active a, const Active& b) {
      a.insert(a.end(), b.begin(), b.end());
      return a;
    };
    const auto from_second = explain(with(background, first), true, second);
    const auto from_first = explain(with(background, from_second), !from_second.empty(), first);
    return with(from_first, from_second);
  }

  const Problem& problem_;
  const Rules& rules_;
  std::uint64_t seed_;
  Pace& pace_;
};

class Climb {
 public:
  Climb(Allotment& allotment, BlockCost& cost, Random& random, Pace& pace)
      : allotment_(allotment), cost_(cost), random_(random), pace_(pace) {
    order_.resize(allotment.blocks().size());
    std::iota(order_.begin(), order_.end(), 0U);
  }

  std::uint64_t trials() const { return trials_; }
  std::uint64_t moves() const { return moves_; }

  // Passes over all blocks, each making its best harmless move, until none helps.
  void improve(bool once) {
    for (bool better = true; better && !pace_.stopped();) {
      better = false;
      random_.shuffle(order_);
      for (const auto b : order_) {
        better = improve_block(b) || better;
        if (pace_.stopped()) return;
      }
      if (once) return;
    }
  }

  // A few moves whatever they do, then the rules again. False when they could not be met again.
  bool disturb() {
    constexpr int kMoves = 3;
    const auto count = static_cast<std::uint32_t>(order_.size());
    for (int n = 0; n < kMoves; ++n) {
      const auto b = random_.below(count);
      const auto c = random_.below(count);
      const auto from = allotment_.group(b);
      const auto to = allotment_.group(c);
      if (from != to && allotment_.may(b, to) && allotment_.may(c, from))
        allotment_.apply({b, c, to});
    }
    const bool good = allotment_.feasible() || allotment_.repair(random_, pace_);
    cost_.assign(allotment_);
    return good;
  }

 private:
  bool improve_block(std::uint32_t b) {
    constexpr std::uint32_t kAll = 600;
    constexpr std::uint32_t kSome = 200;
    const auto count = static_cast<std::uint32_t>(order_.size());
    Move best;
    double best_delta = -1e-9 * (1 + std::abs(cost_.cost()));
    std::uint64_t tried = 0;
    const auto consider = [&](const Move& move) {
      ++tried;
      const double delta = cost_.delta(allotment_, move);
      if (delta < best_delta && allotment_.harmless(move)) {
        best_delta = delta;
        best = move;
      }
    };
    const auto from = allotment_.group(b);
    for (const auto g : allotment_.blocks()[b].allowed) {
      if (g != from) consider({b, kNoBlock, g});
    }
    const auto partners = count <= kAll ? count : kSome;
    for (std::uint32_t n = 0; n < partners; ++n) {
      const auto c = count <= kAll ? n : random_.below(count);
      const auto to = allotment_.group(c);
      if (to == from || !allotment_.may(b, to) || !allotment_.may(c, from)) continue;
      consider({b, c, to});
    }
    trials_ += tried;
    pace_.step(tried * cost_.work());
    if (best.b == kNoBlock) return false;
    cost_.apply(allotment_, best);
    allotment_.apply(best);
    ++moves_;
    pace_.step(cost_.work() * 4);
    return true;
  }

  Allotment& allotment_;
  BlockCost& cost_;
  Random& random_;
  Pace& pace_;
  std::vector<std::uint32_t> order_;
  std::uint64_t trials_ = 0;
  std::uint64_t moves_ = 0;
};

struct Shared {
  const Problem& problem;
  const Rules& rules;
  const SearchOptions& options;
  std::vector<double> features;
  std::optional<DistanceTable> distances;
  std::vector<std::uint32_t> first;  // an assignment that meets the rules
};

std::unique_ptr<BlockCost> make_cost(const Shared& shared, const Allotment& allotment) {
  if (shared.distances) {
    return make_distances_cost(*shared.distances,
                               shared.options.objective == Objective::kAverageDiversity, allotment);
  }
  return make_moments_cost(shared.features, shared.features.size() / shared.problem.rows,
                           allotment);
}

RestartResult run_restart(const Shared& shared, Allotment& allotment, BlockCost& cost,
                          std::size_t number, Pace& pace, const Race::Told& told) {
  told(0);
  Random random(shared.options.seed, kFirstRestartStream + number);
  // A given start is improved as it is, once.
  const bool given = number == 0 || !shared.rules.start.empty();
  if (given || !start(allotment, random, pace)) allotment.assign(shared.first);
  cost.assign(allotment);
  RestartResult result;
  result.best = {allotment.group_of_unit(), cost.cost()};
  const auto keep = [&] {
    if (allotment.feasible() && cost.cost() < result.best.cost) {
      result.best = {allotment.group_of_unit(), cost.cost()};
    }
  };
  Climb climb(allotment, cost, random, pace);
  climb.improve(shared.options.method == Method::kExchange);
  keep();
  const auto work =
      search_work(shared.problem.rows) * restart_eighths(shared.options, number) / kUsual;
  const auto begin = pace.work();
  while (shared.options.method == Method::kSearch && !pace.stopped() &&
         pace.work() - begin < work) {
    told(static_cast<double>(pace.work() - begin) / static_cast<double>(work));
    if (climb.disturb()) {
      climb.improve(false);
      keep();
    }
    constexpr double kMuchWorse = 0.2;
    if (!allotment.feasible() ||
        cost.cost() > result.best.cost + kMuchWorse * std::abs(result.best.cost)) {
      allotment.assign(result.best.group_at);
      cost.assign(allotment);
    }
    pace.step(1000);
  }
  result.trials = climb.trials();
  result.swaps = climb.moves();
  return result;
}

std::unexpected<Error> tell_conflict(const Problem& problem, const Rules& rules, std::uint64_t seed,
                                     Pace& pace) {
  const auto conflict = Conflict(problem, rules, seed, pace).find();
  std::string text;
  constexpr std::size_t kShown = 10;
  for (std::size_t i = 0; i < conflict.size() && i < kShown; ++i) {
    text += (i > 0 ? "; " : "") + rules.rules[conflict[i]].text;
  }
  if (conflict.size() > kShown) text += fmt::format("; and {} more", conflict.size() - kShown);
  return fail(
      ErrorCode::kInvalidArgument,
      "the constraints cannot all be met: no split was found that meets these together: {}. "
      "Without any one of them the others can be met; change or remove one",
      text);
}

}  // namespace

std::optional<std::vector<std::uint32_t>> constrained_assignment(const Problem& problem,
                                                                 const Rules& rules,
                                                                 std::uint64_t seed, Pace& pace) {
  auto free = rules;
  free.start.clear();
  Allotment allotment(problem, free, all_of(rules));
  Random random(seed, kRandomSplitStream);
  if (!start(allotment, random, pace)) return std::nullopt;
  return allotment.group_of_unit();
}

Result<Solution> constrained_search(const Problem& problem, const Rules& rules,
                                    const SearchOptions& options, const Poll& poll) {
  Pace pace(poll);
  pace.tell(0, "looking for a split that meets the constraints");
  const auto active = all_of(rules);
  Allotment first(problem, rules, active);
  Random random(options.seed, kRandomSplitStream);
  if (!start(first, random, pace)) {
    if (pace.stopped()) {
      return fail(
          ErrorCode::kInvalidArgument,
          "the split was stopped before one that meets the constraints was found; allow more "
          "time");
    }
    return tell_conflict(problem, rules, options.seed, pace);
  }
  Shared shared{problem, rules, options, {}, {}, first.group_of_unit()};
  if (is_diversity(options.objective)) {
    if (first.blocks().size() > DistanceTable::kKeptUpTo) {
      return fail(ErrorCode::kTooLarge,
                  "objective '{}' with constraints keeps the distances between all units, here {}; "
                  "use 'kplus'",
                  to_string(options.objective), first.blocks().size());
    }
    pace.tell(0, "measuring distances");
    shared.distances.emplace(make_distance_table(problem, {}, pace));
  } else {
    const RowFeatures features(problem, options.objective, pace);
    shared.features.resize(problem.rows * features.width());
    for (std::size_t r = 0; r < problem.rows; ++r) {
      features.fill(r, &shared.features[r * features.width()]);
    }
  }
  auto winner = Race(options, poll).run([&]() -> Race::Restart {
    auto allotment = std::make_shared<Allotment>(first);  // shared: std::function copies
    std::shared_ptr<BlockCost> cost = make_cost(shared, *allotment);
    return [&shared, allotment, cost](std::size_t number, Pace& own, const Race::Told& told) {
      return run_restart(shared, *allotment, *cost, number, own, told);
    };
  });
  Solution solution;
  solution.partners = "all";
  solution.restarts_done = winner.restarts;
  solution.best_restart = winner.restart;
  solution.trials = winner.trials;
  solution.swaps = winner.swaps;
  solution.threads = winner.threads;
  solution.stopped = winner.stopped;
  for (auto& design : winner.designs)
    solution.designs.emplace_back(design.cost, std::move(design.group_at));
  solution.group_of_row = std::move(winner.best->group_at);
  solution.objective = std::abs(winner.best->cost);
  return solution;
}

}  // namespace saola::split
