#include "dispersion/dispersion.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "dispersion/colouring.hpp"
#include "test_support.hpp"

namespace saola::split {
namespace {

using testing::HasSubstr;

double distance(const Problem& problem, std::size_t i, std::size_t j) {
  if (!problem.distances.empty()) return problem.distances[i * problem.rows + j];
  double square = 0;
  for (std::size_t c = 0; c < problem.columns; ++c) {
    const double d =
        problem.values[i * problem.columns + c] - problem.values[j * problem.columns + c];
    square += d * d;
  }
  return std::sqrt(square);
}

struct Values {
  double diversity = 0;
  double dispersion = std::numeric_limits<double>::infinity();
};

// From the definitions: the average diversity where sizes differ by more than one.
Values values_of(const Problem& problem, const std::vector<std::uint32_t>& group) {
  const auto [low, high] = std::minmax_element(problem.sizes.begin(), problem.sizes.end());
  const bool average = *high - *low > 1;
  Values out;
  for (std::size_t i = 0; i < problem.rows; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (group[i] != group[j]) continue;
      const double d = distance(problem, i, j);
      out.diversity += average ? d / problem.sizes[group[i]] : d;
      out.dispersion = std::min(out.dispersion, d);
    }
  }
  return out;
}

// Calls `act` with every assignment that has the sizes.
template <typename Act>
void each_split(const Problem& problem, Act&& act) {
  std::vector<std::uint32_t> group;
  for (std::uint32_t g = 0; g < problem.sizes.size(); ++g) {
    group.insert(group.end(), problem.sizes[g], g);
  }
  do {
    act(group);
  } while (std::next_permutation(group.begin(), group.end()));
}

Rules plain_rules(const Problem& problem) {
  Rules rules;
  for (std::uint32_t g = 0; g < problem.sizes.size(); ++g) {
    Rule rule;
    rule.kind = Rule::Kind::kSize;
    rule.groups = {g};
    rule.min = rule.max = problem.sizes[g];
    rules.rules.push_back(std::move(rule));
  }
  return rules;
}

SearchOptions options_for(Objective objective) {
  SearchOptions options;
  options.objective = objective;
  options.patience = 5;
  options.threads = 1;
  return options;
}

Problem with_matrix(Problem problem, std::uint64_t seed) {
  problem.distances.resize(problem.rows * problem.rows);
  Random random(seed);
  for (std::size_t i = 0; i < problem.rows; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      problem.distances[i * problem.rows + j] = problem.distances[j * problem.rows + i] =
          static_cast<float>(random.below(50)) / 2;
    }
  }
  problem.values.clear();
  problem.columns = 0;
  return problem;
}

TEST(Dispersion, IsTheLargestAmongAllSplitsAndProvenToBe) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    for (const std::vector<std::uint32_t>& sizes :
         {std::vector<std::uint32_t>{5, 5}, {2, 8}, {3, 3, 3}, {2, 2, 5}, {2, 2, 2, 3}}) {
      const auto rows = std::accumulate(sizes.begin(), sizes.end(), 0U);
      auto problem = some_problem(rows, 2, sizes, seed);
      if (seed % 3 == 0) problem = with_matrix(problem, seed);
      Values best{0, 0};
      each_split(problem, [&](const std::vector<std::uint32_t>& group) {
        const auto here = values_of(problem, group);
        const bool better =
            here.dispersion > best.dispersion + 1e-6 ||
            (here.dispersion > best.dispersion - 1e-6 && here.diversity > best.diversity);
        if (better) best = here;
      });
      const auto solution = dispersion_search(problem, plain_rules(problem),
                                              options_for(Objective::kDispersion), Poll());
      ASSERT_TRUE(solution.has_value()) << solution.error().message();
      const auto got = values_of(problem, solution->group_of_row);
      EXPECT_NEAR(got.dispersion, best.dispersion, 1e-6) << seed << " " << sizes.size();
      EXPECT_NEAR(*solution->dispersion, got.dispersion, 1e-6);
      EXPECT_TRUE(solution->dispersion_proven);
      EXPECT_NEAR(got.diversity, best.diversity, 1e-5) << "among the most dispersed splits";
    }
  }
}

TEST(Dispersion, ParetoSetHasNoBeatenSplitAndTheTrueEnds) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    auto problem = some_problem(9, 2, {3, 3, 3}, seed);
    if (seed % 2 == 0) problem = with_matrix(problem, seed);
    std::vector<Values> all;
    each_split(problem, [&](const std::vector<std::uint32_t>& group) {
      all.push_back(values_of(problem, group));
    });
    const auto solution = bicriterion_search(problem, plain_rules(problem),
                                             options_for(Objective::kBicriterion), Poll());
    ASSERT_TRUE(solution.has_value()) << solution.error().message();
    ASSERT_FALSE(solution->pareto.empty());
    double diversity = 0;
    double dispersion = 0;
    for (const auto& one : all) {
      diversity = std::max(diversity, one.diversity);
      dispersion = std::max(dispersion, one.dispersion);
    }
    EXPECT_NEAR(solution->pareto.front().diversity, diversity, 1e-5);
    EXPECT_NEAR(solution->pareto.back().dispersion, dispersion, 1e-6);
    for (const auto& point : solution->pareto) {
      const auto here = values_of(problem, point.group_of_row);
      EXPECT_NEAR(here.diversity, point.diversity, 1e-5);
      EXPECT_NEAR(here.dispersion, point.dispersion, 1e-6);
      for (const auto& other : all) {
        EXPECT_FALSE(other.diversity > here.diversity + 1e-5 &&
                     other.dispersion > here.dispersion - 1e-6)
            << seed;
      }
    }
    EXPECT_EQ(solution->group_of_row, solution->pareto[solution->pareto_chosen].group_of_row);
  }
}

