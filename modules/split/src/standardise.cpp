#include <algorithm>
#include <cmath>
#include <vector>

#include <saola/split/search.hpp>

#include "moments.hpp"

namespace saola::split {

void standardise(std::vector<double>& values, std::size_t rows, std::size_t columns) {
  for (std::size_t c = 0; c < columns; ++c) {
    double low = values[c];
    double high = values[c];
    for (std::size_t i = c; i < rows * columns; i += columns) {
      low = std::min(low, values[i]);
      high = std::max(high, values[i]);
    }
    if (low == high) {
      for (std::size_t i = c; i < rows * columns; i += columns) values[i] = 0;
      continue;
    }
    // By an exact power of two into -1 … 1, so that neither sums nor squares overflow.
    const int exponent = std::ilogb(std::max(std::abs(low), std::abs(high))) + 1;
    double sum = 0;
    for (std::size_t i = c; i < rows * columns; i += columns) {
      values[i] = std::ldexp(values[i], -exponent);
      sum += values[i];
    }
    const double mean = sum / static_cast<double>(rows);
    double squares = 0;
    for (std::size_t i = c; i < rows * columns; i += columns) {
      values[i] -= mean;
      squares += values[i] * values[i];
    }
    const double sd = std::sqrt(squares / static_cast<double>(rows - 1));
    for (std::size_t i = c; i < rows * columns; i += columns) {
      values[i] = sd > 0 ? values[i] / sd : 0;
    }
  }
}

std::vector<double> kplus_features(const Problem& problem) {
  const auto columns = problem.columns;
  std::vector<double> squares(problem.rows * columns);
  for (std::size_t i = 0; i < squares.size(); ++i) {
    squares[i] = problem.values[i] * problem.values[i];
  }
  // A column with two values as frequent as each other has equal squares but for rounding.
  constexpr double kRounding = 1e-9;
  for (std::size_t c = 0; c < columns; ++c) {
    double low = squares[c];
    double high = squares[c];
    for (std::size_t i = c; i < squares.size(); i += columns) {
      low = std::min(low, squares[i]);
      high = std::max(high, squares[i]);
    }
    if (high - low > kRounding * high) continue;
    for (std::size_t i = c; i < squares.size(); i += columns) squares[i] = 0;
  }
  standardise(squares, problem.rows, columns);
  std::vector<double> features(2 * squares.size());
  for (std::size_t r = 0; r < problem.rows; ++r) {
    std::copy_n(&problem.values[r * columns], columns, &features[2 * r * columns]);
    std::copy_n(&squares[r * columns], columns, &features[(2 * r + 1) * columns]);
  }
  return features;
}

}  // namespace saola::split
