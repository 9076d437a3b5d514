// Sums of Euclidean distances: within a set, and the state of a search for kDiversity, which is
// sums of distances from each position to each group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <saola/split/search.hpp>

#include "pace.hpp"

namespace saola::split {

// Over all pairs of the positions × width values. Meaningless when `pace` stopped it.
double sum_of_distances(std::span<const double> values, std::size_t width, Pace& pace);

// Minus the sum of Euclidean distances within groups; minimised. A trial costs O(1) beside the one
// distance between the two, a swap O(positions).
class Distances {
 public:
  // Whether distances between that many positions are kept (4 bytes each) or computed anew.
  static constexpr std::size_t kKeptUpTo = 6000;

  // `values` is positions × width.
  Distances(std::span<const double> values, std::size_t width, std::size_t groups, Pace& pace);

  // Computes the sums: O(positions²). False when `pace` stopped it; the state is then unusable.
  bool assign(std::vector<std::uint32_t> group_at, Pace& pace);
  const std::vector<std::uint32_t>& group_at() const { return group_at_; }
  std::uint32_t group(std::size_t position) const { return group_at_[position]; }
  std::size_t positions() const { return group_at_.size(); }

  double cost() const { return cost_; }
  double tolerance() const { return 1e-9; }

  void prepare(std::size_t i);
  // False when the change is certainly above `best`: distances are ≥ 0, so most trials near an
  // optimum are over before the distance between the two is looked at.
  bool can_beat(std::size_t j, double best) const { return -gain_without_pair(j) < best; }
  double delta(std::size_t j) const { return 2 * distance(prepared_, j) - gain_without_pair(j); }
  void swap(std::size_t i, std::size_t j);

  std::size_t trial_work() const { return 2; }
  std::size_t swap_work() const { return positions_ * (matrix_.empty() ? 6 + 2 * width_ : 3); }

  double distance(std::size_t i, std::size_t j) const;

 private:
  double gain_without_pair(std::size_t j) const {
    return to_group_[group_at_[j]] + sums_[prepared_group_ * positions_ + j] - own_[j];
  }
  void distances_from(std::size_t i, std::span<double> out) const;

  std::size_t width_;  // columns, padded with zeros to a multiple of 4
  std::size_t groups_;
  std::size_t positions_;
  std::vector<double> values_;  // positions × width
  std::vector<float> matrix_;   // positions × positions, or empty
  std::vector<std::uint32_t> group_at_;
  std::vector<double> sums_;  // groups × positions: distance of the position to all of the group
  std::vector<double> own_;   // the same to its own group
  double cost_ = 0;
  std::size_t prepared_ = 0;
  std::uint32_t prepared_group_ = 0;
  std::vector<double> to_group_;  // of the prepared position: sum to that group minus to its own
  std::vector<double> from_i_;
  std::vector<double> from_j_;
};

}  // namespace saola::split
