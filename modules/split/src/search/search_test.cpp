#include <algorithm>
#include <cmath>
#include <map>

#include <saola/split/search.hpp>

#include "objective/distances.hpp"
#include "objective/moments.hpp"
#include "search/random.hpp"
#include "test_support.hpp"

namespace saola::split {
namespace {

constexpr Objective kObjectives[] = {Objective::kDiversity, Objective::kAverageDiversity,
                                     Objective::kVariance, Objective::kKPlus};
bool maximised(Objective objective) {
  return objective == Objective::kDiversity || objective == Objective::kAverageDiversity;
}
constexpr Method kMethods[] = {Method::kExchange, Method::kLocalMaximum, Method::kSearch,
                               Method::kThreePhase};

std::vector<std::uint32_t> sizes_of(const std::vector<std::uint32_t>& group_of_row,
                                    std::size_t groups) {
  std::vector<std::uint32_t> sizes(groups);
  for (const auto g : group_of_row) ++sizes.at(g);
  return sizes;
}

// FNV-1a over the assignment.
std::uint64_t hash_of(const std::vector<std::uint32_t>& assignment) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const auto g : assignment) hash = (hash ^ g) * 0x100000001B3U;
  return hash;
}

Solution solve(const Problem& problem, const SearchOptions& options) {
  auto solution = search(problem, options, Poll());
  EXPECT_TRUE(solution.has_value()) << solution.error().message();
  return solution ? std::move(*solution) : Solution();
}

// The objective straight from its definition, as slowly as it is written.
double by_definition(const Problem& problem, Objective objective,
                     const std::vector<std::uint32_t>& group) {
  const auto columns = problem.columns;
  if (objective == Objective::kDiversity || objective == Objective::kAverageDiversity) {
    const bool average = objective == Objective::kAverageDiversity;
    double total = 0;
    for (std::size_t i = 0; i < problem.rows; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (group[i] != group[j]) continue;
        double square = 0;
        for (std::size_t c = 0; c < columns; ++c) {
          square += std::pow(problem.values[i * columns + c] - problem.values[j * columns + c], 2);
        }
        total += std::sqrt(square) / (average ? problem.sizes[group[i]] : 1);
      }
    }
    return total;
  }
  std::vector<std::vector<double>> features(columns, std::vector<double>(problem.rows));
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t r = 0; r < problem.rows; ++r) features[c][r] = problem.values[r * columns + c];
  }
  if (objective == Objective::kKPlus) {
    const auto add_standardised = [&](std::vector<double> made) {
      double mean = 0;
      for (const double q : made) mean += q / static_cast<double>(problem.rows);
      double sum = 0;
      for (const double q : made) sum += (q - mean) * (q - mean);
      const double sd = std::sqrt(sum / static_cast<double>(problem.rows - 1));
      for (double& q : made) q = (q - mean) / sd;
      features.push_back(std::move(made));
    };
    for (std::size_t t = 2; t <= problem.moments; ++t) {
      for (std::size_t c = 0; c < columns; ++c) {
        std::vector<double> powers;
        for (const double x : features[c]) powers.push_back(std::pow(x, t));
        add_standardised(std::move(powers));
      }
    }
    for (std::size_t c = 0; problem.correlations && c < columns; ++c) {
      for (std::size_t d = c + 1; d < columns; ++d) {
        std::vector<double> products;
        for (std::size_t r = 0; r < problem.rows; ++r) {
          products.push_back(features[c][r] * features[d][r]);
        }
        add_standardised(std::move(products));
      }
    }
  }
  double total = 0;
  for (const auto& feature : features) {
    std::vector<double> sum(problem.sizes.size());
    for (std::size_t r = 0; r < problem.rows; ++r) sum[group[r]] += feature[r];
    for (std::size_t g = 0; g < sum.size(); ++g) total += sum[g] * sum[g] / problem.sizes[g];
  }
  return total;
}

