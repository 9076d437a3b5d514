#include "objective/distances.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "objective/moments.hpp"

namespace saola::split {

double sum_of_distances(std::span<const double> values, std::size_t width, Pace& pace) {
  const Points<double> points(values, width);
  std::vector<double> from(points.count());
  double total = 0;
  for (std::size_t i = 0; i < points.count() && !pace.step(i * (1 + 2 * points.work())); ++i) {
    points.distances(i, i, from.data());
    double sum = 0;
    for (std::size_t j = 0; j < i; ++j) sum += from[j];
    total += sum;
  }
  return total;
}

double smallest_distance(std::span<const double> values, std::size_t width, Pace& pace) {
  const Points<double> points(values, width);
  std::vector<double> from(points.count());
  double smallest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i < points.count() && !pace.step(i * (1 + 2 * points.work())); ++i) {
    points.distances(i, i, from.data());
    for (std::size_t j = 0; j < i; ++j) smallest = std::min(smallest, from[j]);
  }
  return smallest;
}

DistanceTable::DistanceTable(std::span<const double> values, std::size_t width, Pace& pace)
    : points_(values, width), positions_(points_.count()) {
  const auto count = positions_;
  if (count > kKeptUpTo) return;
  std::vector<float> matrix(count * count);
  for (std::size_t i = 0; i < count; ++i) {
    if (pace.step(count * points_.work())) return;
    points_.distances(i, count, &matrix[i * count]);
  }
  matrix_ = std::move(matrix);
}

DistanceTable::DistanceTable(std::vector<float> matrix, std::size_t positions)
    : points_({}, 1), matrix_(std::move(matrix)), positions_(positions) {
  double sum = 0;
  for (const float d : matrix_) sum += d;
  if (sum > 0) scale_ = sum / static_cast<double>(matrix_.size());
}

DistanceTable make_distance_table(const Problem& problem, std::span<const std::uint32_t> row_at,
                                  Pace& pace) {
  const auto row = [&](std::size_t p) { return row_at.empty() ? p : row_at[p]; };
  const auto rows = problem.rows;
  if (!problem.distances.empty()) {
    std::vector<float> matrix(rows * rows);
    for (std::size_t p = 0; p < rows && !pace.step(rows); ++p) {
      for (std::size_t q = 0; q < rows; ++q) {
        matrix[p * rows + q] = problem.distances[row(p) * rows + row(q)];
      }
    }
    return {std::move(matrix), rows};
  }
  auto values = weighted_values(problem);
  const auto width = problem.columns;
  if (!row_at.empty()) {
    std::vector<double> ordered(values.size());
    for (std::size_t p = 0; p < rows; ++p) {
      std::copy_n(&values[row_at[p] * width], width, &ordered[p * width]);
    }
    values = std::move(ordered);
  }
  return {values, width, pace};
}

const float* DistanceTable::from(std::size_t i, std::vector<float>& room) const {
  if (!matrix_.empty()) return &matrix_[i * positions()];
  room.resize(positions());
  points_.distances(i, positions(), room.data());
  return room.data();
}

Distances::Distances(const DistanceTable& table, std::vector<double> weights)
    : table_(table),
      weights_(std::move(weights)),
      largest_weight_(*std::max_element(weights_.begin(), weights_.end())),
      groups_(weights_.size()),
      positions_(table.positions()),
      own_(positions_),
      to_group_(groups_) {}

void Distances::set_own() {
  for (std::size_t p = 0; p < positions_; ++p) own_[p] = sums_[group_at_[p] * positions_ + p];
}

bool Distances::assign(std::vector<std::uint32_t> group_at, Pace& pace) {
  group_at_ = std::move(group_at);
  sums_.assign(groups_ * positions_, 0);
  for (std::size_t i = 0; i < positions_; ++i) {
    if (pace.step(positions_ * (1 + table_.work()))) return false;
    const float* const __restrict from = table_.from(i, from_i_);
    double* const __restrict sums = &sums_[group_at_[i] * positions_];
    for (std::size_t p = 0; p < positions_; ++p) sums[p] += from[p];
  }
  set_own();
  cost_ = 0;
  for (std::size_t p = 0; p < positions_; ++p) cost_ -= weights_[group_at_[p]] * own_[p] / 2;
  return true;
}

void Distances::prepare(std::size_t i) {
  prepared_ = i;
  prepared_group_ = group_at_[i];
  for (std::size_t g = 0; g < groups_; ++g) {
    to_group_[g] = weights_[g] * sums_[g * positions_ + i] - weights_[prepared_group_] * own_[i];
  }
}

void Distances::swap(std::size_t i, std::size_t j) {
  cost_ += delta(i, j);
  const float* const __restrict from_i = table_.from(i, from_i_);
  const float* const __restrict from_j = table_.from(j, from_j_);
  double* const __restrict sums_a = &sums_[group_at_[i] * positions_];
  double* const __restrict sums_b = &sums_[group_at_[j] * positions_];
  for (std::size_t p = 0; p < positions_; ++p) {
    const double d = static_cast<double>(from_j[p]) - from_i[p];
    sums_a[p] += d;
    sums_b[p] -= d;
  }
  std::swap(group_at_[i], group_at_[j]);
  set_own();
}

}  // namespace saola::split
