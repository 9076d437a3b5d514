// Numbers as people write them: "1,234,000", "$3.50", "4%", "1234,56", "1.2M", "(63)", "−23".
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <saola/split/read.hpp>

namespace saola::split {

// A cell taken apart. What is around the digits is the same under every locale; how the separators
// among the digits are to be read is not.
struct WrittenNumber {
  bool negative = false;
  bool percent = false;
  // 1000 for "K", 0.001 for "‰", …; 1 without.
  double scale = 1;
  std::string currency;
  // Letters after the digits that are no scale: "kg".
  std::string unit;
  // A single letter that follows the digits without a blank, of a scale or a unit; else 0.
  char letter = 0;
  // Digits with separators and an exponent, in ASCII: "1,234.5", "1 234", "1,2E+05".
  std::string core;
};

// Absent when the cell cannot be a number under any locale.
std::optional<WrittenNumber> take_apart(std::string_view cell);

// The value of a core with that decimal point. `thousands`: the only separator of thousands
// allowed, absent: any of those that are not the decimal point; groups of three digits, or of two
// and a last of three (India).
std::optional<double> parse_core(std::string_view core, char decimal,
                                 const std::optional<char>& thousands);

// Letter for letter mostly digits, and no date, time, range or version: what a person would take
// for a number although it cannot be read as one.
bool looks_numeric(std::string_view cell);

// "2024-01-31", "31.1.2024", "1/31/24", "2024-01", "12:30", with a time of day or not.
bool is_date(std::string_view cell);

// Learns from all cells of a column how its numbers are written.
class NumberStyle {
 public:
  explicit NumberStyle(const ReadOptions& options) : options_(options) {}

  // A cell that holds a value. `row` is kept for messages.
  void add(std::string_view cell, std::size_t row);

  std::size_t cells() const { return cells_; }
  // Cells that one decimal point alone explains, and those whose value depends on it.
  std::size_t needs_point() const { return needs_[0]; }
  std::size_t needs_comma() const { return needs_[1]; }
  std::size_t ambiguous() const { return ambiguous_; }
  // More than half of the cells are numbers, or look like it.
  bool mostly_numeric() const { return (parsed_ + looks_) * 2 > cells_ && !codes(); }
  // Cells that are numbers; 0 when they are codes.
  std::size_t numbers() const { return codes() ? 0 : parsed_; }
  bool dates() const { return cells_ > 0 && dates_ == cells_; }

  // The decimal point to use when the file favours `favoured`.
  char decimal(char favoured) const;
  // With this decimal point: the row of the first cell that cannot be read, and why no single
  // reading fits all cells. Both absent: every cell can be read.
  struct Fault {
    std::size_t row = 0;
    std::string reason;
  };
  std::optional<Fault> fault(char decimal) const;
  // The number in a cell. REQUIRES: fault(decimal) is absent, and the cell was added.
  double value(std::string_view cell, char decimal) const;
  // "decimal ',', thousands '.', currency '$', percent"; empty when plain.
  std::string describe(char decimal) const;

 private:
  struct Mark {
    std::size_t count = 0;
    std::size_t first = 0;
    void add(std::size_t row) {
      if (count++ == 0) first = row;
    }
  };
  bool million_by_m() const;
  // "1A", "2B": different letters, not all of scales.
  bool codes() const;

  const ReadOptions& options_;
  std::size_t cells_ = 0;
  std::size_t parsed_ = 0;
  std::size_t looks_ = 0;
  std::size_t dates_ = 0;
  std::size_t ambiguous_ = 0;
  std::size_t needs_[2] = {0, 0};
  // First cell that the point, or the comma, does not explain.
  std::optional<std::size_t> first_fault_[2];
  Mark percent_;
  // Not zero and without a percent sign.
  Mark no_percent_;
  Mark scaled_;
  std::map<std::string, Mark> currencies_;
  // "" counts the numbers, other than zero, without a unit.
  std::map<std::string, Mark> units_;
  std::map<char, std::size_t> separators_;
  std::set<char> letters_;
};

}  // namespace saola::split
