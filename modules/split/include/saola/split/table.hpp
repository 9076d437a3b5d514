// A table as read from CSV: named columns, numeric where every value is a number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>

namespace saola::split {

// What is known of one column. Rows count from 0 here and from 1 in messages.
struct Column {
  std::string name;
  // Cells read as finite numbers; in a column of text only those before the first text.
  std::size_t numbers = 0;
  // Cells that are empty or spell a missing value (NA, NaN, null, …); likewise.
  std::size_t missing = 0;
  // The first cell of each kind that stands in the way of using the column as numbers.
  std::optional<std::size_t> first_missing;
  std::optional<std::size_t> first_infinite;
  std::optional<std::size_t> first_text;
  // One a row, NaN where missing or infinite; empty unless numeric().
  std::vector<double> values;

  // True when at least one cell is a number (an infinite one counts) and none is text.
  bool numeric() const { return !first_text && (numbers > 0 || first_infinite); }
};

// Immutable after read_csv(); safe to read from several threads. Keeps the text of the file, so a
// cell's exact spelling is there for ids, strata and messages.
class Table {
 public:
  std::size_t rows() const { return row_starts_.size(); }
  const std::vector<Column>& columns() const { return columns_; }
  // The column of that exact name.
  std::optional<std::size_t> find(std::string_view name) const;
  // The names, as a sentence for messages: "'a', 'b', 'c'" (cut after a dozen).
  std::string names() const;

  // The cells of a column, unquoted, row by row. Costs a pass over the file.
  std::vector<std::string> text(std::size_t column) const;
  // One cell. REQUIRES: row < rows(), column < columns().size().
  std::string cell(std::size_t row, std::size_t column) const;
  // "row 7 (line 8)": the row counted from 1 without the header, the line of the file it starts on.
  std::string place(std::size_t row) const;

 private:
  friend class TableReader;
  std::string bytes_;
  std::vector<std::uint64_t> row_starts_;
  std::vector<Column> columns_;
};

// True for the spellings that mean "no value": empty or blank, and in any case NA, N/A, #N/A, NaN,
// null, none, nil, missing, "." and "?".
bool is_missing(std::string_view text);

}  // namespace saola::split
