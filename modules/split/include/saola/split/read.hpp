// Reads a table from the bytes of a file as people have them (docs/formats/table-input.md), and
// writes CSV.
//
//   ReadOptions options;
//   options.na_values = {"-999"};
//   auto table = read_table(bytes, options);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/split/table.hpp>

namespace saola::split {

// What a file may be at most; beyond is kTooLarge.
struct ReadLimits {
  // After decompression and conversion to UTF-8.
  std::uint64_t bytes = std::uint64_t{1} << 30;
  // How many times its own size a compressed file (gzip, zstd, a workbook) may hold; up to 64 MiB
  // are always good. Tables shrink to a tenth; two megabytes that hold two gigabytes were made to
  // exhaust memory.
  std::uint64_t expansion = 100;
  std::uint64_t rows = 20'000'000;
  std::uint64_t columns = 10'000;
  // rows × columns; a numeric cell costs eight bytes of memory.
  std::uint64_t cells = 200'000'000;
  std::uint64_t field_bytes = 1 << 20;

  // Bytes that a compressed file of `size` bytes may hold.
  std::uint64_t unpacked(std::uint64_t size) const;
};

// What "4%" becomes.
enum class Percent {
  kFraction,  // 0.04
  kPoints,    // 4
};

// How to understand a file. What is absent is detected from the file.
struct ReadOptions {
  // "utf-8", "utf-16", "latin-1", "cp1252" or another name that iconv knows.
  std::optional<std::string> encoding;
  std::optional<char> delimiter;
  // '.' or ','.
  std::optional<char> decimal;
  // ',', '.', ' ' (a no-break space too) or '\''; '\0': none.
  std::optional<char> thousands;
  // Absent: a column in which every number has a percent sign is read as fractions, and one that
  // mixes numbers with and without it is an error.
  std::optional<Percent> percent;
  // Spellings of "no value" beside those of is_missing(). One that is a number matches as a number.
  std::vector<std::string> na_values;
  // Of an Excel workbook; absent: the first with cells.
  std::optional<std::string> sheet;
  // Asked every few milliseconds with the part done, 0 … 1; true ends the reading with kCancelled.
  std::function<bool(double)> poll;
  ReadLimits limits;
};

// "comma", "semicolon", "tab", "pipe", "space" or the character itself.
Result<char> parse_delimiter(std::string_view text);
// "." or ","; fails with kInvalidArgument.
Result<char> parse_decimal(std::string_view text);
// ",", ".", "space", "apostrophe" or the character, "none".
Result<char> parse_thousands(std::string_view text);
// "fraction" or "points".
Result<Percent> parse_percent(std::string_view text);

// Reads a table from the bytes of a file: CSV in any of the usual dialects and encodings, or an
// Excel workbook (.xlsx), plain or compressed with gzip or zstd.
//
// Fails with kInvalidArgument on what is not a table (binary, ragged, duplicate names, no rows, …),
// kDataCorrupt on damaged compression or a damaged workbook, kTooLarge on a limit, kUnsupported on
// another format (the text says how to convert it), kCancelled when `poll` said so.
Result<Table> read_table(std::string bytes, const ReadOptions& options = {});

// Appends one field, quoted when it holds a comma, quote, CR or LF, or begins or ends with a blank.
void append_csv_field(std::string& out, std::string_view field);

}  // namespace saola::split
