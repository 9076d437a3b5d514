// A table as read from a file: named columns, numeric where every value is a number in a person's
// eyes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>

namespace saola::split {

// What is known of one column of a table. Rows count from 0 here and from 1 in messages. A column
// is numeric when every cell that has a value is a number; its texts are in the table
// (Table::text()).
struct Column {
  std::string name;
  // Cells read as finite numbers; in a column of text those that could be.
  std::size_t numbers = 0;
  // Cells that are empty or spell a missing value (NA, NaN, null, …).
  std::size_t missing = 0;
  // The first cell of each kind that stands in the way of using the column as numbers.
  std::optional<std::size_t> first_missing;
  std::optional<std::size_t> first_infinite;
  std::optional<std::size_t> first_text;
  // One a row, NaN where missing or infinite; empty unless numeric().
  std::vector<double> values;
  // How the numbers are written where that is not plain: "decimal ',', currency '$'".
  std::string reading;
  // Set when most cells look like numbers and some cannot be read: what and where, as a clause.
  // Using such a column as text would hide a number's column.
  std::string unreadable;
  // Different texts in a column that is not numeric; beyond 1,000 they are not counted further.
  std::size_t levels = 0;
  // Every text is a date or a time.
  bool dates = false;

  // True when at least one cell is a number (an infinite one counts) and none is text.
  bool numeric() const { return !first_text && (numbers > 0 || first_infinite); }

  // Which field of a record holds the cell, from 0.
  std::size_t field = 0;
};

// Immutable after read_table(); safe to read from several threads. Keeps the text of the file, so a
// cell's exact spelling is there for ids, strata and messages.
//
//   const auto sales = table.find("sales");
//   if (!sales) return unknown_column("sales", table.names());
//   const Column& column = table.columns()[*sales];
//   if (column.first_text) show(table.cell(*column.first_text, *sales));     // not a number
class Table {
 public:
  std::size_t rows() const { return row_starts_.size(); }
  const std::vector<Column>& columns() const { return columns_; }
  // The column of that exact name.
  std::optional<std::size_t> find(std::string_view name) const;
  // The names, as a sentence for messages: "'a', 'b', 'c'" (cut after a dozen).
  std::string names() const;
  // What was understood or left out while reading, as sentences for the user.
  const std::vector<std::string>& notes() const { return notes_; }
  // "utf-8", "windows-1252", …
  const std::string& encoding() const { return encoding_; }
  char delimiter() const { return delimiter_; }
  // The first column's name was made up, for the file has none.
  bool unnamed_id() const { return unnamed_id_; }

  // The cells of a column, unquoted, row by row. Costs a pass over the file.
  std::vector<std::string> text(std::size_t column) const;
  // The same one by one, without keeping them; `see` returns false to end it. What it is given is valid
  // during the call.
  void each(std::size_t column,
            const std::function<bool(std::size_t row, std::string_view text)>& see) const;
  // One cell. REQUIRES: row < rows(), column < columns().size().
  std::string cell(std::size_t row, std::size_t column) const;
  // "row 7 (line 8)": the row counted from 1 without the header, the line of the file it starts on.
  // Only "row 7" in a workbook.
  std::string place(std::size_t row) const;
  // True for what is_missing() or the reader's na_values say is no value.
  bool missing(std::string_view text) const;

 private:
  friend class TableReader;
  std::string bytes_;
  std::vector<std::uint64_t> row_starts_;
  std::vector<Column> columns_;
  std::vector<std::string> notes_;
  std::vector<std::string> na_values_;
  std::string encoding_;
  char delimiter_ = ',';
  bool workbook_ = false;
  bool unnamed_id_ = false;
};

// True for the spellings that mean "no value": empty or blank, and in any case NA, N/A, #N/A, NaN,
// null, none, nil, missing, ".", "?", a lone dash, and a workbook's error values.
bool is_missing(std::string_view text);

}  // namespace saola::split