TEST(Colouring, AgreesWithTryingEverySplit) {
  Random random(4);
  int colourable = 0;
  for (int n = 0; n < 200; ++n) {
    Problem problem;
    problem.sizes =
        n % 2 == 0 ? std::vector<std::uint32_t>{3, 5} : std::vector<std::uint32_t>{1, 3, 4};
    problem.rows = 8;
    std::vector<Edge> edges;
    for (std::uint32_t i = 0; i < 8; ++i) {
      for (std::uint32_t j = 0; j < i; ++j) {
        if (random.below(100) < static_cast<std::uint32_t>(10 + n % 40)) edges.emplace_back(j, i);
      }
    }
    bool possible = false;
    each_split(problem, [&](const std::vector<std::uint32_t>& group) {
      possible = possible || std::none_of(edges.begin(), edges.end(), [&](const Edge& edge) {
                   return group[edge.first] == group[edge.second];
                 });
    });
    const auto found = colour(8, problem.sizes, edges, 10'000'000);
    EXPECT_EQ(found.colourable, possible ? Colourable::kYes : Colourable::kNo) << n;
    if (!possible) continue;
    ++colourable;
    for (const auto& [a, b] : edges) EXPECT_NE(found.group_of_unit[a], found.group_of_unit[b]);
    for (std::uint32_t g = 0; g < problem.sizes.size(); ++g) {
      EXPECT_EQ(std::count(found.group_of_unit.begin(), found.group_of_unit.end(), g),
                problem.sizes[g]);
    }
  }
  EXPECT_GT(colourable, 40);
  EXPECT_LT(colourable, 160);
}

TEST(Dispersion, RespectsConstraintsAndStrata) {
  const auto table = example("us_states.csv");
  Options options{.groups = EqualGroups{5}, .objective = Objective::kDispersion};
  options.constraints.fixed = {{"Texas", "2"}, {"Ohio", "2"}};
  options.strata = {"region"};
  const auto outcome = split_quietly(table, options);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  EXPECT_GT(*outcome->objective_after, *outcome->objective_before);
  EXPECT_EQ(*outcome->dispersion, *outcome->objective_after);
  const auto ids = table.text(0);
  for (std::size_t row = 0; row < ids.size(); ++row) {
    if (ids[row] != "Texas" && ids[row] != "Ohio") continue;
    EXPECT_EQ(outcome->group_of_row[row], 1u);
  }
}

TEST(Dispersion, GroupsOfOneHaveNone) {
  const auto table = table_of("id,x\na,1\nb,2\nc,3\n");
  const auto outcome =
      split_quietly(table, {.groups = EqualGroups{3}, .objective = Objective::kDispersion});
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  EXPECT_FALSE(outcome->dispersion.has_value());
  EXPECT_FALSE(outcome->objective_after.has_value());
}

TEST(Dispersion, OfManyRowsIsRefused) {
  auto problem = some_problem(6'001, 1, {3'000, 3'001}, 1);
  const auto solution =
      dispersion_search(problem, plain_rules(problem), options_for(Objective::kDispersion), Poll());
  EXPECT_EQ(solution.error().code(), ErrorCode::kTooLarge);
}

constexpr std::string_view kMatrix =
    "id,kind,a,b,c,d\n"
    "a,x,0,1,5,4\n"
    "b,x,1,0,4,5\n"
    "c,y,5,4,0,1\n"
    "d,y,4,5,1,0\n";

TEST(DistanceMatrix, SaysWhatIsAlike) {
  Options options{.distance_matrix = true, .objective = Objective::kDiversity};
  const auto table = table_of(std::string(kMatrix));
  const auto outcome = split_quietly(table, options);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  // a with c and b with d, 5 each; a with d and b with c would give 4 each.
  EXPECT_EQ(*outcome->objective_after, 10);
  EXPECT_EQ(outcome->group_of_row[0], outcome->group_of_row[2]);
  EXPECT_EQ(outcome->accounts[2].role, Role::kDistance);
  EXPECT_EQ(outcome->accounts[1].role, Role::kLeftOut);
  options.objective = Objective::kDispersion;
  EXPECT_EQ(*split_quietly(table, options)->dispersion, 5);
}

TEST(DistanceMatrix, MayBeATriangle) {
  const auto table = table_of("id,a,b,c,d\na,,,,\nb,1,,,\nc,5,4,,\nd,4,5,1,\n");
  const auto outcome =
      split_quietly(table, {.distance_matrix = true, .objective = Objective::kDispersion});
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  EXPECT_EQ(*outcome->dispersion, 5);
  const auto whole = table_of("id,a,b,c,d\na,0,,,\nb,1,0,,\nc,5,4,0,\nd,4,5,1,0\n");
  EXPECT_EQ(*split_quietly(whole, {.distance_matrix = true, .objective = Objective::kDispersion})
                 ->dispersion,
            5);
}

TEST(DistanceMatrix, WhatIsWrongIsNamed) {
  const auto error = [](std::string csv, Objective objective = Objective::kDiversity) {
    return split_error(table_of(std::move(csv)), {.distance_matrix = true, .objective = objective});
  };
  EXPECT_THAT(error("id,a,b,x\na,0,1,2\nb,1,0,3\nc,2,3,0\n"),
              HasSubstr("no column has the distances to 'c'"));
  EXPECT_THAT(error("id,a,b\na,0,1\nb,2,0\n"), HasSubstr("'b' and 'a' is 2 and 1"));
  EXPECT_THAT(error("id,a,b\na,0,-1\nb,-1,0\n"), HasSubstr("below 0"));
  EXPECT_THAT(error(std::string(kMatrix), Objective::kKPlus), HasSubstr("made of columns"));
}

}  // namespace
}  // namespace saola::split