TEST(Evaluate, IsTheDefinition) {
  const auto problem = some_problem(40, 3, {11, 14, 15}, 5);
  const auto group = random_assignment(problem, 3);
  for (const auto objective : kObjectives) {
    const auto expected = by_definition(problem, objective, group);
    EXPECT_NEAR(*evaluate(problem, objective, group, Poll()), expected, 1e-10 * expected);
  }
}

std::vector<double> kplus_features(const Problem& problem) {
  Pace unhurried{Poll()};
  const RowFeatures rows(problem, Objective::kKPlus, unhurried);
  std::vector<double> features(problem.rows * rows.width());
  for (std::size_t r = 0; r < problem.rows; ++r) rows.fill(r, &features[r * rows.width()]);
  return features;
}

TEST(Evaluate, KPlusTakesMoreMomentsAndCorrelations) {
  for (const std::size_t moments : {1, 2, 3, 5}) {
    for (const bool correlations : {false, true}) {
      auto problem = some_problem(40, 3, {11, 14, 15}, 5);
      problem.moments = moments;
      problem.correlations = correlations;
      const auto group = random_assignment(problem, 3);
      const auto expected = by_definition(problem, Objective::kKPlus, group);
      EXPECT_NEAR(*evaluate(problem, Objective::kKPlus, group, Poll()), expected, 1e-10 * expected);
      EXPECT_EQ(kplus_width(problem), 3 * moments + (correlations ? 3 : 0));
      EXPECT_EQ(kplus_features(problem).size(), 40 * kplus_width(problem));
    }
  }
}

TEST(Evaluate, WeightsOfAProductAreTheGeometricMeanAndIndicatorsHaveNoPowers) {
  auto problem = some_problem(20, 3, {10, 10}, 6);
  for (std::size_t r = 0; r < 20; ++r) problem.values[r * 3 + 2] = r % 2 == 0 ? 1 : -1;
  standardise(problem.values, 20, 3);
  problem.indicators = 1;
  problem.correlations = true;
  const auto plain = kplus_features(problem);
  ASSERT_EQ(kplus_width(problem), 6u);  // three columns, two squares, one product
  problem.weights = {4, 9, 2};
  const auto weighted = kplus_features(problem);
  const double expected[] = {4, 9, 2, 4, 9, 6};
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_NEAR(weighted[i], plain[i] * expected[i % 6], 1e-12);
  }
}

// The change a state foretells is the change that recomputing finds, both ways of asking.
template <typename State>
void expect_deltas(State& state, const Problem& problem, Objective objective, double precision) {
  const double sign = maximised(objective) ? -1 : 1;
  Pace pace{Poll()};
  Random random(17);
  auto group = random_assignment(problem, 2);
  ASSERT_TRUE(state.assign(group, pace));
  for (int n = 0; n < 200; ++n) {
    const auto i = random.below(static_cast<std::uint32_t>(problem.rows));
    const auto j = random.below(static_cast<std::uint32_t>(problem.rows));
    if (group[i] == group[j]) continue;
    const double before = sign * by_definition(problem, objective, group);
    std::swap(group[i], group[j]);
    const double change = sign * by_definition(problem, objective, group) - before;
    EXPECT_NEAR(state.delta(i, j), change, precision);
    state.prepare(i);
    EXPECT_NEAR(state.delta(j), change, precision);
    EXPECT_TRUE(change > -precision || state.can_beat(j, 0));
    state.swap(i, j);
    EXPECT_NEAR(state.cost(), before + change, precision * 10);
    EXPECT_EQ(state.group_at(), group);
  }
}

TEST(Moments, DeltaIsTheRecomputedChange) {
  const auto problem = some_problem(30, 3, {7, 11, 12}, 8);
  Pace unhurried{Poll()};
  const RowFeatures rows(problem, Objective::kVariance, unhurried);
  const Features plain(rows, problem.rows, {}, unhurried);
  Moments variance(plain, problem.sizes);
  expect_deltas(variance, problem, Objective::kVariance, 1e-10);
  const RowFeatures more(problem, Objective::kKPlus, unhurried);
  const Features squared(more, problem.rows, {}, unhurried);
  Moments kplus(squared, problem.sizes);
  expect_deltas(kplus, problem, Objective::kKPlus, 1e-10);
}

