#include <algorithm>
#include <cmath>
#include <map>

#include "test_support.hpp"

namespace saola::split {
namespace {

using testing::HasSubstr;
using testing::Not;

// Units u0 … with two numeric columns, a family of every three and a volume.
Table units(std::size_t count, std::uint64_t seed = 1) {
  Random random(seed);
  std::string text = "id,x,y,family,sex\n";
  for (std::size_t i = 0; i < count; ++i) {
    text += fmt::format("u{},{},{},f{},{}\n", i, random.below(1000), random.below(1000), i / 3,
                        random.below(2) == 0 ? "f" : "m");
  }
  return table_of(std::move(text));
}

Outcome outcome_of(const Table& table, Options options) {
  options.restarts = options.restarts.value_or(3);
  auto outcome = split_quietly(table, options);
  EXPECT_TRUE(outcome.has_value()) << outcome.error().message();
  return outcome ? std::move(*outcome) : Outcome();
}

std::vector<std::uint32_t> sizes_of(const Outcome& outcome) {
  std::vector<std::uint32_t> sizes(outcome.groups.size());
  for (const auto g : outcome.group_of_row) {
    if (g != kNoGroup) ++sizes.at(g);
  }
  return sizes;
}

constexpr Objective kAll[] = {Objective::kKPlus, Objective::kVariance, Objective::kDiversity,
                              Objective::kAverageDiversity};

TEST(Constraints, ThreePhaseSearchGivesWayWithAWarning) {
  const auto outcome = outcome_of(
      units(30), {.constraints = {.fixed = {{"u0", "1"}}}, .method = Method::kThreePhase});
  EXPECT_EQ(outcome.method, Method::kSearch);
  EXPECT_THAT(outcome.warnings, testing::Contains(HasSubstr("'three-phase' takes no constraints")));
}

TEST(Constraints, FixedAllowedAndExcludedUnits) {
  const auto table = units(30);
  for (const auto objective : kAll) {
    const auto outcome =
        outcome_of(table, {.groups = NamedGroups{{"a", "b", "c"}},
                           .constraints = {.fixed = {{"u0", "a"}, {"u1", "b"}, {"u2", "b"}},
                                           .allowed = {{"u3", {"b", "c"}}, {"u4", {"c"}}},
                                           .exclude = {"u5", "u6", "u7"}},
                           .objective = objective});
    EXPECT_EQ(sizes_of(outcome), (std::vector<std::uint32_t>{9, 9, 9}));
    EXPECT_EQ(outcome.group_of_row[0], 0u);
    EXPECT_EQ(outcome.group_of_row[1], 1u);
    EXPECT_EQ(outcome.group_of_row[2], 1u);
    EXPECT_NE(outcome.group_of_row[3], 0u);
    EXPECT_EQ(outcome.group_of_row[4], 2u);
    for (const std::size_t row : {5, 6, 7}) EXPECT_EQ(outcome.group_of_row[row], kNoGroup);
    EXPECT_EQ(outcome.rows_left_out, 3u);
    if (objective == Objective::kKPlus || objective == Objective::kVariance) {
      EXPECT_LT(*outcome.objective_after, *outcome.objective_before);
    } else {
      EXPECT_GT(*outcome.objective_after, *outcome.objective_before);
    }
  }
}

TEST(Constraints, FamiliesStayTogetherAndSiblingsApart) {
  const auto table = units(60);
  for (const auto objective : kAll) {
    const auto together = outcome_of(table, {.groups = EqualGroups{4},
                                             .strata = {"sex"},
                                             .constraints = {.together_column = "family"},
                                             .objective = objective});
    for (std::size_t i = 0; i < 60; ++i) {
      EXPECT_EQ(together.group_of_row[i], together.group_of_row[i / 3 * 3]);
    }
    EXPECT_EQ(sizes_of(together), (std::vector<std::uint32_t>(4, 15)));
    const auto apart = outcome_of(table, {.groups = EqualGroups{3},
                                          .strata = {"sex"},
                                          .constraints = {.apart_column = "family"},
                                          .objective = objective});
    for (std::size_t i = 0; i < 60; i += 3) {
      EXPECT_NE(apart.group_of_row[i], apart.group_of_row[i + 1]);
      EXPECT_NE(apart.group_of_row[i], apart.group_of_row[i + 2]);
      EXPECT_NE(apart.group_of_row[i + 1], apart.group_of_row[i + 2]);
    }
  }
}

TEST(Constraints, SetsOfUnits) {
  const auto table = units(20);
  const auto outcome = outcome_of(table, {.constraints = {.together = {{"u0", "u1"}, {"u1", "u2"}},
                                                          .apart = {{"u0", "u3"}, {"u4", "u5"}}}});
  EXPECT_EQ(outcome.group_of_row[0], outcome.group_of_row[1]);
  EXPECT_EQ(outcome.group_of_row[0], outcome.group_of_row[2]);
  EXPECT_NE(outcome.group_of_row[0], outcome.group_of_row[3]);
  EXPECT_NE(outcome.group_of_row[4], outcome.group_of_row[5]);
}

TEST(Constraints, SizesAsRangesAndSharesOfAVolume) {
  const auto table = units(40);
  const auto outcome = outcome_of(
      table, {.groups = RangedGroups{{{"test", 5, 12}, {"control", 20, 40}}},
              .columns = {"y"},
              .constraints = {.volume_column = "x", .volume_shares = {{"test", 0.1, 0.15}}}});
  const auto sizes = sizes_of(outcome);
  EXPECT_GE(sizes[0], 5u);
  EXPECT_LE(sizes[0], 12u);
  EXPECT_EQ(outcome.groups[0].size, sizes[0]);
  double test = 0;
  double all = 0;
  for (std::size_t i = 0; i < 40; ++i) {
    const auto x = table.columns()[1].values[i];
    all += x;
    test += outcome.group_of_row[i] == 0 ? x : 0;
  }
  EXPECT_GE(test / all, 0.1);
  EXPECT_LE(test / all, 0.15);
}

// Random rules that a hidden assignment meets are met.
TEST(Constraints, WhatCanBeMetIsMet) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Random random(seed, 3);
    const auto table = units(36, seed);
    std::vector<std::uint32_t> hidden;
    for (std::uint32_t i = 0; i < 36; ++i) hidden.push_back(i % 3);
    random.shuffle(hidden);
    Options options{.groups = NamedGroups{{"0", "1", "2"}}};
    auto& rules = options.constraints;
    const auto name = [](std::uint32_t i) { return fmt::format("u{}", i); };
    for (int n = 0; n < 10; ++n) {
      const auto i = random.below(36);
      const auto j = random.below(36);
      if (i == j) continue;
      if (hidden[i] == hidden[j]) {
        rules.together.push_back({name(i), name(j)});
      } else {
        rules.apart.push_back({name(i), name(j)});
      }
      if (n % 4 == 0) rules.fixed.emplace_back(name(i), std::to_string(hidden[i]));
    }
    const auto outcome = outcome_of(table, options);
    const auto group = [&](const std::string& id) {
      return outcome.group_of_row.at(std::stoul(id.substr(1)));
    };
    for (const auto& pair : rules.together) EXPECT_EQ(group(pair[0]), group(pair[1]));
    for (const auto& pair : rules.apart) EXPECT_NE(group(pair[0]), group(pair[1]));
    for (const auto& [id, to] : rules.fixed) EXPECT_EQ(std::to_string(group(id)), to);
    EXPECT_EQ(sizes_of(outcome), (std::vector<std::uint32_t>{12, 12, 12}));
  }
}

