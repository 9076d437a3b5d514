#include "distances.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "dot.hpp"

namespace saola::split {

namespace {

// Rows padded with zeros to `padded` columns, so that kernels need no remainder.
std::vector<double> pad(std::span<const double> values, std::size_t width, std::size_t padded) {
  const auto rows = values.size() / width;
  std::vector<double> out(rows * padded);
  for (std::size_t r = 0; r < rows; ++r) std::copy_n(&values[r * width], width, &out[r * padded]);
  return out;
}

std::size_t padded_width(std::size_t width) {
  return (width + 3) / 4 * 4;
}

}  // namespace

double sum_of_distances(std::span<const double> values, std::size_t width, Pace& pace) {
  const auto padded = padded_width(width);
  const auto rows = pad(values, width, padded);
  const auto count = values.size() / width;
  double total = 0;
  for (std::size_t i = 0; i < count && !pace.step(i * (4 + padded)); ++i) {
    double from_i = 0;
    for (std::size_t j = 0; j < i; ++j) {
      from_i += std::sqrt(squared_distance(&rows[i * padded], &rows[j * padded], padded));
    }
    total += from_i;
  }
  return total;
}

Distances::Distances(std::span<const double> values, std::size_t width, std::size_t groups,
                     Pace& pace)
    : width_(padded_width(width)),
      groups_(groups),
      positions_(values.size() / width),
      values_(pad(values, width, width_)) {
  if (positions_ <= kKeptUpTo) {
    std::vector<float> matrix(positions_ * positions_);
    for (std::size_t i = 0; i < positions_; ++i) {
      if (pace.step(i * (3 + width_))) return;
      for (std::size_t j = 0; j < i; ++j) {
        const auto d = static_cast<float>(distance(i, j));
        matrix[i * positions_ + j] = d;
        matrix[j * positions_ + i] = d;
      }
    }
    matrix_ = std::move(matrix);
  }
  to_group_.resize(groups_);
  from_i_.resize(positions_);
  from_j_.resize(positions_);
}

double Distances::distance(std::size_t i, std::size_t j) const {
  if (!matrix_.empty()) return matrix_[i * positions_ + j];
  return std::sqrt(squared_distance(&values_[i * width_], &values_[j * width_], width_));
}

void Distances::distances_from(std::size_t i, std::span<double> out) const {
  if (!matrix_.empty()) {
    std::copy_n(&matrix_[i * positions_], positions_, out.begin());
    return;
  }
  for (std::size_t p = 0; p < positions_; ++p) out[p] = distance(i, p);
}

bool Distances::assign(std::vector<std::uint32_t> group_at, Pace& pace) {
  group_at_ = std::move(group_at);
  sums_.assign(groups_ * positions_, 0);
  own_.resize(positions_);
  for (std::size_t i = 0; i < positions_; ++i) {
    if (pace.step(positions_ * (matrix_.empty() ? 4 + width_ : 2))) return false;
    distances_from(i, from_i_);
    double* const sums = &sums_[group_at_[i] * positions_];
    for (std::size_t p = 0; p < positions_; ++p) sums[p] += from_i_[p];
  }
  cost_ = 0;
  for (std::size_t p = 0; p < positions_; ++p) {
    own_[p] = sums_[group_at_[p] * positions_ + p];
    cost_ -= own_[p] / 2;
  }
  return true;
}

void Distances::prepare(std::size_t i) {
  prepared_ = i;
  prepared_group_ = group_at_[i];
  for (std::size_t g = 0; g < groups_; ++g) to_group_[g] = sums_[g * positions_ + i] - own_[i];
}

void Distances::swap(std::size_t i, std::size_t j) {
  prepare(i);
  cost_ += delta(j);
  const auto a = group_at_[i];
  const auto b = group_at_[j];
  distances_from(i, from_i_);
  distances_from(j, from_j_);
  double* const sums_a = &sums_[a * positions_];
  double* const sums_b = &sums_[b * positions_];
  for (std::size_t p = 0; p < positions_; ++p) {
    const double d = from_j_[p] - from_i_[p];
    sums_a[p] += d;
    sums_b[p] -= d;
  }
  std::swap(group_at_[i], group_at_[j]);
  for (std::size_t p = 0; p < positions_; ++p) own_[p] = sums_[group_at_[p] * positions_ + p];
}

}  // namespace saola::split