TEST(Distances, DeltaIsTheRecomputedChange) {
  const auto problem = some_problem(30, 3, {7, 11, 12}, 8);
  Pace pace{Poll()};
  const DistanceTable table(problem.values, 3, pace);
  Distances sum(table, {1, 1, 1});
  expect_deltas(sum, problem, Objective::kDiversity, 1e-4);
  Distances average(table, {1.0 / 7, 1.0 / 11, 1.0 / 12});
  expect_deltas(average, problem, Objective::kAverageDiversity, 1e-5);
}

TEST(Search, KeepsSizesAndReportsItsObjective) {
  const auto problem = some_problem(61, 2, {10, 20, 31}, 4);
  for (const auto objective : kObjectives) {
    const auto before = *evaluate(problem, objective, random_assignment(problem, 1), Poll());
    for (const auto method : kMethods) {
      const auto solution = solve(problem, {objective, method, 2, 1});
      EXPECT_EQ(sizes_of(solution.group_of_row, 3), problem.sizes);
      const auto value = by_definition(problem, objective, solution.group_of_row);
      EXPECT_NEAR(*solution.objective, value, 1e-9 * std::max(1.0, value));
      if (maximised(objective)) {
        EXPECT_GT(value, before);
      } else {
        EXPECT_LT(value, before);
      }
      EXPECT_EQ(solution.restarts_done, 2u);
      EXPECT_EQ(solution.partners, "all");
      EXPECT_FALSE(solution.stopped);
    }
  }
}

// All ways to choose `left` more members of group 0 from `from` on; the best value.
double best_of_all(const Problem& problem, Objective objective, std::vector<std::uint32_t>& group,
                   std::size_t from, std::uint32_t left) {
  const double sign = maximised(objective) ? -1 : 1;
  if (left == 0) return sign * by_definition(problem, objective, group);
  double best = INFINITY;
  for (std::size_t i = from; i + left <= problem.rows; ++i) {
    group[i] = 0;
    best = std::min(best, best_of_all(problem, objective, group, i + 1, left - 1));
    group[i] = 1;
  }
  return best;
}

TEST(Search, FindsTheBestOfAllSplitsOfTwelve) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto problem = some_problem(12, 2, {5, 7}, seed);
    for (const auto objective : kObjectives) {
      const double sign = maximised(objective) ? -1 : 1;
      std::vector<std::uint32_t> group(12, 1);
      const double best = best_of_all(problem, objective, group, 0, 5);
      const auto solution = solve(problem, {objective, Method::kSearch, 1, seed});
      EXPECT_NEAR(sign * *solution.objective, best, 1e-5) << to_string(objective) << " " << seed;
    }
  }
}

TEST(Search, ALocalMaximumCannotBeImprovedByOneSwap) {
  const auto problem = some_problem(50, 3, {25, 25}, 6);
  for (const auto objective : kObjectives) {
    const double sign = maximised(objective) ? -1 : 1;
    auto group = solve(problem, {objective, Method::kLocalMaximum, 1, 9}).group_of_row;
    const double cost = sign * by_definition(problem, objective, group);
    for (std::size_t i = 0; i < 50; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (group[i] == group[j]) continue;
        std::swap(group[i], group[j]);
        EXPECT_GE(sign * by_definition(problem, objective, group), cost - 1e-5 * std::abs(cost));
        std::swap(group[i], group[j]);
      }
    }
  }
}

