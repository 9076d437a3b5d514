#include <algorithm>
#include <array>

#include <saola/base/check.hpp>
#include <saola/split/table.hpp>

#include "table/csv_scanner.hpp"
#include "table/quoted.hpp"

namespace saola::split {
namespace {

Field field_at(std::string_view row, char delimiter, std::size_t number) {
  CsvScanner scanner(row, delimiter);
  Field field;
  for (std::size_t c = 0; c <= number; ++c) {
    SAOLA_CHECK(scanner.next(field) != FieldEnd::kError, "the table was checked when it was read");
  }
  return field;
}

}  // namespace

bool is_missing(std::string_view text) {
  constexpr std::array<std::string_view, 17> kSpellings = {
      "na", "n/a", "#n/a", "nan",    "null",    "none",  "nil",     "missing", ".",
      "?",  "-",   "–",    "#null!", "#div/0!", "#ref!", "#value!", "#num!"};
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return true;
  text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
  constexpr std::size_t kLongest = 8;
  if (text.size() > kLongest) return false;
  std::string lower;
  for (const char c : text) lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  return std::find(kSpellings.begin(), kSpellings.end(), lower) != kSpellings.end();
}

std::optional<std::size_t> Table::find(std::string_view name) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].name == name) return i;
  }
  return std::nullopt;
}

std::string Table::names() const {
  constexpr std::size_t kShown = 12;
  std::string out;
  for (std::size_t i = 0; i < columns_.size() && i < kShown; ++i) {
    if (i > 0) out += ", ";
    out += quoted(columns_[i].name);
  }
  if (columns_.size() > kShown) out += fmt::format(" and {} more", columns_.size() - kShown);
  return out;
}

std::vector<std::string> Table::text(std::size_t column) const {
  std::vector<std::string> cells;
  cells.reserve(rows());
  each(column, [&](std::size_t /*row*/, std::string_view text) {
    cells.emplace_back(text);
    return true;
  });
  return cells;
}

void Table::each(std::size_t column,
                 const std::function<bool(std::size_t row, std::string_view text)>& see) const {
  SAOLA_CHECK(column < columns_.size(), "no such column");
  std::string unquoted;
  for (std::size_t row = 0; row < rows(); ++row) {
    const auto field = field_at(std::string_view(bytes_).substr(row_starts_[row]), delimiter_,
                                columns_[column].field);
    std::string_view text = field.raw;
    if (field.quoted && text.find('"') != std::string_view::npos) {
      unquoted = field.text();
      text = unquoted;
    }
    if (!see(row, text)) return;
  }
}

std::string Table::cell(std::size_t row, std::size_t column) const {
  SAOLA_CHECK(row < rows() && column < columns_.size(), "no such cell");
  return field_at(std::string_view(bytes_).substr(row_starts_[row]), delimiter_,
                  columns_[column].field)
      .text();
}

bool Table::missing(std::string_view text) const {
  if (is_missing(text)) return true;
  if (na_values_.empty()) return false;
  const auto first = text.find_first_not_of(" \t");
  text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
  double value = 0;
  const bool number = parse_number(text, value);
  return std::any_of(na_values_.begin(), na_values_.end(), [&](const std::string& spelling) {
    double other = 0;
    return spelling == text || (number && parse_number(spelling, other) && other == value);
  });
}

std::string Table::place(std::size_t row) const {
  if (workbook_) return fmt::format("row {}", row + 1);
  const auto begin = bytes_.begin();
  const auto line = std::count(begin, begin + static_cast<std::ptrdiff_t>(row_starts_[row]), '\n');
  return fmt::format("row {} (line {})", row + 1, line + 1);
}

}  // namespace saola::split
