#include <algorithm>
#include <cmath>
#include <vector>

#include <saola/split/search.hpp>

#include "objective/moments.hpp"

namespace saola::split {

namespace {

// Smallest and largest value of each column.
struct Extremes {
  std::vector<double> low;
  std::vector<double> high;
};

Extremes find_extremes(const std::vector<double>& values, std::size_t columns) {
  Extremes found{{values.begin(), values.begin() + static_cast<std::ptrdiff_t>(columns)}, {}};
  found.high = found.low;
  for (std::size_t i = 0; i < values.size(); i += columns) {
    for (std::size_t c = 0; c < columns; ++c) {
      found.low[c] = std::min(found.low[c], values[i + c]);
      found.high[c] = std::max(found.high[c], values[i + c]);
    }
  }
  return found;
}

}  // namespace

// Row by row, for a large matrix leaves the caches when it is walked column by column.
void standardise(std::vector<double>& values, std::size_t rows, std::size_t columns) {
  const auto extremes = find_extremes(values, columns);
  // By an exact power of two into -1 … 1, so that neither sums nor squares overflow.
  std::vector<int> exponent(columns);
  for (std::size_t c = 0; c < columns; ++c) {
    const double largest = std::max(std::abs(extremes.low[c]), std::abs(extremes.high[c]));
    exponent[c] = largest > 0 ? std::ilogb(largest) + 1 : 0;
  }
  std::vector<double> mean(columns);
  for (std::size_t i = 0; i < values.size(); i += columns) {
    for (std::size_t c = 0; c < columns; ++c) {
      values[i + c] = std::ldexp(values[i + c], -exponent[c]);
      mean[c] += values[i + c];
    }
  }
  for (double& m : mean) m /= static_cast<double>(rows);
  std::vector<double> sd(columns);
  for (std::size_t i = 0; i < values.size(); i += columns) {
    for (std::size_t c = 0; c < columns; ++c) {
      values[i + c] -= mean[c];
      sd[c] += values[i + c] * values[i + c];
    }
  }
  for (std::size_t c = 0; c < columns; ++c) {
    const bool constant = extremes.low[c] == extremes.high[c];
    sd[c] = constant ? 0 : std::sqrt(sd[c] / static_cast<double>(rows - 1));
  }
  for (std::size_t i = 0; i < values.size(); i += columns) {
    for (std::size_t c = 0; c < columns; ++c) values[i + c] = sd[c] > 0 ? values[i + c] / sd[c] : 0;
  }
}

std::vector<double> weighted_values(const Problem& problem) {
  auto values = problem.values;
  if (problem.weights.empty()) return values;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= problem.weights[i % problem.columns];
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
  const auto row_at = [&](std::size_t r) { return &problem_.values[r * problem_.columns]; };
  std::vector<double> low(count);
  std::vector<double> high(count);
  for (std::size_t r = 0; r < rows && !pace.step(count); ++r) {
    for (std::size_t d = 0; d < count; ++d) {
      const double value = value_of(derived_[d], row_at(r));
      derived_[d].mean += value;
      low[d] = r == 0 ? value : std::min(low[d], value);
      high[d] = r == 0 ? value : std::max(high[d], value);
    }
  }
  for (auto& derived : derived_) derived.mean /= static_cast<double>(rows);
  std::vector<double> squares(count);
  for (std::size_t r = 0; r < rows && !pace.step(count); ++r) {
    for (std::size_t d = 0; d < count; ++d) {
      const double off = value_of(derived_[d], row_at(r)) - derived_[d].mean;
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
  const double* const values = &problem_.values[row * columns];
  for (std::size_t c = 0; c < columns; ++c) out[c] = values[c] * weights_[c];
  for (std::size_t d = 0; d < derived_.size(); ++d) {
    out[columns + d] = (value_of(derived_[d], values) - derived_[d].mean) * derived_[d].scale;
  }
}

}  // namespace saola::split
