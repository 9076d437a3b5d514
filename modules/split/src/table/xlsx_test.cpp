#include <fstream>
#include <iterator>

#include "test_support.hpp"

namespace saola::split {
namespace {

using testing::HasSubstr;

// Made with libxlsxwriter: a sheet "Notes" with one cell; a sheet "Data" with a title, a blank row,
// ids, dates, numbers with a format (one missing) and formulas.
std::string two_sheets() {
  std::ifstream in(SAOLA_SOURCE_DIR "/modules/split/testdata/two-sheets.xlsx", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(Xlsx, NumbersDatesAndFormulasAreRead) {
  const auto table = read_table(two_sheets(), {.sheet = "Data"});
  ASSERT_TRUE(table.has_value()) << table.error().message();
  ASSERT_EQ(table->columns().size(), 4u);
  EXPECT_EQ(table->rows(), 12u);
  EXPECT_EQ(table->cell(0, 0), "u0");
  EXPECT_EQ(table->cell(1, 1), "2024-01-02");
  EXPECT_TRUE(table->columns()[1].dates);
  EXPECT_EQ(table->columns()[2].values[5], 10005);
  EXPECT_EQ(table->columns()[2].missing, 1u);
  EXPECT_EQ(table->columns()[3].values[5], 20010);
  EXPECT_EQ(table->place(4), "row 5");
}

TEST(Xlsx, SheetsAreNamed) {
  EXPECT_THAT(read_table(two_sheets(), {.sheet = "Dat"}).error().message(),
              HasSubstr("the workbook has no sheet 'Dat' with cells; it has 'Notes', 'Data'"));
}

TEST(Xlsx, DamagedAndHugeWorkbooksAreRefused) {
  const auto good = two_sheets();
  for (std::size_t length = 100; length < good.size(); length += 397) {
    const auto cut = read_table(good.substr(0, length), {.sheet = "Data"});
    ASSERT_FALSE(cut.has_value()) << length;
  }
  Random random(5);
  for (int n = 0; n < 40; ++n) {
    auto bad = good;
    for (int i = 0; i < 3; ++i) {
      bad[random.below(static_cast<std::uint32_t>(bad.size()))] =
          static_cast<char>(random.below(256));
    }
    const auto table = read_table(bad, {.sheet = "Data"});
    EXPECT_TRUE(table.has_value() || !table.error().message().empty());
  }
  const auto limited = read_table(good, {.limits = {.bytes = 6'000}});
  EXPECT_EQ(limited.error().code(), ErrorCode::kTooLarge);
  EXPECT_EQ(read_table(good, {.sheet = "Data", .limits = {.cells = 10}}).error().code(),
            ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace saola::split
