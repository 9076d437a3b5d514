// The state of a search for kDiversity: sums of Euclidean distances from each position to each
// group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "objective/points.hpp"
#include "search/pace.hpp"

namespace saola::split {

// The sum over all pairs of the rows × width values. Meaningless when `pace` stopped it.
double sum_of_distances(std::span<const double> values, std::size_t width, Pace& pace);

// Minus the sum of distances within groups; minimised. A trial costs O(1), a swap O(positions).
class Distances {
 public:
  // Up to so many positions the distances between all are kept, 4 bytes each; beyond, they are
  // computed when needed.
  static constexpr std::size_t kKeptUpTo = 6000;

  // `values` is positions × width.
  Distances(std::span<const double> values, std::size_t width, std::size_t groups, Pace& pace);

  // Computes the sums: O(positions²). False when `pace` stopped it; the state is then unusable.
  bool assign(std::vector<std::uint32_t> group_at, Pace& pace);
  const std::vector<std::uint32_t>& group_at() const { return group_at_; }
  std::uint32_t group(std::size_t position) const { return group_at_[position]; }
  std::size_t positions() const { return group_at_.size(); }

  // The objective with the sign turned, kept up to date.
  double cost() const { return cost_; }
  // A change smaller than this is taken for rounding (a distance is about 1).
  double tolerance() const { return 1e-7; }

  // The change of cost() if positions i and j changed places.
  // REQUIRES: they are in different groups.
  double delta(std::size_t i, std::size_t j) const {
    const auto a = group_at_[i];
    const auto b = group_at_[j];
    return 2 * distance(i, j) -
           (sums_[b * positions_ + i] - own_[i] + sums_[a * positions_ + j] - own_[j]);
  }
  // The same in two steps: gets ready to try position i against many others …
  void prepare(std::size_t i);
  // … of which this says false when the change is certainly not below `best`: distances are ≥ 0, so
  // most trials near an optimum are over before the distance between the two is looked at …
  bool can_beat(std::size_t j, double best) const { return -gain_without_pair(j) < best; }
  // … and this is the change.
  double delta(std::size_t j) const { return 2 * distance(prepared_, j) - gain_without_pair(j); }

  void swap(std::size_t i, std::size_t j);

  // As in Moments.
  std::size_t trial_work() const { return 2; }
  std::size_t prepare_work() const { return groups_ * 2; }
  std::size_t random_trial_work() const { return 12; }
  std::size_t swap_work() const {
    return positions_ * (matrix_.empty() ? 2 + 2 * points_.work() : 3);
  }

 private:
  double distance(std::size_t i, std::size_t j) const {
    return matrix_.empty() ? points_.distance(i, j) : matrix_[i * positions_ + j];
  }
  double gain_without_pair(std::size_t j) const {
    return to_group_[group_at_[j]] + sums_[prepared_group_ * positions_ + j] - own_[j];
  }
  // The distances from i to all; `room` may be used to hold them.
  const float* distances_from(std::size_t i, std::vector<float>& room) const;
  void set_own();

  std::size_t groups_;
  std::size_t positions_;
  Points<float> points_;
  std::vector<float> matrix_;  // positions × positions, or empty
  std::vector<std::uint32_t> group_at_;
  double cost_ = 0;
  std::vector<double> sums_;  // groups × positions: distance of the position to all of the group
  std::vector<double> own_;   // of each position: the same to its own group
  std::vector<float> from_i_;
  std::vector<float> from_j_;

  std::size_t prepared_ = 0;
  std::uint32_t prepared_group_ = 0;
  std::vector<double> to_group_;  // of the prepared position: sum to that group minus to its own
};

}  // namespace saola::split
