#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/split/read.hpp>

namespace saola::split {
namespace {

using namespace std::string_literals;

Table table_of(std::string bytes) {
  auto table = read_table(std::move(bytes));
  EXPECT_TRUE(table.has_value()) << table.error().message();
  return table ? std::move(*table) : Table();
}

std::string error_of(std::string bytes, ErrorCode code = ErrorCode::kInvalidArgument,
                     const ReadLimits& limits = {}) {
  const auto table = read_table(std::move(bytes), {.limits = limits});
  EXPECT_FALSE(table.has_value());
  if (table) return "";
  EXPECT_EQ(table.error().code(), code) << table.error().message();
  return table.error().message();
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 1024, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Csv, ReadsNumbersAndText) {
  const auto table = table_of("id,x,y\na,1,-2.5\nb,3e2,+.5\nc, 7 ,1.0000000000000002\n");
  ASSERT_EQ(table.rows(), 3u);
  ASSERT_EQ(table.columns().size(), 3u);
  EXPECT_FALSE(table.columns()[0].numeric());
  EXPECT_EQ(table.columns()[1].values, (std::vector<double>{1, 300, 7}));
  EXPECT_EQ(table.columns()[2].values, (std::vector<double>{-2.5, 0.5, 1.0000000000000002}));
  EXPECT_EQ(table.text(0), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(table.cell(2, 1), " 7 ");
  EXPECT_EQ(table.find("y"), 2u);
  EXPECT_FALSE(table.find("Y").has_value());
}

TEST(Csv, EveryNumberIsReadToTheLastBit) {
  for (const std::string text :
       {"0", "-0", "0.1", "123456789012345678", "9007199254740993", "0.3333333333333333", "5e-324",
        "1.7976931348623157e308", "12345.678901234567", "-1e-7", "0.000001", "99999999.9",
        "1234567890123456789012", "0.00000000000000000000000000001"}) {
    const auto table = table_of("id,x\na," + text + "\n");
    ASSERT_EQ(table.columns()[1].values.size(), 1u) << text;
    EXPECT_EQ(table.columns()[1].values[0], std::strtod(text.c_str(), nullptr)) << text;
  }
}

TEST(Csv, QuotedFieldsHoldCommasNewlinesAndQuotes) {
  const auto table = table_of("\"na,me\",x\r\n\"a \"\"b\"\"\r\nc\",\"1\"\r\n\"\"\"\",2\r\n");
  EXPECT_EQ(table.columns()[0].name, "na,me");
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.text(0), (std::vector<std::string>{"a \"b\"\r\nc", "\""}));
  EXPECT_EQ(table.columns()[1].values, (std::vector<double>{1, 2}));
  EXPECT_EQ(table.place(1), "row 2 (line 4)");
}

TEST(Csv, LineEndsAndByteOrderMark) {
  for (const std::string text : {"id,x\na,1\nb,2", "id,x\na,1\nb,2\n", "id,x\r\na,1\r\nb,2\r\n",
                                 "\xEF\xBB\xBFid,x\na,1\nb,2\n\n\r\n", "id,x\na,1\r\nb,2\r"}) {
    const auto table = table_of(text);
    EXPECT_EQ(table.rows(), 2u) << text;
    EXPECT_EQ(table.columns()[0].name, "id") << text;
    EXPECT_EQ(table.text(0), (std::vector<std::string>{"a", "b"})) << text;
    EXPECT_EQ(table.columns()[1].values, (std::vector<double>{1, 2})) << text;
  }
}

TEST(Csv, AnEmptyLastFieldIsAMissingValue) {
  const auto table = table_of("id,x\na,1\nb,");
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.columns()[1].first_missing, 1u);
  EXPECT_TRUE(std::isnan(table.columns()[1].values[1]));
}

TEST(Csv, MissingInfiniteAndTextAreTold) {
  const auto table = table_of("id,x,y,z\na,1,1,\nb,NA,inf,NaN\nc,,-Infinity,null\nd,2,1e999,\n");
  const auto& x = table.columns()[1];
  EXPECT_TRUE(x.numeric());
  EXPECT_EQ(x.numbers, 2u);
  EXPECT_EQ(x.missing, 2u);
  EXPECT_EQ(x.first_missing, 1u);
  const auto& y = table.columns()[2];
  EXPECT_TRUE(y.numeric());
  EXPECT_EQ(y.first_infinite, 1u);
  EXPECT_EQ(y.numbers, 1u);
  EXPECT_FALSE(table.columns()[3].numeric());
  const auto text = table_of("id,x\na,1\nb,two\nc,3\n");
  EXPECT_EQ(text.columns()[1].first_text, 1u);
  EXPECT_TRUE(text.columns()[1].values.empty());
}

TEST(Csv, WhatIsNoNumberIsText) {
  for (const std::string text : {"0x10", "1e", "--1", "+-1", "1.2.3", "12 kg", "1_000", "."}) {
    const auto table = table_of("id,x\na,7\nb,\"" + text + "\"\n");
    if (text == ".") {
      EXPECT_EQ(table.columns()[1].first_missing, 1u);
    } else {
      EXPECT_EQ(table.columns()[1].first_text, 1u) << text;
    }
  }
}

TEST(Csv, RaggedRowsAreNamed) {
  EXPECT_EQ(error_of("id,x,y\na,1,2\nb,3\n"),
            "row 2 (line 3) has 2 fields, but the header has 3 columns (nothing for column 'y'); "
            "every row needs one field a column");
  EXPECT_EQ(error_of("id,x\n\"a\nb\",1\nc,3,4,5\n"),
            "row 2 (line 4) has 4 fields, but the header has 2 columns (perhaps a comma inside "
            "a field that is not in quotes); every row needs one field a column");
}

TEST(Csv, BadQuotingIsNamed) {
  EXPECT_EQ(error_of("id,x\na,1\nb\"c,2\n"),
            "row 2 (line 3), column 'id': a quote inside an unquoted field; quote the whole field "
            "and double the quote (line 3)");
  EXPECT_EQ(error_of("id,x\na,1\n\"b\"c,2\n"),
            "row 2 (line 3), column 'id': text after the closing quote; double every quote inside "
            "a quoted field (line 3)");
  EXPECT_EQ(error_of("id,x\na,\"1\n2\n"),
            "row 1 (line 2), column 'x': a quoted field that is never closed (line 2)");
  EXPECT_EQ(error_of("id,x\ra,1\nb,2\n"),
            "header, line 1, column 2: a carriage return without a line feed; end lines with LF or "
            "CRLF");
}

TEST(Csv, HeadersThatCannotBeUsed) {
  EXPECT_EQ(error_of("id,x,y,x\na,1,2,3\n"),
            "header: columns 2 and 4 are both named 'x'; names must differ");
  EXPECT_THAT(error_of("a,1.5\nb,2.5\nc,3.5\n"),
              testing::HasSubstr("the name '1.5' is a number, as if the file had no header line"));
}

TEST(Csv, EmptyFiles) {
  const auto empty = "the file is empty; it needs a header line and at least two rows";
  EXPECT_EQ(error_of(""), empty);
  EXPECT_EQ(error_of("\xEF\xBB\xBF"), empty);
  EXPECT_EQ(error_of("\n\r\n \n"), empty);
  EXPECT_EQ(error_of("id,x\n"),
            "the file has a header line but no rows; there is nothing to split");
}

TEST(Csv, BinaryAndOtherEncodings) {
  EXPECT_EQ(error_of("id,x\na,1\0\n"s),
            "the file is binary, not CSV: line 2 has a NUL byte (offset 8); save it as CSV in "
            "UTF-8");
  EXPECT_EQ(
      error_of("id,x\nM\xC3\xBCnchen,1\nab\xE2\x82,1\n"),
      "line 3 is not UTF-8: byte 0xE2 at offset 18; name the file's encoding in 'encoding', or "
      "save it as CSV in UTF-8");
  const std::pair<std::string, std::string> kOthers[] = {
      {"PK\x03\x04....", "a zip archive"},   {"PAR1....", "Parquet"}, {"ARROW1..", "Arrow"},
      {"\xD0\xCF\x11\xE0....", "old Excel"}, {"%PDF-1.4", "PDF"},     {"BZh91AY", "bzip2"},
      {"<!DOCTYPE html><html>", "HTML"},     {"{\"a\": 1}", "JSON"},
  };
  for (const auto& [bytes, name] : kOthers) {
    EXPECT_THAT(error_of(bytes, ErrorCode::kUnsupported), testing::HasSubstr(name));
  }
  EXPECT_EQ(table_of("id,x\nM\xC3\xBCnchen \xF0\x9F\x8D\xBA,1\n").cell(0, 0),
            "M\xC3\xBCnchen \xF0\x9F\x8D\xBA");
}

TEST(Csv, Limits) {
  EXPECT_THAT(error_of("id,x\na,1\nb,2\nc,3\n", ErrorCode::kTooLarge, {.rows = 2}),
              testing::HasSubstr("more than 2 rows"));
  EXPECT_THAT(error_of("id,x\na,1\nb,2\n", ErrorCode::kTooLarge, {.columns = 1}),
              testing::HasSubstr("more than 1 columns"));
  EXPECT_THAT(error_of("id,x\na,1\nb,2\n", ErrorCode::kTooLarge, {.cells = 3}),
              testing::HasSubstr("more than 1 rows of 2 columns"));
  EXPECT_THAT(error_of("id,x\na,1\nbbbbbbbb,2\n", ErrorCode::kTooLarge, {.field_bytes = 5}),
              testing::HasSubstr("row 2 (line 3), column 'id'"));
  EXPECT_THAT(error_of("id,x\na,1\nb,2\n", ErrorCode::kTooLarge, {.bytes = 10}),
              testing::HasSubstr("the limit is 10"));
}

TEST(Csv, GzipIsInflated) {
  const std::string text = "id,x\na,1\nb,2\n";
  EXPECT_EQ(table_of(gzip(text)).rows(), 2u);
  const auto members = gzip("id,x\na,1\n") + gzip("b,2\nc,3\n");
  EXPECT_EQ(table_of(members).rows(), 3u);
  EXPECT_EQ(table_of(members + std::string(512, '\0')).rows(), 3u);
}

TEST(Csv, DamagedGzipIsNamed) {
  const auto good = gzip("id,x\na,1\nb,2\n");
  for (std::size_t length = 2; length < good.size(); ++length) {
    EXPECT_THAT(error_of(good.substr(0, length), ErrorCode::kDataCorrupt),
                testing::HasSubstr("cut short"));
  }
  EXPECT_THAT(error_of(good + "more", ErrorCode::kDataCorrupt), testing::HasSubstr("not gzip"));
  auto wrong_sum = good;
  wrong_sum[good.size() - 8] ^= 1;
  EXPECT_THAT(error_of(wrong_sum, ErrorCode::kDataCorrupt), testing::HasSubstr("damaged"));
}

TEST(Csv, GzipBombStopsAtTheLimit) {
  const auto bomb = gzip("id,x\n" + std::string(50 << 20, 'a'));
  EXPECT_LT(bomb.size(), 100'000u);
  EXPECT_THAT(error_of(bomb, ErrorCode::kTooLarge, {.bytes = 1 << 20}),
              testing::HasSubstr("more than 1048576 bytes"));
  // 64 MiB are good whatever the file's size, more in proportion to it.
  const auto large = gzip("id,x\n" + std::string(70 << 20, 'a'));
  EXPECT_LT(large.size(), 100'000u);
  EXPECT_THAT(error_of(large, ErrorCode::kTooLarge), testing::HasSubstr("too much for what it"));
  EXPECT_THAT(error_of(large, ErrorCode::kTooLarge, {.expansion = 2000}),
              testing::Not(testing::HasSubstr("too much for what it")));
  EXPECT_EQ(table_of(gzip("id,x\na,1\n")).rows(), 1u);
}

// The reader stopped before the blank lines at the end, a later look at a cell did not, and ended
// the process.
TEST(Csv, CarriageReturnsBeforeTheLastLineEndDoNotReachTheCells) {
  const auto table = table_of("x\na\nb\r\r\n\n");
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.cell(1, 0), "b");
}

TEST(Csv, LongNamesAreCutInMessages) {
  const std::string name(5000, 'n');
  const auto text = error_of(fmt::format("{0},{0}\n1,2\n", name));
  EXPECT_LT(text.size(), 300u);
}

TEST(Csv, WrittenFieldsReadBack) {
  const std::string fields[] = {"plain", "a,b", "say \"hi\"", "two\nlines", " led", "trailed ", ""};
  std::string out = "a,b,c,d,e,f,g\n";
  for (std::size_t i = 0; i < std::size(fields); ++i) {
    if (i > 0) out.push_back(',');
    append_csv_field(out, fields[i]);
  }
  const auto table = table_of(out + "\n");
  ASSERT_EQ(table.rows(), 1u);
  for (std::size_t i = 0; i < std::size(fields); ++i) EXPECT_EQ(table.cell(0, i), fields[i]);
}

}  // namespace
}  // namespace saola::split
