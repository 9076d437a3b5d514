#include "table/numbers.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_support.hpp"

namespace saola::split {
namespace {

using testing::HasSubstr;

// A table of one id and the cells, each in quotes, separated by commas.
std::string file_of(const std::vector<std::string>& cells) {
  std::string out = "id,x\n";
  for (std::size_t i = 0; i < cells.size(); ++i) out += fmt::format("u{},\"{}\"\n", i, cells[i]);
  return out;
}

Column column_of(const std::vector<std::string>& cells, const ReadOptions& options = {}) {
  auto table = read_table(file_of(cells), options);
  EXPECT_TRUE(table.has_value()) << table.error().message();
  return table ? table->columns().at(1) : Column();
}

struct Written {
  const char* name;
  std::vector<std::string> cells;
  std::vector<double> values;
};

class NumbersInAPersonsEyes : public testing::TestWithParam<Written> {};

TEST_P(NumbersInAPersonsEyes, AreRead) {
  const auto column = column_of(GetParam().cells);
  ASSERT_TRUE(column.numeric()) << column.unreadable;
  EXPECT_EQ(column.values, GetParam().values);
}

INSTANTIATE_TEST_SUITE_P(
    All, NumbersInAPersonsEyes,
    testing::Values(
        Written{"ThousandsByCommas", {"1,234,000", "56,000", "7"}, {1234000, 56000, 7}},
        Written{"ThousandsAndPoint", {"1,234.5", "12.25", "-3,000"}, {1234.5, 12.25, -3000}},
        Written{"DecimalCommas", {"1234,56", "7,5", "-0,25"}, {1234.56, 7.5, -0.25}},
        Written{
            "PointsAndDecimalComma", {"1.234,56", "12,5", "1.234.567"}, {1234.56, 12.5, 1234567}},
        Written{"Blanks", {"1 234 567", "12 000", "5"}, {1234567, 12000, 5}},
        Written{"NoBreakSpaces", {"1\u00A0234,5", "12\u202F000", "5"}, {1234.5, 12000, 5}},
        Written{"Swiss", {"1'234.50", "12\u2019000", "5"}, {1234.5, 12000, 5}},
        Written{"Indian", {"12,34,567", "1,00,000", "5"}, {1234567, 100000, 5}},
        Written{"Dollars", {"$3.50", "$1,200", "-$4"}, {3.5, 1200, -4}},
        Written{"Euros", {"3,50 €", "1.200,00 €", "€ 4"}, {3.5, 1200, 4}},
        Written{"Codes", {"USD 3", "1,000 USD", "USD 4.5"}, {3, 1000, 4.5}},
        Written{"Kroner", {"1 200 kr", "5 kr", "7,5 kr"}, {1200, 5, 7.5}},
        Written{"Percents", {"4%", "12.5 %", "-1%"}, {0.04, 0.125, -0.01}},
        Written{"LetterScales", {"1.2M", "300K", "2bn"}, {1.2e6, 300e3, 2e9}},
        Written{"SmallMillions", {"$1.2m", "$300k", "$5m"}, {1.2e6, 300e3, 5e6}},
        Written{"GermanMillions", {"1,5 Mio.", "2 Mio.", "3,25 Mio"}, {1.5e6, 2e6, 3.25e6}},
        Written{"Parentheses", {"(63)", "($1,200)", "12"}, {-63, -1200, 12}},
        Written{"TrailingMinus", {"63-", "5", "7-"}, {-63, 5, -7}},
        Written{"UnicodeMinus", {"\u221263", "\u20135", "7"}, {-63, -5, 7}},
        Written{"Plus", {"+63", "+ 5", "7"}, {63, 5, 7}},
        Written{"Units", {"12 kg", "7.5kg", "80 kg"}, {12, 7.5, 80}},
        Written{"Exponents", {"1,5E+03", "2,5e-1", "7"}, {1500, 0.25, 7}},
        Written{"Fullwidth", {"\uFF11\uFF12", "5", "7"}, {12, 5, 7}},
        Written{"ArabicDigits", {"\u0661\u0662\u066B\u0665", "5", "7"}, {12.5, 5, 7}},
        Written{"NoLeadingZero", {",5", "1,25", "7"}, {0.5, 1.25, 7}},
        Written{"CommaOnceDecimalMakesAllDecimal", {"1,234", "12,5", "7"}, {1.234, 12.5, 7}}),
    [](const auto& tested) { return std::string(tested.param.name); });

struct Unread {
  const char* name;
  std::vector<std::string> cells;
  std::string why;
};

class NumbersThatCannotBeRead : public testing::TestWithParam<Unread> {};

TEST_P(NumbersThatCannotBeRead, AreAnErrorThatNamesTheColumn) {
  const auto error = split_error(table_of(file_of(GetParam().cells)), {});
  EXPECT_THAT(error, HasSubstr("column 'x' looks like numbers, but row "));
  EXPECT_THAT(error, HasSubstr(GetParam().why));
}

INSTANTIATE_TEST_SUITE_P(
    All, NumbersThatCannotBeRead,
    testing::Values(
        Unread{"OneText", {"1", "2", "n/k", "4"}, "holds 'n/k'"},
        Unread{"Censored", {"1", "<5", "7", "9"}, "holds '<5'"},
        Unread{"TwoLocales", {"1,234.5", "1.234,5", "7", "8"}, "row 2 (line 3) holds '1.234,5'"},
        Unread{"TwoCurrencies", {"$1", "€2", "$3"}, "mixes the currencies '$' and '€'"},
        Unread{"TwoUnits", {"1 kg", "200 g", "3 kg"}, "mixes 'g' and 'kg'"},
        Unread{"UnitMissing", {"1 kg", "200", "3 kg"}, "numbers without a unit"},
        Unread{"PercentMissing", {"4%", "5", "6%"}, "with and without a percent sign"},
        Unread{"BadGroups", {"1,23,4.5", "12,34,5.1", "7"}, "holds '1,23,4.5'"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(Numbers, WhatIsDeclaredIsNotGuessed) {
  EXPECT_EQ(column_of({"1,234", "5,678"}, {.decimal = ','}).values,
            (std::vector<double>{1.234, 5.678}));
  EXPECT_EQ(column_of({"1,234", "5,678"}, {.decimal = '.'}).values,
            (std::vector<double>{1234, 5678}));
  EXPECT_EQ(column_of({"1.234", "950"}, {.decimal = ','}).values, (std::vector<double>{1234, 950}));
  EXPECT_EQ(column_of({"1.234", "950"}, {.decimal = '.'}).values,
            (std::vector<double>{1.234, 950}));
  EXPECT_THAT(column_of({"12.5", "950"}, {.decimal = ','}).unreadable, HasSubstr("holds '12.5'"));
  EXPECT_EQ(column_of({"4%", "5", "6%"}, {.percent = Percent::kPoints}).values,
            (std::vector<double>{4, 5, 6}));
  EXPECT_EQ(column_of({"4%", "5", "6%"}, {.percent = Percent::kFraction}).values,
            (std::vector<double>{0.04, 5, 0.06}));
  EXPECT_EQ(column_of({"1 234", "5 678"}, {.thousands = ' '}).values,
            (std::vector<double>{1234, 5678}));
  EXPECT_FALSE(column_of({"1 234", "5 678", "1 000"}, {.thousands = '\''}).unreadable.empty());
  const auto same = read_table("id,x\na,1\nb,2\n", {.decimal = ',', .thousands = ','});
  EXPECT_THAT(same.error().message(), HasSubstr("they must differ"));
}

TEST(Numbers, ASeparatorThatCouldMeanEitherIsNoted) {
  const auto table = table_of(file_of({"1,234", "950", "5,678"}));
  EXPECT_EQ(table.columns()[1].values, (std::vector<double>{1234, 950, 5678}));
  ASSERT_EQ(table.notes().size(), 1u);
  EXPECT_THAT(table.notes()[0], HasSubstr("so that '1,234' is 1234; if it separates thousands"));
  // In a file with semicolons the comma is the decimal point, and a point separates thousands.
  const auto german = table_of("id;x;y\na;1.234;1,5\nb;950;2,5\nc;2.000;3\n");
  EXPECT_EQ(german.columns()[1].values, (std::vector<double>{1234, 950, 2000}));
  EXPECT_EQ(german.columns()[2].values, (std::vector<double>{1.5, 2.5, 3}));
  // Nothing is doubtful about three decimals beside other numbers of decimals.
  EXPECT_TRUE(table_of(file_of({"1.234", "0.5", "17.25"})).notes().empty());
}

TEST(Numbers, CodesDatesRangesAndWordsStayText) {
  const std::vector<std::vector<std::string>> columns = {{"18-24", "25-34", "65+"},
                                                         {"2024-01-05", "2024-01-06", "2024-02-01"},
                                                         {"1A", "2B", "3C"},
                                                         {"31.1.2024", "1.2.2024", "2.2.2024"},
                                                         {"12:30", "9:15", "10:00"},
                                                         {"1/2/2024", "1/3/2024", "2/3/2024"},
                                                         {"red", "green", "blue"},
                                                         {"TRUE", "FALSE", "TRUE"},
                                                         {"Q1", "Q2", "Q3"},
                                                         {"555-1234", "555-1235", "555-9999"},
                                                         {"SW1A 1AA", "EC1A 1BB", "W1A 0AX"},
                                                         {"1.2.3", "1.2.4", "2.0.0"}};
  for (const auto& cells : columns) {
    const auto column = column_of(cells);
    EXPECT_FALSE(column.numeric()) << cells[0];
    EXPECT_EQ(column.unreadable, "") << cells[0];
  }
  EXPECT_TRUE(column_of(columns[1]).dates);
  EXPECT_TRUE(column_of(columns[3]).dates);
  EXPECT_FALSE(column_of(columns[6]).dates);
  EXPECT_EQ(column_of(columns[7]).levels, 2u);
}

TEST(Numbers, MissingValuesAmongWrittenNumbers) {
  const auto column = column_of({"1,000", "NA", "", "2,000", "-999"}, {.na_values = {"-999"}});
  EXPECT_EQ(column.missing, 3u);
  EXPECT_EQ(column.first_missing, 1u);
  EXPECT_EQ(column.values[3], 2000);
  EXPECT_TRUE(std::isnan(column.values[1]));
}

}  // namespace
}  // namespace saola::split
