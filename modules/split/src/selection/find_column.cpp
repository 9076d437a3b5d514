#include "selection/find_column.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include "table/quoted.hpp"

namespace saola::split {
namespace {

// Edits (insert, delete, replace) between two names, letters' case apart.
std::size_t edits(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

Result<std::size_t> find_column(const Table& table, std::string_view option,
                                const std::string& name) {
  if (const auto found = table.find(name)) return *found;
  constexpr std::size_t kLongest = 200;
  std::string hint;
  std::size_t fewest = 3;
  for (const auto& column : table.columns()) {
    if (name.size() > kLongest || column.name.size() > kLongest) continue;
    const auto distance = edits(name, column.name);
    if (distance < fewest && distance < name.size()) {
      fewest = distance;
      hint = fmt::format("; did you mean {}?", quoted(column.name));
    }
  }
  return fail(ErrorCode::kInvalidArgument, "{}: the table has no column {}{} It has {}", option,
              quoted(name), hint.empty() ? "." : hint, table.names());
}

Result<void> check_numeric(const Table& table, std::size_t c) {
  const auto& one = table.columns()[c];
  if (!one.unreadable.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "column {} looks like numbers, but {}; correct it, or see 'decimal', "
                "'thousands', 'percent' and 'na_values'",
                quoted(one.name), one.unreadable);
  }
  if (one.first_text) {
    const auto row = *one.first_text;
    return fail(ErrorCode::kInvalidArgument,
                "column {} is not numeric: {} holds {}; correct it, or leave the column out of "
                "'columns' (categories go into 'strata' or 'categories')",
                quoted(one.name), table.place(row), quoted(table.cell(row, c)));
  }
  if (one.numbers == 0 && !one.first_infinite) {
    return fail(ErrorCode::kInvalidArgument, "column {} has no values; leave it out of 'columns'",
                quoted(one.name));
  }
  if (one.first_infinite) {
    const auto row = *one.first_infinite;
    return fail(ErrorCode::kInvalidArgument,
                "column {} has a number that is not finite: {} holds {}; correct it, or leave "
                "the column out of 'columns'",
                quoted(one.name), table.place(row), quoted(table.cell(row, c)));
  }
  return {};
}

}  // namespace saola::split
