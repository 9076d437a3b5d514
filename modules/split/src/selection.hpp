// Which columns of a table take part, checked.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/split/options.hpp>
#include <saola/split/table.hpp>

namespace saola::split {

// Indices of columns.
struct Selection {
  std::size_t id = 0;
  std::vector<std::size_t> covariates;
  std::vector<std::size_t> strata;
  std::vector<std::string> warnings;
};

// Finds the columns of `options` and checks every value of theirs: numbers finite and present, ids
// present and different, strata present, one covariate at least that varies. Fails with
// kInvalidArgument.
Result<Selection> select_columns(const Table& table, const Options& options);

}  // namespace saola::split
