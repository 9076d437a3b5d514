#include "selection.hpp"

#include <algorithm>
#include <cctype>
#include <unordered_map>

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

Result<void> check_numbers(const Table& table, const Column& column, std::size_t index) {
  const auto name = quoted(column.name);
  if (column.first_text) {
    const auto row = *column.first_text;
    return fail(ErrorCode::kInvalidArgument,
                "column {} is not numeric: {} holds {}; correct it, or leave the column out of "
                "'columns' (categories go into 'strata')",
                name, table.place(row), quoted(table.cell(row, index)));
  }
  if (column.first_missing) {
    const auto row = *column.first_missing;
    return fail(ErrorCode::kInvalidArgument,
                "column {} has {} missing value{}, the first in {} ({}); fill in or remove such "
                "rows, or leave the column out of 'columns'",
                name, column.missing, column.missing == 1 ? "" : "s", table.place(row),
                quoted(table.cell(row, index)));
  }
  if (column.first_infinite) {
    const auto row = *column.first_infinite;
    return fail(ErrorCode::kInvalidArgument,
                "column {} has a number that is not finite: {} holds {}; correct it, or leave the "
                "column out of 'columns'",
                name, table.place(row), quoted(table.cell(row, index)));
  }
  return {};
}

bool is_constant(const Column& column) {
  return std::all_of(column.values.begin(), column.values.end(),
                     [&](double value) { return value == column.values.front(); });
}

Result<void> check_ids(const Table& table, std::size_t index) {
  const auto& name = table.columns()[index].name;
  const auto ids = table.text(index);
  std::unordered_map<std::string_view, std::size_t> first;
  first.reserve(ids.size());
  for (std::size_t row = 0; row < ids.size(); ++row) {
    if (ids[row].find_first_not_of(" \t") == std::string::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  "id column {}: {} is empty; every row needs an id, or name another column in "
                  "'id_column'",
                  quoted(name), table.place(row));
    }
    if (const auto [at, fresh] = first.emplace(ids[row], row); !fresh) {
      return fail(ErrorCode::kInvalidArgument,
                  "id column {}: {} and {} both have {}; ids must differ, or name another column "
                  "in 'id_column'",
                  quoted(name), table.place(at->second), table.place(row), quoted(ids[row]));
    }
  }
  return {};
}

Result<void> add_covariates(const Table& table, const Options& options, Selection& selection) {
  const auto taken = [&](std::size_t c) {
    return c == selection.id ||
           std::find(selection.strata.begin(), selection.strata.end(), c) != selection.strata.end();
  };
  if (options.columns.empty()) {
    for (std::size_t c = 0; c < table.columns().size(); ++c) {
      const auto& column = table.columns()[c];
      if (taken(c)) continue;
      if (column.numeric()) {
        selection.covariates.push_back(c);
      } else if (column.numbers > 0 && column.first_text) {
        const auto row = *column.first_text;
        selection.warnings.push_back(
            fmt::format("column {} was left out: it starts with numbers, but {} holds {}",
                        quoted(column.name), table.place(row), quoted(table.cell(row, c))));
      } else if (!column.first_text) {
        selection.warnings.push_back(
            fmt::format("column {} was left out: it has no values", quoted(column.name)));
      }
    }
    if (selection.covariates.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "the table has no numeric column beside the id and the strata; nothing can be "
                  "balanced. Its columns are {}",
                  table.names());
    }
  }
  for (const auto& name : options.columns) {
    const auto found = find_column(table, "columns", name);
    if (!found) return std::unexpected(found.error());
    auto& chosen = selection.covariates;
    if (std::find(chosen.begin(), chosen.end(), *found) != chosen.end()) {
      return fail(ErrorCode::kInvalidArgument, "columns: {} is named twice", quoted(name));
    }
    if (*found == selection.id) {
      return fail(ErrorCode::kInvalidArgument,
                  "columns: {} is the id column; leave it out, or name another in 'id_column'",
                  quoted(name));
    }
    chosen.push_back(*found);
  }
  std::size_t constant = 0;
  for (const auto c : selection.covariates) {
    const auto& column = table.columns()[c];
    if (auto ok = check_numbers(table, column, c); !ok) return ok;
    if (!is_constant(column)) continue;
    ++constant;
    selection.warnings.push_back(
        fmt::format("column {} is {} in every row; it cannot be balanced and was ignored",
                    quoted(column.name), quoted(table.cell(0, c))));
  }
  if (constant == selection.covariates.size()) {
    const auto& column = table.columns()[selection.covariates.front()];
    return fail(ErrorCode::kInvalidArgument,
                "{}: the value is the same in every row, so any split is as good as any other; "
                "name a column that varies in 'columns'",
                constant == 1 ? fmt::format("column {} is constant", quoted(column.name))
                              : fmt::format("all {} columns are constant", constant));
  }
  return {};
}

Result<void> add_strata(const Table& table, const Options& options, Selection& selection) {
  for (const auto& name : options.strata) {
    const auto found = find_column(table, "strata", name);
    if (!found) return std::unexpected(found.error());
    auto& chosen = selection.strata;
    if (std::find(chosen.begin(), chosen.end(), *found) != chosen.end()) {
      return fail(ErrorCode::kInvalidArgument, "strata: {} is named twice", quoted(name));
    }
    if (*found == selection.id) {
      return fail(ErrorCode::kInvalidArgument,
                  "strata: {} is the id column, different in every row; name a category",
                  quoted(name));
    }
    chosen.push_back(*found);
  }
  return {};
}

}  // namespace

Result<Selection> select_columns(const Table& table, const Options& options) {
  if (table.rows() < 2) {
    return fail(ErrorCode::kInvalidArgument,
                "the table has one row; a split needs at least two, one for each group");
  }
  Selection selection;
  if (options.id_column) {
    const auto found = find_column(table, "id_column", *options.id_column);
    if (!found) return std::unexpected(found.error());
    selection.id = *found;
  }
  if (auto ok = add_strata(table, options, selection); !ok) return std::unexpected(ok.error());
  if (auto ok = add_covariates(table, options, selection); !ok) return std::unexpected(ok.error());
  if (auto ok = check_ids(table, selection.id); !ok) return std::unexpected(ok.error());
  return selection;
}

}  // namespace saola::split
