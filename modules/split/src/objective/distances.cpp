#include "objective/distances.hpp"

#include <algorithm>
#include <utility>

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

DistanceTable::DistanceTable(std::span<const double> values, std::size_t width, Pace& pace)
    : points_(values, width) {
  const auto count = points_.count();
  if (count > kKeptUpTo) return;
  std::vector<float> matrix(count * count);
  for (std::size_t i = 0; i < count; ++i) {
    if (pace.step(count * points_.work())) return;
    points_.distances(i, count, &matrix[i * count]);
  }
  matrix_ = std::move(matrix);
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