TEST(Search, MoreRestartsAreNeverWorse) {
  const auto problem = some_problem(90, 3, {30, 30, 30}, 2);
  double last = INFINITY;
  for (const std::size_t restarts : {1, 3, 10}) {
    const auto value =
        *solve(problem, {Objective::kKPlus, Method::kExchange, restarts, 5}).objective;
    EXPECT_LE(value, last);
    last = value;
  }
}

TEST(Search, StrataKeepTheirShares) {
  auto problem = some_problem(100, 2, {20, 30, 50}, 11);
  for (std::size_t r = 0; r < 100; ++r)
    problem.stratum.push_back(r % 7 == 0 ? 1 : r % 3 == 0 ? 2 : 0);
  std::vector<double> stratum_size(3);
  for (const auto s : problem.stratum) ++stratum_size[s];
  std::vector<std::vector<std::uint32_t>> assignments = {random_assignment(problem, 1)};
  for (const auto objective : kObjectives) {
    for (const auto method : kMethods) {
      assignments.push_back(solve(problem, {objective, method, 1, 1}).group_of_row);
    }
  }
  for (const auto& group : assignments) {
    EXPECT_EQ(sizes_of(group, 3), problem.sizes);
    std::vector<std::vector<double>> count(3, std::vector<double>(3));
    for (std::size_t r = 0; r < 100; ++r) ++count[problem.stratum[r]][group[r]];
    for (std::size_t s = 0; s < 3; ++s) {
      for (std::size_t g = 0; g < 3; ++g) {
        EXPECT_LT(std::abs(count[s][g] - stratum_size[s] * problem.sizes[g] / 100), 1.0);
      }
    }
  }
}

TEST(Search, ExtremeShapes) {
  for (const auto objective : kObjectives) {
    for (const auto method : kMethods) {
      const auto two = some_problem(2, 1, {1, 1}, 1);
      EXPECT_EQ(sizes_of(solve(two, {objective, method, 1, 1}).group_of_row, 2), two.sizes);
      const auto singles = some_problem(9, 2, std::vector<std::uint32_t>(9, 1), 1);
      EXPECT_EQ(sizes_of(solve(singles, {objective, method, 1, 1}).group_of_row, 9), singles.sizes);
      auto alone = some_problem(6, 2, {3, 3}, 1);
      alone.stratum = {0, 1, 2, 3, 4, 5};
      EXPECT_EQ(sizes_of(solve(alone, {objective, method, 1, 1}).group_of_row, 2), alone.sizes);
      auto equal = some_problem(8, 1, {4, 4}, 1);
      std::fill(equal.values.begin(), equal.values.end(), 0.0);
      EXPECT_EQ(sizes_of(solve(equal, {objective, method, 1, 1}).group_of_row, 2), equal.sizes);
    }
  }
}

