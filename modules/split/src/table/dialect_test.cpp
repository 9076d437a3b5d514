// Files as people have them: each in testdata/ was refused or misread once.
#include <fstream>
#include <iterator>

#include "test_support.hpp"

namespace saola::split {
namespace {

using testing::HasSubstr;

std::string file(std::string_view name) {
  std::ifstream in(std::string(SAOLA_SOURCE_DIR) + "/modules/split/testdata/" + std::string(name),
                   std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string note_of(const Table& table) {
  return table.notes().size() == 1 ? table.notes()[0]
                                   : fmt::format("{} notes", table.notes().size());
}

TEST(Dialect, DelimitersAreFound) {
  for (const char* text :
       {"id,x,y\na,1.5,2\nb,2.5,3\n", "id;x;y\na;1,5;2\nb;2,5;3\n",
        "id\tx\ty\na\t1.5\t2\nb\t2.5\t3\n", "id|x|y\na|1.5|2\nb|2.5|3\n",
        "id;x;y\na, b;1,5;2\nc, d;2,5;3\n", "\"id\";\"x\";\"y\"\n\"a;b\";1,5;2\nc;2,5;3\n"}) {
    const auto table = table_of(text);
    ASSERT_EQ(table.columns().size(), 3u) << text;
    EXPECT_EQ(table.columns()[1].values, (std::vector<double>{1.5, 2.5})) << text;
    EXPECT_EQ(table.columns()[2].values, (std::vector<double>{2, 3})) << text;
  }
  const auto declared = read_table("id x\na 1\nb 2\n", {.delimiter = ' '});
  ASSERT_TRUE(declared.has_value());
  EXPECT_EQ(declared->columns().size(), 2u);
}

// The decimal comma is as regular as the separator, but for the header.
TEST(Dialect, ADecimalCommaInEveryRowIsNoSeparator) {
  for (const std::string_view value : {"1,5", "2 872,76 €", "-0,25"}) {
    std::string text = "markt;umsatz\n";
    for (int r = 0; r < 5; ++r) text += fmt::format("m{};{}\n", r, value);
    const auto table = table_of(std::move(text));
    EXPECT_EQ(table.delimiter(), ';') << value;
    ASSERT_EQ(table.columns().size(), 2u) << value;
    EXPECT_EQ(table.columns()[0].name, "markt");
    EXPECT_TRUE(table.columns()[1].numeric()) << value;
  }
}

TEST(Dialect, LinesBeforeTheHeaderAreExplained) {
  const auto sep = table_of(file("excel-sep.csv"));
  EXPECT_EQ(sep.columns()[0].name, "id");
  EXPECT_EQ(sep.rows(), 24u);
  EXPECT_THAT(note_of(sep), HasSubstr("'sep=,', was taken as Excel's mark"));
  EXPECT_EQ(table_of("sep=;\r\nid;x\r\na;1,5\r\nb;2,5\r\n").columns()[1].values,
            (std::vector<double>{1.5, 2.5}));
  const auto title = table_of(file("title-row.csv"));
  EXPECT_EQ(title.columns()[1].name, "height");
  EXPECT_THAT(note_of(title), HasSubstr("'Markets 2024' above the header"));
  EXPECT_EQ(table_of("Report\n\nMade by me\nid,x,y\na,1,2\nb,2,3\n").columns()[2].name, "y");
  // No title: a header that is short of a name, and data.
  EXPECT_EQ(table_of(",x\na,1\nb,2\n").columns()[1].name, "x");
}

TEST(Dialect, ColumnsWithoutANameAreExplained) {
  const auto pandas = table_of(file("pandas.csv"));
  EXPECT_EQ(pandas.columns()[0].name, "id");
  EXPECT_THAT(note_of(pandas), HasSubstr("the first column has no name"));
  const auto trailing = table_of(file("trailing-comma.csv"));
  EXPECT_EQ(trailing.columns().size(), 3u);
  EXPECT_THAT(note_of(trailing), HasSubstr("column 4 has neither a name nor values"));
  const auto rows_only = table_of("id,x\na,1,\nb,2,\n");
  EXPECT_EQ(rows_only.columns().size(), 2u);
  EXPECT_THAT(note_of(rows_only), HasSubstr("every row ends with a separator"));
  const auto header_only = table_of("id,x,\na,1\nb,2\n");
  EXPECT_EQ(header_only.columns().size(), 2u);
  EXPECT_THAT(note_of(header_only), HasSubstr("the header ends with a separator"));
  const auto r = table_of("x,y\na,1,2\nb,3,4\n");
  EXPECT_EQ(r.columns()[0].name, "id");
  EXPECT_EQ(r.cell(1, 0), "b");
  EXPECT_EQ(r.columns()[2].values, (std::vector<double>{2, 4}));
  const auto middle = table_of("id,,x\na,1,2\nb,3,4\n");
  EXPECT_EQ(middle.columns()[1].name, "column 2");
  EXPECT_THAT(note_of(middle), HasSubstr("column 2 has no name in the header"));
}

TEST(Dialect, EncodingsAreFound) {
  const auto latin = table_of(file("latin1.csv"));
  EXPECT_EQ(latin.cell(0, 0), "Orléans0");
  EXPECT_THAT(note_of(latin), HasSubstr("read as windows-1252"));
  EXPECT_EQ(latin.columns()[1].values[0], 449);
  const auto utf16 = table_of(file("utf16.csv"));
  EXPECT_EQ(utf16.cell(0, 0), "Köln0");
  EXPECT_EQ(utf16.encoding(), "utf-16le");
  EXPECT_EQ(utf16.columns()[1].numbers, 24u);
  const std::string big("\0i\0d\0,\0x\0\n\0a\0,\0\x31\0\n\0b\0,\0\x32", 24);
  EXPECT_EQ(table_of(big).columns()[1].values, (std::vector<double>{1, 2}));
  const auto named = read_table("id,x\n\xC1\xC2,1\nb,2\n", {.encoding = "windows-1251"});
  ASSERT_TRUE(named.has_value());
  EXPECT_EQ(named->cell(0, 0), "БВ");
  EXPECT_THAT(read_table("id,x\na,1\n", {.encoding = "klingon"}).error().message(),
              HasSubstr("encoding: 'klingon' is not known"));
  EXPECT_THAT(read_table("id,x\na,1\n", {.encoding = "utf-8//TRANSLIT"}).error().message(),
              HasSubstr("is no name of an encoding"));
}

TEST(Dialect, BlankRowsArePassedOver) {
  const auto table = table_of("id,x\na,1\n\n,\nb,2\n , \n");
  EXPECT_EQ(table.rows(), 2u);
  EXPECT_THAT(note_of(table), HasSubstr("3 blank rows were passed over"));
  EXPECT_EQ(table.cell(1, 0), "b");
  EXPECT_EQ(table.place(1), "row 2 (line 5)");
}

TEST(Dialect, OldMacLineEnds) {
  EXPECT_EQ(table_of("id,x\ra,1\rb,2\r").rows(), 2u);
}

TEST(Dialect, YearsAsNamesAreNoted) {
  EXPECT_THAT(note_of(table_of("id,2022,2023\na,1,2\nb,3,4\n")), HasSubstr("the names '2022', …"));
}

TEST(Dialect, MoneyOfAllKinds) {
  const auto money = table_of(file("money.csv"));
  for (std::size_t c = 1; c < 5; ++c) EXPECT_TRUE(money.columns()[c].numeric()) << c;
  EXPECT_EQ(money.columns()[1].values[0], 7611000);
  EXPECT_EQ(money.columns()[2].values[0], 9.86);
  EXPECT_EQ(money.columns()[4].values[0], 0.55);
  const auto mixed = table_of(file("money-mixed.csv"));
  EXPECT_EQ(mixed.columns()[1].values[0], 2133.27);
  const auto signs = table_of(file("money-signs.csv"));
  EXPECT_EQ(signs.columns()[1].values[0], -63);
  EXPECT_EQ(signs.columns()[1].values[1], -23);
}

TEST(Dialect, ReadingIsCancelled) {
  std::string text = "id,x,y\n";
  for (int i = 0; i < 200'000; ++i) text += fmt::format("u{},{},\"1,{:03}\"\n", i, i, i % 1000);
  for (const int polls : {0, 2, 6}) {
    int left = polls;
    const auto table = read_table(text, {.poll = [&](double part) {
                                    EXPECT_GE(part, 0);
                                    EXPECT_LE(part, 1);
                                    return left-- <= 0;
                                  }});
    ASSERT_FALSE(table.has_value());
    EXPECT_EQ(table.error().code(), ErrorCode::kCancelled);
  }
}

}  // namespace
}  // namespace saola::split
