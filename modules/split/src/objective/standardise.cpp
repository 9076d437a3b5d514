#include <algorithm>
#include <cmath>
#include <vector>

#include <saola/split/search.hpp>

#include "objective/moments.hpp"

namespace saola::split {

namespace {

// `at` gives the value of each row.
template <typename At>
Standard standard_of(std::size_t rows, At&& at) {
  double low = at(0);
  double high = low;
  for (std::size_t r = 0; r < rows; ++r) {
    low = std::min(low, at(r));
    high = std::max(high, at(r));
  }
  Standard standard;
  const double largest = std::max(std::abs(low), std::abs(high));
  if (largest > 0) standard.exponent = std::ilogb(largest) + 1;
  if (low == high) return standard;
  for (std::size_t r = 0; r < rows; ++r) standard.mean += std::ldexp(at(r), -standard.exponent);
  standard.mean /= static_cast<double>(rows);
  double squares = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    const double off = std::ldexp(at(r), -standard.exponent) - standard.mean;
    squares += off * off;
  }
  standard.sd = std::sqrt(squares / static_cast<double>(rows - 1));
  return standard;
}

}  // namespace

Standard find_standard(const ColumnSource& column, std::size_t rows) {
  return standard_of(rows, [&](std::size_t r) { return column.raw(r); });
}

void standardise(std::vector<double>& values, std::size_t rows, std::size_t columns) {
  for (std::size_t c = 0; c < columns; ++c) {
    const auto standard = standard_of(rows, [&](std::size_t r) { return values[r * columns + c]; });
    for (std::size_t r = 0; r < rows; ++r) {
      values[r * columns + c] = standard.of(values[r * columns + c]);
    }
  }
}

std::vector<double> weighted_values(const Problem& problem) {
  std::vector<double> values(problem.rows * problem.columns);
  for (std::size_t r = 0; r < problem.rows; ++r) {
    for (std::size_t c = 0; c < problem.columns; ++c) {
      const double weight = problem.weights.empty() ? 1 : problem.weights[c];
      values[r * problem.columns + c] = weight * problem.value(r, c);
    }
  }
  return values;
}

std::size_t kplus_width(const Problem& problem) {
  const auto columns = problem.columns - problem.indicators;
  const auto pairs = problem.correlations && columns > 0 ? columns * (columns - 1) / 2 : 0;
  return problem.columns + columns * (problem.moments - 1) + pairs;
}

RowFeatures::RowFeatures(const Problem& problem, Objective objective, Pace& pace)
    : problem_(problem), weights_(problem.weights) {
  weights_.resize(problem.columns, 1);
  if (objective != Objective::kKPlus) return;
  const auto columns = static_cast<std::uint32_t>(problem.columns - problem.indicators);
  for (std::uint32_t power = 2; power <= problem.moments; ++power) {
    for (std::uint32_t c = 0; c < columns; ++c) derived_.push_back({c, c, power});
  }
  for (std::uint32_t c = 0; problem.correlations && c < columns; ++c) {
    for (std::uint32_t d = c + 1; d < columns; ++d) derived_.push_back({c, d, 0});
  }
  if (!derived_.empty()) find_moments(pace);
}

double RowFeatures::value_of(const Derived& derived, const double* row) {
  if (derived.power == 0) return row[derived.first] * row[derived.second];
  double value = row[derived.first];
  for (std::uint32_t n = 1; n < derived.power; ++n) value *= row[derived.first];
  return value;
}

// Values are standardised, so their powers neither overflow nor vanish.
void RowFeatures::find_moments(Pace& pace) {
  const auto count = derived_.size();
  const auto rows = problem_.rows;
  std::vector<double> row(problem_.columns);
  const auto read = [&](std::size_t r) {
    for (std::size_t c = 0; c < problem_.columns; ++c) row[c] = problem_.value(r, c);
  };
  std::vector<double> low(count);
  std::vector<double> high(count);
  const auto work = count + 2 * problem_.columns;
  for (std::size_t r = 0; r < rows && !pace.step(work); ++r) {
    read(r);
    for (std::size_t d = 0; d < count; ++d) {
      const double value = value_of(derived_[d], row.data());
      derived_[d].mean += value;
      low[d] = r == 0 ? value : std::min(low[d], value);
      high[d] = r == 0 ? value : std::max(high[d], value);
    }
  }
  for (auto& derived : derived_) derived.mean /= static_cast<double>(rows);
  std::vector<double> squares(count);
  for (std::size_t r = 0; r < rows && !pace.step(work); ++r) {
    read(r);
    for (std::size_t d = 0; d < count; ++d) {
      const double off = value_of(derived_[d], row.data()) - derived_[d].mean;
      squares[d] += off * off;
    }
  }
  for (std::size_t d = 0; d < count; ++d) {
    // A column with two values as frequent as each other has equal squares but for rounding.
    constexpr double kRounding = 1e-9;
    const double largest = std::max(std::abs(low[d]), std::abs(high[d]));
    const double sd = std::sqrt(squares[d] / static_cast<double>(rows - 1));
    if (high[d] - low[d] <= kRounding * largest || !(sd > 0)) continue;
    derived_[d].scale = std::sqrt(weights_[derived_[d].first] * weights_[derived_[d].second]) / sd;
  }
}

void RowFeatures::fill(std::size_t row, double* out) const {
  const auto columns = problem_.columns;
  for (std::size_t c = 0; c < columns; ++c) out[c] = problem_.value(row, c);
  for (std::size_t d = 0; d < derived_.size(); ++d) {
    out[columns + d] = (value_of(derived_[d], out) - derived_[d].mean) * derived_[d].scale;
  }
  for (std::size_t c = 0; c < columns; ++c) out[c] *= weights_[c];
}

}  // namespace saola::split
