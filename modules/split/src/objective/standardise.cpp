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

std::vector<double> kplus_features(const Problem& problem) {
  const auto all = problem.columns;
  const auto columns = all - problem.indicators;
  if (columns == 0) return weighted_values(problem);
  std::vector<double> squares(problem.rows * columns);
  for (std::size_t r = 0; r < problem.rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double x = problem.values[r * all + c];
      squares[r * columns + c] = x * x;
    }
  }
  // A column with two values as frequent as each other has equal squares but for rounding.
  constexpr double kRounding = 1e-9;
  const auto extremes = find_extremes(squares, columns);
  for (std::size_t c = 0; c < columns; ++c) {
    if (extremes.high[c] - extremes.low[c] > kRounding * extremes.high[c]) continue;
    for (std::size_t i = c; i < squares.size(); i += columns) squares[i] = 0;
  }
  standardise(squares, problem.rows, columns);
  const auto width = all + columns;
  std::vector<double> features(problem.rows * width);
  for (std::size_t r = 0; r < problem.rows; ++r) {
    std::copy_n(&problem.values[r * all], all, &features[r * width]);
    std::copy_n(&squares[r * columns], columns, &features[r * width + all]);
    if (problem.weights.empty()) continue;
    for (std::size_t c = 0; c < all; ++c) features[r * width + c] *= problem.weights[c];
    for (std::size_t c = 0; c < columns; ++c) features[r * width + all + c] *= problem.weights[c];
  }
  return features;
}

}  // namespace saola::split