// Pinned, so that a change of the answers for a seed is seen: they are part of the contract.
TEST(Search, SameSeedSameAnswer) {
  const auto problem = some_problem(120, 3, {40, 30, 50}, 21);
  std::vector<std::uint64_t> hashes;
  for (const auto objective : kObjectives) {
    for (const auto method : kMethods) {
      hashes.push_back(hash_of(solve(problem, {objective, method, 2, 42}).group_of_row));
    }
  }
  const auto large = some_problem(5'000, 4, {2'500, 2'500}, 22);
  hashes.push_back(
      hash_of(solve(large, {Objective::kKPlus, Method::kLocalMaximum, 1, 7}).group_of_row));
  hashes.push_back(hash_of(random_assignment(problem, 42)));
  const std::vector<std::uint64_t> kGolden = {
      11520139069518611589U, 10117562449563646603U, 3145899917523051507U,  15642893418290295695U,
      11992711797496466395U, 11826418759515098987U, 8627768626832121321U,  1922618440665470575U,
      1197616559960456391U,  15303722737666571407U, 15149102830968141695U, 1584132380220542499U,
      9207031801630360637U,  5624734987112702849U,  15125876001320819257U, 15125876001320819257U,
      7881905369601963239U,  11766534455437053305U};
  EXPECT_EQ(hashes, kGolden);
  EXPECT_NE(solve(problem, {Objective::kKPlus, Method::kExchange, 1, 1}).group_of_row,
            solve(problem, {Objective::kKPlus, Method::kExchange, 1, 2}).group_of_row);
}

TEST(Search, AnyNumberOfThreadsGivesTheSameAnswer) {
  const auto problem = some_problem(60, 3, {20, 20, 20}, 31);
  const auto one = solve(problem, {.seed = 5, .patience = 7, .threads = 1});
  EXPECT_GT(one.restarts_done, 7u);
  for (const std::size_t threads : {2, 3, 8}) {
    const auto more = solve(problem, {.seed = 5, .patience = 7, .threads = threads});
    EXPECT_EQ(more.group_of_row, one.group_of_row);
    EXPECT_EQ(more.restarts_done, one.restarts_done);
    EXPECT_EQ(more.best_restart, one.best_restart);
    EXPECT_EQ(more.trials, one.trials);
    EXPECT_EQ(more.swaps, one.swaps);
  }
}

// The work is counted that a restart does: the first two do an eighth of the usual, the next two twice
// as much, and so on.
TEST(Search, GoesOnUntilWorkOfSoManyRestartsFoundNothingBetter) {
  const auto problem = some_problem(40, 3, {20, 20}, 9);
  const auto found = solve(problem, {.seed = 3, .patience = 20, .threads = 2});
  double fruitless = 0;
  for (auto r = found.best_restart + 1; r < found.restarts_done; ++r) {
    EXPECT_LT(fruitless, 20) << r;
    fruitless += static_cast<double>(std::uint64_t{1} << std::min<std::size_t>(r / 2, 7)) / 8;
  }
  EXPECT_GE(fruitless, 20);
}

// The running cost of a nearly perfect split fell below 0 by rounding, and with it the tolerance: swaps
// that changed nothing went on for ever.
TEST(Search, EndsWhereThereIsNothingLeftToBalance) {
  Problem problem;
  problem.rows = 30;
  problem.columns = 1;
  problem.sizes = {15, 15};
  problem.values = {32, 72, 69, 21, 59, 37, 97, 47, 54, 15, 65, 88, 32, 96, 84,
                    85, 50, 15, 56, 77, 60, 80, 67, 59, 12, 95, 50, 58, 79, 99};
  standardise(problem.values, problem.rows, problem.columns);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto found = solve(problem, {.seed = seed, .patience = 3, .threads = 1});
    EXPECT_FALSE(found.stopped);
    EXPECT_LT(*found.objective, 1e-5);
  }
}

// Distances without a geometry, where exchanges end in poor local maxima.
TEST(Search, ThreePhaseSearchLeavesLocalMaxima) {
  constexpr std::size_t kRows = 90;
  Random random(17);
  Problem problem;
  problem.rows = kRows;
  problem.sizes = {10, 12, 14, 16, 18, 20};
  problem.distances.resize(kRows * kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    problem.stratum.push_back(static_cast<std::uint32_t>(i % 3));
    for (std::size_t j = 0; j < i; ++j) {
      problem.distances[i * kRows + j] = problem.distances[j * kRows + i] =
          static_cast<float>(random.below(101));
    }
  }
  const auto local = solve(problem, {Objective::kDiversity, Method::kLocalMaximum, 100, 1});
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto found = solve(problem, {Objective::kDiversity, Method::kThreePhase, 1, seed});
    EXPECT_GT(*found.objective, *local.objective) << seed;
    EXPECT_EQ(sizes_of(found.group_of_row, 6), problem.sizes);
    std::vector<std::vector<double>> count(3, std::vector<double>(6));
    for (std::size_t r = 0; r < kRows; ++r) ++count[r % 3][found.group_of_row[r]];
    for (const auto& stratum : count) {
      for (std::size_t g = 0; g < 6; ++g) {
        EXPECT_LT(std::abs(stratum[g] - problem.sizes[g] / 3.0), 1.0);
      }
    }
  }
}

