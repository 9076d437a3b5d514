#include "objective/moments.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "objective/dot.hpp"

namespace saola::split {

template <typename Real>
Features<Real>::Features(const RowFeatures& rows, std::size_t positions,
                         std::span<const std::uint32_t> row_at, Pace& pace)
    : width((rows.width() + 3) / 4 * 4), values(positions * width), square(positions) {
  std::vector<std::uint32_t> position_of(row_at.size());
  for (std::uint32_t p = 0; p < row_at.size(); ++p) position_of[row_at[p]] = p;
  std::vector<double> made(width);
  // In the rows' order, in which their columns lie.
  for (std::size_t r = 0; r < positions && !pace.step(1 + 4 * width); ++r) {
    const auto p = row_at.empty() ? r : position_of[r];
    rows.fill(r, made.data());
    std::copy(made.begin(), made.end(), values.begin() + static_cast<std::ptrdiff_t>(p * width));
    square[p] = dot(at(p), at(p), width);
  }
}

template <typename Real>
Moments<Real>::Moments(const Features<Real>& features, std::span<const std::uint32_t> sizes)
    : features_(features), width_(features.width), groups_(sizes.size()) {
  for (const auto size : sizes) inverse_size_.push_back(1.0 / size);
  constexpr double kRounding = 1e-14;
  rounding_ = kRounding * *std::max_element(inverse_size_.begin(), inverse_size_.end()) *
              *std::max_element(features.square.begin(), features.square.end());
  weight_.resize(groups_);
  slope_.resize(groups_ * width_);
  offset_.resize(groups_);
}

template <typename Real>
bool Moments<Real>::assign(std::vector<std::uint32_t> group_at, Pace& pace) {
  group_at_ = std::move(group_at);
  sums_.assign(groups_ * width_, 0);
  for (std::size_t p = 0; p < group_at_.size(); ++p) {
    double* const sum = &sums_[group_at_[p] * width_];
    const Real* const f = feature(p);
    for (std::size_t c = 0; c < width_; ++c) sum[c] += f[c];
  }
  running_ = from_sums();
  return !pace.step(group_at_.size() * (1 + width_ / 4));
}

template <typename Real>
double Moments<Real>::from_sums() const {
  double total = 0;
  for (std::size_t g = 0; g < groups_; ++g) {
    total += dot(&sums_[g * width_], &sums_[g * width_], width_) * inverse_size_[g];
  }
  return total;
}

template <typename Real>
double Moments<Real>::delta(std::size_t i, std::size_t j) const {
  const auto a = group_at_[i];
  const auto b = group_at_[j];
  const Real* const f_i = feature(i);
  const Real* const f_j = feature(j);
  const double* const sum_a = &sums_[a * width_];
  const double* const sum_b = &sums_[b * width_];
  // 2 (m_a - m_b) · d + (1/n_a + 1/n_b) |d|² with d = f_j - f_i and m a group's mean.
  double slope = 0;
  double square = 0;
  for (std::size_t c = 0; c < width_; ++c) {
    const double d = static_cast<double>(f_j[c]) - f_i[c];
    slope += d * (sum_a[c] * inverse_size_[a] - sum_b[c] * inverse_size_[b]);
    square += d * d;
  }
  return 2 * slope + square * (inverse_size_[a] + inverse_size_[b]);
}

template <typename Real>
void Moments<Real>::prepare(std::size_t i) {
  // delta(i, j) multiplied out by powers of f_j.
  const auto a = group_at_[i];
  const Real* const f = feature(i);
  const double* const sum_a = &sums_[a * width_];
  for (std::size_t b = 0; b < groups_; ++b) {
    const double w = inverse_size_[a] + inverse_size_[b];
    const double* const sum_b = &sums_[b * width_];
    double* const slope = &slope_[b * width_];
    for (std::size_t c = 0; c < width_; ++c) {
      slope[c] = 2 * (sum_a[c] * inverse_size_[a] - sum_b[c] * inverse_size_[b]);
    }
    weight_[b] = w;
    offset_[b] = w * features_.square[i] - dot(slope, f, width_);
    for (std::size_t c = 0; c < width_; ++c) slope[c] -= 2 * w * f[c];
  }
}

template <typename Real>
double Moments<Real>::delta(std::size_t j) const {
  const auto b = group_at_[j];
  return weight_[b] * features_.square[j] + offset_[b] +
         dot(&slope_[b * width_], feature(j), width_);
}

template <typename Real>
double Moments<Real>::worth(std::size_t p, std::size_t g) const {
  const double slope = 2 * dot(feature(p), &sums_[g * width_], width_);
  return -(group_at_[p] == g ? slope - features_.square[p] : slope + features_.square[p]) *
         inverse_size_[g];
}

template <typename Real>
void Moments<Real>::swap(std::size_t i, std::size_t j) {
  running_ += delta(i, j);
  double* const sum_a = &sums_[group_at_[i] * width_];
  double* const sum_b = &sums_[group_at_[j] * width_];
  for (std::size_t c = 0; c < width_; ++c) {
    const double d = static_cast<double>(feature(j)[c]) - feature(i)[c];
    sum_a[c] += d;
    sum_b[c] -= d;
  }
  std::swap(group_at_[i], group_at_[j]);
}

template struct Features<float>;
template struct Features<double>;
template class Moments<float>;
template class Moments<double>;

}  // namespace saola::split
