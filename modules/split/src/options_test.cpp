#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/split/options.hpp>

namespace saola::split {
namespace {

using testing::HasSubstr;

std::vector<std::uint32_t> sizes_of(const Groups& groups, std::size_t rows) {
  const auto resolved = resolve_groups(groups, rows);
  EXPECT_TRUE(resolved.has_value()) << resolved.error().message();
  std::vector<std::uint32_t> sizes;
  if (resolved) {
    for (const auto& group : *resolved) sizes.push_back(group.size);
  }
  return sizes;
}

std::string error_of(const Groups& groups, std::size_t rows) {
  const auto resolved = resolve_groups(groups, rows);
  EXPECT_FALSE(resolved.has_value());
  if (resolved) return "";
  EXPECT_EQ(resolved.error().code(), ErrorCode::kInvalidArgument);
  return resolved.error().message();
}

using Sizes = std::vector<std::uint32_t>;

TEST(Groups, EqualOnesAreNamedByNumber) {
  const auto groups = resolve_groups(EqualGroups{3}, 11);
  ASSERT_TRUE(groups.has_value());
  EXPECT_EQ((*groups)[0].name, "1");
  EXPECT_EQ((*groups)[2].name, "3");
  EXPECT_EQ(sizes_of(EqualGroups{3}, 11), (Sizes{4, 4, 3}));
  EXPECT_EQ(sizes_of(EqualGroups{3}, 3), (Sizes{1, 1, 1}));
}

TEST(Groups, SharesAreRoundedByLargestRemainder) {
  EXPECT_EQ(sizes_of(WeightedGroups{{{"test", 0.5}, {"control", 0.5}}}, 50), (Sizes{25, 25}));
  EXPECT_EQ(sizes_of(WeightedGroups{{{"a", 0.333}, {"b", 0.333}, {"c", 0.333}}}, 10),
            (Sizes{4, 3, 3}));
  EXPECT_EQ(sizes_of(WeightedGroups{{{"a", 0.1}, {"b", 0.2}, {"c", 0.7}}}, 30), (Sizes{3, 6, 21}));
  EXPECT_EQ(sizes_of(WeightedGroups{{{"a", 0.47}, {"b", 0.16}, {"c", 0.37}}}, 10),
            (Sizes{5, 1, 4}));
}

TEST(Groups, SizesMustSumToTheRows) {
  EXPECT_EQ(sizes_of(WeightedGroups{{{"a", 3}, {"b", 7}}}, 10), (Sizes{3, 7}));
  EXPECT_THAT(error_of(WeightedGroups{{{"a", 3}, {"b", 8}}}, 10),
              HasSubstr("the sizes sum to 11, but the table has 10 rows"));
  EXPECT_THAT(error_of(WeightedGroups{{{"a", 0.5}, {"b", 0.4}}}, 10),
              HasSubstr("the shares sum to 0.9; they must sum to 1"));
}

TEST(Groups, WhatCannotBeIsNamed) {
  EXPECT_THAT(error_of(EqualGroups{11}, 10),
              HasSubstr("11 groups asked for, but the table has 10"));
  EXPECT_THAT(error_of(EqualGroups{1}, 10), HasSubstr("needs at least 2"));
  EXPECT_THAT(error_of(EqualGroups{0}, 10), HasSubstr("0 asked for"));
  EXPECT_THAT(error_of(NamedGroups{{"a", "b", "a"}}, 10), HasSubstr("'a' is named twice"));
  EXPECT_THAT(error_of(NamedGroups{{"a", ""}}, 10), HasSubstr("empty name"));
  EXPECT_THAT(error_of(NamedGroups{{"a", "\xFF"}}, 10), HasSubstr("not UTF-8"));
  EXPECT_THAT(error_of(NamedGroups{}, 10), HasSubstr("needs at least 2"));
  EXPECT_THAT(error_of(WeightedGroups{{{"a", 0.99}, {"b", 0.01}}}, 10),
              HasSubstr("'b' would get 0 of 10 rows"));
  EXPECT_THAT(error_of(WeightedGroups{{{"a", -1}, {"b", 2}}}, 10), HasSubstr("must be above 0"));
  EXPECT_THAT(error_of(WeightedGroups{{{"a", 0}, {"b", 1}}}, 10), HasSubstr("must be above 0"));
  EXPECT_THAT(error_of(WeightedGroups{{{"a", 1.0 / 0.0}, {"b", 1}}}, 10),
              HasSubstr("must be above 0"));
  EXPECT_THAT(error_of(WeightedGroups{{{"a", 0.5}, {"a", 0.5}}}, 10), HasSubstr("named twice"));
}

TEST(Options, NamesRoundTrip) {
  for (const auto objective : {Objective::kDiversity, Objective::kVariance, Objective::kKPlus}) {
    EXPECT_EQ(parse_objective(to_string(objective)), objective);
  }
  for (const auto method : {Method::kExchange, Method::kLocalMaximum, Method::kSearch}) {
    EXPECT_EQ(parse_method(to_string(method)), method);
  }
  EXPECT_EQ(parse_objective("kmeans").error().message(),
            "objective: 'kmeans' is not known; use one of 'diversity', 'average-diversity', "
            "'variance', 'kplus', 'dispersion', 'bicriterion'");
  EXPECT_THAT(parse_method("best").error().message(), HasSubstr("'local-maximum'"));
}

}  // namespace
}  // namespace saola::split