TEST(Constraints, ConflictsAreNamedAndNothingElse) {
  const auto table = units(20);
  const auto error = [&](Constraints constraints, Groups groups = NamedGroups{{"a", "b"}}) {
    return split_error(table, {.groups = std::move(groups), .constraints = std::move(constraints)});
  };
  const auto pair = error({.fixed = {{"u0", "a"}, {"u1", "b"}, {"u9", "a"}},
                           .together = {{"u0", "u1"}, {"u2", "u3"}},
                           .apart = {{"u4", "u5"}}});
  EXPECT_THAT(pair, HasSubstr("fixed: 'u0' in 'a'"));
  EXPECT_THAT(pair, HasSubstr("fixed: 'u1' in 'b'"));
  EXPECT_THAT(pair, HasSubstr("together: 'u0', 'u1'"));
  for (const char* other : {"u9", "u2", "u4", "groups"}) EXPECT_THAT(pair, Not(HasSubstr(other)));
  const auto three = error({.apart = {{"u0", "u1", "u2"}, {"u3", "u4"}}});
  EXPECT_THAT(three, HasSubstr("these together: apart: 'u0', 'u1', 'u2'. Without"));
  std::vector<std::string> eleven;
  for (int i = 0; i < 11; ++i) eleven.push_back(fmt::format("u{}", i));
  const auto large = error({.together = {eleven}});
  EXPECT_THAT(large, HasSubstr("together: 'u0', 'u1', 'u2', 'u3', 'u4', … (11 units)"));
  EXPECT_THAT(large, HasSubstr("groups: "));
}

