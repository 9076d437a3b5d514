// Which rows and columns of a table take part, and as what: checked, with missing values dealt
// with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/split/balance.hpp>
#include <saola/split/options.hpp>
#include <saola/split/table.hpp>

namespace saola::split {

// A numeric column to balance, one value a unit.
class Covariate {
 public:
  // All rows of the table, as they are. `values` must outlive it.
  Covariate(std::string name, std::span<const double> values)
      : name_(std::move(name)), values_(values) {}
  Covariate(std::string name, std::vector<double> values, std::size_t missing)
      : name_(std::move(name)), own_(std::move(values)), values_(own_), missing_(missing) {}
  Covariate(Covariate&&) = default;
  Covariate& operator=(Covariate&&) = default;

  const std::string& name() const { return name_; }
  std::span<const double> values() const { return values_; }
  std::size_t missing() const { return missing_; }
  bool constant() const;
  // What enters the objective: the values, transformed if that was asked for.
  std::span<const double> objective_values() const {
    return transformed_.empty() ? values_ : std::span<const double>(transformed_);
  }
  double weight() const { return weight_; }

  void transform(std::vector<double> values) { transformed_ = std::move(values); }
  void weigh(double weight) { weight_ = weight; }

 private:
  std::string name_;
  std::vector<double> own_;
  std::span<const double> values_;
  std::size_t missing_ = 0;
  std::vector<double> transformed_;
  double weight_ = 1;
};

// A categorical column, one level a unit.
struct Factor {
  std::string name;
  std::vector<std::string> levels;  // in order of appearance
  std::vector<std::uint32_t> level_of_unit;
  double weight = 1;
};

struct Selection {
  // Index of the id column in the table.
  std::size_t id = 0;
  // The table's row of each unit.
  std::vector<std::uint32_t> rows;
  // Columns first, then indicators of missing values, which have two values only.
  std::vector<Covariate> covariates;
  std::size_t indicators = 0;
  std::vector<Factor> strata;
  std::vector<Factor> categories;
  // Given distances, units × units; empty without.
  std::vector<float> distances;
  // One a column of the table, in its order.
  std::vector<ColumnAccount> accounts;
  std::vector<std::string> warnings;
};

// Finds the columns of `options` and checks every value of theirs: readable, finite, present (or
// dealt with as options.missing says), ids present and different. A table without numeric columns
// passes when there are strata or categories. Fails with kInvalidArgument, all columns with missing
// values in one message; with kCancelled when `poll`, asked now and then, says so. `table` must
// outlive the result.
Result<Selection> select(const Table& table, const Options& options,
                         const std::function<bool()>& poll = {});

}  // namespace saola::split
