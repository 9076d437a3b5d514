#include "selection/selection.hpp"

#include <fstream>
#include <iterator>

#include "test_support.hpp"

namespace saola::split {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Table file(std::string_view name) {
  std::ifstream in(std::string(SAOLA_SOURCE_DIR) + "/modules/split/testdata/" + std::string(name),
                   std::ios::binary);
  return table_of({std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()});
}

Outcome outcome_of(const Table& table, const Options& options = {}) {
  auto outcome = split_quietly(table, options);
  EXPECT_TRUE(outcome.has_value()) << outcome.error().message();
  return outcome ? std::move(*outcome) : Outcome();
}

TEST(Selection, AllColumnsWithMissingValuesAreNamedAtOnce) {
  const auto error = split_error(file("gaps.csv"), {});
  EXPECT_THAT(error, HasSubstr("column 'a' has 1 missing value, the first in row 4 (line 5) ('')"));
  EXPECT_THAT(error,
              HasSubstr("column 'b' has 1 missing value, the first in row 6 (line 7) ('NA')"));
  EXPECT_THAT(error,
              HasSubstr("column 'c' has 1 missing value, the first in row 8 (line 9) ('?')"));
  EXPECT_THAT(error, HasSubstr("say in 'missing' what to do"));
}

TEST(Selection, MissingRowsAreDropped) {
  const auto table = file("gaps.csv");
  const auto outcome = outcome_of(table, {.missing = Missing::kDropRows});
  EXPECT_EQ(outcome.rows_left_out, 3u);
  for (const std::size_t row : {3, 5, 7}) EXPECT_EQ(outcome.group_of_row[row], kNoGroup);
  EXPECT_EQ(outcome.groups[0].size + outcome.groups[1].size, 21u);
  EXPECT_THAT(outcome.warnings, ElementsAre(HasSubstr("3 of 24 rows have a missing value")));
  EXPECT_THAT(assignment_csv(table, outcome), HasSubstr("\nu03,\n"));
}

TEST(Selection, MissingValuesAreStoodInFor) {
  const std::string text = "id,x,y,s\na,1,5,p\nb,,6,p\nc,4,7,\nd,7,9,q\n";
  const auto covariate = [&](Missing missing) {
    const auto table = table_of(text);
    const auto selection = select(table, {.strata = {"s"}, .missing = missing});
    EXPECT_TRUE(selection.has_value());
    EXPECT_EQ(selection->strata[0].levels, (std::vector<std::string>{"p", "(missing)", "q"}));
    EXPECT_EQ(selection->warnings.size(), 2u);
    std::vector<std::vector<double>> values;
    for (const auto& one : selection->covariates) {
      values.emplace_back(one.values().begin(), one.values().end());
    }
    return values;
  };
  EXPECT_EQ(covariate(Missing::kMean)[0], (std::vector<double>{1, 4, 4, 7}));
  EXPECT_EQ(covariate(Missing::kMedian)[0], (std::vector<double>{1, 4, 4, 7}));
  const auto indicated = covariate(Missing::kIndicator);
  ASSERT_EQ(indicated.size(), 3u);
  EXPECT_EQ(indicated[2], (std::vector<double>{0, 1, 0, 0}));
}

TEST(Selection, TotalsAndSentinelsAreNotedFirst) {
  const auto total = outcome_of(file("total-row.csv"));
  ASSERT_FALSE(total.warnings.empty());
  EXPECT_THAT(total.warnings[0], HasSubstr("('Total') looks like a row of totals"));
  const auto sum = outcome_of(table_of("id,x,y\na,1,9\nb,2,8\nc,5,7\nz,8,24\n"));
  EXPECT_THAT(sum.warnings[0], HasSubstr("('z') is the sum of all other rows"));
  const auto by_name = outcome_of(table_of("id,x\na,1\nb,2\nc,5\nGrand total,3\n"));
  EXPECT_THAT(by_name.warnings[0], HasSubstr("looks like a row of totals by its name"));
  const auto sentinel = outcome_of(file("sentinel.csv"));
  EXPECT_THAT(sentinel.warnings[0], HasSubstr("column 'age' has the value -999 in 4 rows"));
  const auto minus_one = outcome_of(table_of("id,age\na,30\nb,41\nc,-1\nd,52\ne,-1\n"));
  EXPECT_THAT(minus_one.warnings[0], HasSubstr("column 'age' has the value -1 in 2 rows"));
  const auto change = outcome_of(table_of("id,change\na,3\nb,0\nc,-1\nd,2\ne,1\n"));
  EXPECT_TRUE(change.warnings.empty());
  EXPECT_TRUE(outcome_of(example("us_states.csv")).warnings.empty());
}

TEST(Selection, NumbersThatNumberTheRowsAreNoted) {
  std::string text = "name,customer_id,x\n";
  for (int i = 0; i < 12; ++i) text += fmt::format("n{},{},{}\n", i, 70'000 + i * i, i % 5);
  const auto outcome = outcome_of(table_of(text));
  EXPECT_THAT(outcome.warnings,
              ElementsAre(HasSubstr("column 'customer_id' holds a different whole")));
}

TEST(Selection, TheFirstColumnAsIdIsNotedWhenItMeasures) {
  const auto outcome = outcome_of(table_of("height,x\n1.5,1\n1.7,2\n1.6,3\n1.9,5\n"));
  EXPECT_THAT(outcome.warnings,
              ElementsAre(HasSubstr("column 'height' was taken for the rows' names")));
}

TEST(Selection, AMeasureInFrontOfTheNamesIsNoted) {
  const auto outcome = outcome_of(table_of("sales,x,geo\n31,1,a\n77,2,b\n45,5,c\n12,9,d\n"));
  EXPECT_THAT(outcome.warnings,
              ElementsAre(HasSubstr("column 'sales' was taken for the rows' names")));
  EXPECT_TRUE(outcome_of(table_of("id,x,geo\n31,1,a\n77,2,b\n45,5,c\n12,9,d\n")).warnings.empty());
}

TEST(Selection, ATextColumnWithNumbersInItIsNoted) {
  const auto outcome = outcome_of(table_of("id,x,y\na,n/k,1\nb,n/k,2\nc,7,5\nd,n/k,9\n"));
  EXPECT_THAT(outcome.warnings,
              ElementsAre(HasSubstr("column 'x' was left out: 1 of 4 cells are numbers, the others "
                                    "text such as 'n/k'")));
}

TEST(Selection, APanelIsHintedAt) {
  EXPECT_THAT(split_error(file("panel.csv"), {}),
              HasSubstr("this looks like a panel with one row a unit and date: say so in 'panel'"));
}

TEST(Selection, CategoriesAloneAreSplitAtRandomWithinStrata) {
  const auto table = file("categories-only.csv");
  const auto outcome = outcome_of(table, {.strata = {"sex", "band"}});
  EXPECT_TRUE(outcome.random);
  EXPECT_FALSE(outcome.objective_after.has_value());
  for (const auto& stratum : outcome.strata) {
    for (const auto& level : stratum.levels) {
      EXPECT_LE(std::max(level.group_counts[0], level.group_counts[1]) -
                    std::min(level.group_counts[0], level.group_counts[1]),
                1u);
    }
  }
  EXPECT_THAT(report_json(outcome), HasSubstr("\"objective\":\"none\""));
  EXPECT_THAT(split_error(table, {}), HasSubstr("Name columns with categories in 'strata'"));
}

TEST(Selection, CategoriesEnterTheObjective) {
  const auto table = file("trial.csv");
  const auto outcome = outcome_of(table, {.categories = {"sex", "band"}});
  ASSERT_EQ(outcome.categories.size(), 2u);
  for (const auto& category : outcome.categories) {
    EXPECT_LE(category.share_gap_after, 0.051) << category.column;
  }
}

TEST(Selection, EachFactorOfTheTrialIsWithinOne) {
  const auto table = file("trial.csv");
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto outcome =
        outcome_of(table, {.strata = {"sex", "site", "band"}, .restarts = 3, .seed = seed});
    for (const auto& stratum : outcome.strata) {
      for (const auto& level : stratum.levels) {
        EXPECT_LE(std::abs(static_cast<int>(level.group_counts[0]) -
                           static_cast<int>(level.group_counts[1])),
                  1)
            << stratum.column << " " << level.level;
      }
    }
  }
}

TEST(Selection, DiversityOfUnequalSizesIsAveraged) {
  const auto table = example("us_states.csv");
  const Options options{.groups = WeightedGroups{{{"test", 0.2}, {"control", 0.8}}},
                        .objective = Objective::kDiversity,
                        .restarts = 3};
  const auto outcome = outcome_of(table, options);
  EXPECT_EQ(outcome.objective, Objective::kAverageDiversity);
  EXPECT_EQ(outcome.objective_asked, Objective::kDiversity);
  EXPECT_THAT(outcome.warnings[0], HasSubstr("'average-diversity' was optimised"));
  double before = 0;
  double after = 0;
  for (const auto& column : outcome.columns) {
    before += column.smd_before;
    after += column.smd_after;
  }
  EXPECT_LT(after, before / 2);
}

}  // namespace
}  // namespace saola::split