TEST(Constraints, NamesThatAreNotThere) {
  const auto table = units(10);
  const auto error = [&](Constraints constraints) {
    return split_error(table, {.constraints = std::move(constraints)});
  };
  EXPECT_THAT(error({.fixed = {{"U0", "1"}}}),
              HasSubstr("fixed: there is no unit 'U0' in the id column 'id'"));
  EXPECT_THAT(error({.fixed = {{"u0", "3"}}}),
              HasSubstr("fixed: there is no group '3'; there is '1', '2'"));
  EXPECT_THAT(error({.exclude = {"x"}}), HasSubstr("exclude: there is no unit 'x'"));
  EXPECT_THAT(error({.together_column = "z"}), HasSubstr("together: the table has no column 'z'"));
  EXPECT_THAT(error({.volume_column = "sex"}), HasSubstr("volume: 'sex' is no numeric column"));
}

TEST(Constraints, StartsFromGivenGroups) {
  std::string text = "id,x,y,old\n";
  Random random(4);
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("u{},{},{},{}\n", i, random.below(1000), random.below(1000),
                        i % 2 == 0 ? "a" : "b");
  }
  const auto table = table_of(std::move(text));
  const auto outcome = outcome_of(table, {.groups = NamedGroups{{"a", "b"}},
                                          .start_column = "old",
                                          .method = Method::kExchange,
                                          .restarts = 1});
  int moved = 0;
  for (int i = 0; i < 40; ++i)
    moved += outcome.group_of_row[i] == static_cast<std::uint32_t>(i % 2) ? 0 : 1;
  EXPECT_LT(moved, 20);
  EXPECT_EQ(outcome.accounts[3].note, "the groups to start from");
}

TEST(Constraints, WeightsAndTransforms) {
  const auto table = units(40);
  const auto gap = [&](const Options& options) {
    const auto outcome = outcome_of(table, options);
    return outcome.columns[0].smd_after;
  };
  const auto even = gap(
      {.groups = EqualGroups{3}, .objective = Objective::kVariance, .method = Method::kExchange});
  const auto heavy = gap({.groups = EqualGroups{3},
                          .weights = {{"x", 100}},
                          .objective = Objective::kVariance,
                          .method = Method::kExchange});
  EXPECT_LT(heavy, even);
  EXPECT_THAT(split_error(table, {.weights = {{"sex", 2}}}),
              HasSubstr("weights: 'sex' is no column"));
  EXPECT_THAT(split_error(table, {.weights = {{"x", 0}}}), HasSubstr("must be above 0"));
  EXPECT_THAT(
      split_error(table_of("id,x\na,0\nb,1\nc,5\n"), {.transforms = {{"x", Transform::kLog}}}),
      HasSubstr("column 'x' holds '0' in row 1 (line 2); log needs numbers above 0"));
  const auto ranked =
      outcome_of(table_of("id,x\na,0\nb,1\nc,2\nd,1000\n"),
                 {.transforms = {{"x", Transform::kRank}}, .objective = Objective::kVariance});
  // By rank 0 and 1000 belong together, against 1 and 2.
  EXPECT_EQ(ranked.group_of_row[0], ranked.group_of_row[3]);
}

}  // namespace
}  // namespace saola::split
