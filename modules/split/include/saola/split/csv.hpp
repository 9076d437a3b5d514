// Reads CSV (RFC 4180; docs/formats/csv-input.md) and writes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/split/table.hpp>

namespace saola::split {

// What a file may be at most; beyond is kTooLarge.
struct CsvLimits {
  // After decompression: guards against a gzip bomb.
  std::uint64_t bytes = std::uint64_t{1} << 30;
  std::uint64_t rows = 20'000'000;
  std::uint64_t columns = 10'000;
  // rows × columns; a numeric cell costs eight bytes of memory.
  std::uint64_t cells = 200'000'000;
  std::uint64_t field_bytes = 1 << 20;
};

// Reads a table from the bytes of a file, which it keeps: plain CSV or gzip (several members are
// read as one). The first record is the header. Fails with kInvalidArgument on what is not a table
// (binary, not UTF-8, ragged, duplicate names, no rows, …), kDataCorrupt on damaged gzip, kTooLarge
// on a limit, kUnsupported on another compression or encoding. The text names row, line and column.
Result<Table> read_csv(std::string bytes, const CsvLimits& limits = {});

// Appends one field, quoted when it holds a comma, quote, CR or LF, or begins or ends with a blank.
void append_csv_field(std::string& out, std::string_view field);

}  // namespace saola::split
