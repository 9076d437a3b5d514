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

namespace {

// A feature that is made of the columns: a power of one, or the product of two.
struct Derived {
  std::size_t first;
  std::size_t second;
  std::size_t power;  // of `first`; 0: times `second`
};

std::vector<Derived> derived_of(const Problem& problem) {
  const auto columns = problem.columns - problem.indicators;
  std::vector<Derived> derived;
  for (std::size_t power = 2; power <= problem.moments; ++power) {
    for (std::size_t c = 0; c < columns; ++c) derived.push_back({c, c, power});
  }
  if (!problem.correlations) return derived;
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t d = c + 1; d < columns; ++d) derived.push_back({c, d, 0});
  }
  return derived;
}

}  // namespace

std::size_t kplus_width(const Problem& problem) {
  const auto columns = problem.columns - problem.indicators;
  const auto powers = columns * (problem.moments - 1);
  return problem.columns + powers +
         (problem.correlations && columns > 0 ? columns * (columns - 1) / 2 : 0);
}

std::vector<double> kplus_features(const Problem& problem) {
  const auto derived = derived_of(problem);
  if (derived.empty()) return weighted_values(problem);
  const auto all = problem.columns;
  const auto count = derived.size();
  std::vector<double> made(problem.rows * count);
  for (std::size_t r = 0; r < problem.rows; ++r) {
    const double* const row = &problem.values[r * all];
    for (std::size_t d = 0; d < count; ++d) {
      double value = derived[d].power == 0 ? row[derived[d].second] : 1;
      for (std::size_t n = 1; n < derived[d].power; ++n) value *= row[derived[d].first];
      made[r * count + d] = value * row[derived[d].first];
    }
  }
  // A column with two values as frequent as each other has equal squares but for rounding.
  constexpr double kRounding = 1e-9;
  const auto extremes = find_extremes(made, count);
  for (std::size_t d = 0; d < count; ++d) {
    const double largest = std::max(std::abs(extremes.low[d]), std::abs(extremes.high[d]));
    if (extremes.high[d] - extremes.low[d] > kRounding * largest) continue;
    for (std::size_t i = d; i < made.size(); i += count) made[i] = 0;
  }
  standardise(made, problem.rows, count);
  const auto width = all + count;
  std::vector<double> features(problem.rows * width);
  const auto weight = [&](std::size_t c) {
    return problem.weights.empty() ? 1.0 : problem.weights[c];
  };
  std::vector<double> weights;
  for (std::size_t c = 0; c < all; ++c) weights.push_back(weight(c));
  for (const auto& one : derived) {
    weights.push_back(std::sqrt(weight(one.first) * weight(one.second)));
  }
  for (std::size_t r = 0; r < problem.rows; ++r) {
    double* const row = &features[r * width];
    for (std::size_t c = 0; c < all; ++c) row[c] = problem.values[r * all + c] * weights[c];
    for (std::size_t d = 0; d < count; ++d) {
      row[all + d] = made[r * count + d] * weights[all + d];
    }
  }
  return features;
}

}  // namespace saola::split