// The strata of a trial: sex, 12 sites and three age bands for 80 patients. Combining them alone
// unbalanced sex by up to 6 and the band by up to 11.
TEST(Search, EachOfSeveralStrataIsSpread) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    auto problem = some_problem(80, 2, {40, 40}, seed);
    Random random(seed, 7);
    std::map<std::vector<std::uint32_t>, std::uint32_t> numbers;
    std::vector<std::vector<std::uint32_t>> levels;
    for (std::size_t r = 0; r < 80; ++r) {
      levels.push_back({random.below(2), random.below(12), random.below(3)});
      const auto next = static_cast<std::uint32_t>(numbers.size());
      problem.stratum.push_back(numbers.try_emplace(levels.back(), next).first->second);
    }
    problem.factors.assign(3, std::vector<std::uint32_t>(numbers.size()));
    for (const auto& [combination, number] : numbers) {
      for (std::size_t f = 0; f < 3; ++f) problem.factors[f][number] = combination[f];
    }
    const auto solution = solve(problem, {.restarts = 2, .seed = seed});
    EXPECT_EQ(sizes_of(solution.group_of_row, 2), problem.sizes);
    for (std::size_t f = 0; f < 3; ++f) {
      std::map<std::uint32_t, int> difference;
      for (std::size_t r = 0; r < 80; ++r) {
        difference[levels[r][f]] += solution.group_of_row[r] == 0 ? 1 : -1;
      }
      for (const auto& [level, off] : difference) EXPECT_LE(std::abs(off), 1) << f << " " << level;
    }
    // Exchanges across combinations leave something to optimise.
    EXPECT_LT(*solution.objective,
              0.2 * *evaluate(problem, Objective::kKPlus, random_assignment(problem, 1), Poll()));
  }
}

TEST(Search, StopsWhenAskedWithAValidAnswer) {
  for (const auto objective : kObjectives) {
    const auto problem = some_problem(3'000, 4, {1'000, 2'000}, 3);
    for (const int polls : {0, 1, 5, 50}) {
      int left = polls;
      const auto solution = search(problem, {objective, Method::kSearch, 100, 1},
                                   [&](const Progress&) { return left-- <= 0; });
      ASSERT_TRUE(solution.has_value());
      EXPECT_TRUE(solution->stopped);
      EXPECT_EQ(sizes_of(solution->group_of_row, 2), problem.sizes);
      if (solution->objective) {
        const auto value = *evaluate(problem, objective, solution->group_of_row, Poll());
        EXPECT_NEAR(*solution->objective, value, 1e-6 * value);
      }
    }
  }
}

TEST(Search, DiversityRefusesTablesThatWouldNotFit) {
  Problem problem;
  problem.rows = 1 << 15;
  problem.columns = 1;
  problem.values.assign(problem.rows, 0);
  problem.sizes.assign(1 << 14, 2);
  const auto solution = search(problem, {Objective::kDiversity, Method::kExchange, 1, 1}, Poll());
  ASSERT_FALSE(solution.has_value());
  EXPECT_EQ(solution.error().code(), ErrorCode::kTooLarge);
}

TEST(Standardise, MeanZeroAndDeviationOne) {
  std::vector<double> values = {1, 1e308, 7, 0.1, 2, -1e308, 7, 0.1, 3, 5e307, 7, 0.1};
  standardise(values, 3, 4);
  EXPECT_EQ(values[0], -1);
  EXPECT_EQ(values[4], 0);
  EXPECT_EQ(values[8], 1);
  double squares = 0;
  for (const std::size_t i : {1, 5, 9}) squares += values[i] * values[i];
  EXPECT_NEAR(squares, 2, 1e-12);
  for (const std::size_t i : {2, 3, 6, 7, 10, 11}) EXPECT_EQ(values[i], 0);
}

}  // namespace
}  // namespace saola::split
