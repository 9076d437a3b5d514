// The state of a search for kDiversity and kAverageDiversity: sums of Euclidean distances from each
// position to each group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <saola/split/search.hpp>

#include "objective/points.hpp"
#include "search/pace.hpp"

namespace saola::split {

// The sum over all pairs of the rows × width values. Meaningless when `pace` stopped it.
double sum_of_distances(std::span<const double> values, std::size_t width, Pace& pace);

// The smallest of them; infinity for a single row. Meaningless when `pace` stopped it.
double smallest_distance(std::span<const double> values, std::size_t width, Pace& pace);

// All distances, shared by the states of several threads.
class DistanceTable {
 public:
  // Up to so many positions the distances between all are kept, 4 bytes each; beyond, they are
  // computed when needed.
  static constexpr std::size_t kKeptUpTo = 6000;

  // `values` is positions × width.
  DistanceTable(std::span<const double> values, std::size_t width, Pace& pace);
  // Given ones, positions × positions.
  DistanceTable(std::vector<float> matrix, std::size_t positions);

  std::size_t positions() const { return positions_; }
  // How large a distance usually is.
  double scale() const { return scale_; }
  bool kept() const { return !matrix_.empty(); }
  // Rough cost in nanoseconds of a distance that is not kept.
  std::size_t work() const { return points_.work(); }
  double between(std::size_t i, std::size_t j) const {
    return matrix_.empty() ? points_.distance(i, j) : matrix_[i * positions() + j];
  }
  // From i to all; `room` may be used to hold them.
  const float* from(std::size_t i, std::vector<float>& room) const;

 private:
  Points<float> points_;
  std::vector<float> matrix_;  // positions × positions, or empty
  std::size_t positions_;
  double scale_ = 1;
};

// The distances of a problem's rows, given or Euclidean over the weighted columns. `row_at`: the row
// at each position; empty: the rows' own order.
DistanceTable make_distance_table(const Problem& problem, std::span<const std::uint32_t> row_at,
                                  Pace& pace);

// Minus the sum over groups of weight × the sum of distances within; minimised. A trial costs O(1),
// a swap O(positions).
class Distances {
 public:
  // One weight a group: 1 for kDiversity, 1 / size for kAverageDiversity. `table` must outlive it.
  Distances(const DistanceTable& table, std::vector<double> weights);

  // Computes the sums: O(positions²). False when `pace` stopped it; the state is then unusable.
  bool assign(std::vector<std::uint32_t> group_at, Pace& pace);
  const std::vector<std::uint32_t>& group_at() const { return group_at_; }
  std::uint32_t group(std::size_t position) const { return group_at_[position]; }
  std::size_t positions() const { return group_at_.size(); }

  // The objective with the sign turned, kept up to date.
  double cost() const { return cost_; }
  // A change smaller than this is taken for rounding.
  double tolerance() const { return 1e-7 * largest_weight_ * table_.scale(); }

  // The change of cost() if positions i and j changed places.
  // REQUIRES: they are in different groups.
  double delta(std::size_t i, std::size_t j) const {
    const auto a = group_at_[i];
    const auto b = group_at_[j];
    return (weights_[a] + weights_[b]) * table_.between(i, j) -
           weights_[b] * (sums_[b * positions_ + i] - own_[j]) -
           weights_[a] * (sums_[a * positions_ + j] - own_[i]);
  }
  bool worth_preparing(std::size_t /*candidates*/) const { return true; }
  // The same in two steps: gets ready to try position i against many others …
  void prepare(std::size_t i);
  // … of which this says false when the change is certainly not below `best`: distances are ≥ 0, so
  // most trials near an optimum are over before the distance between the two is looked at …
  bool can_beat(std::size_t j, double best) const { return -gain_without_pair(j) < best; }
  // … and this is the change.
  double delta(std::size_t j) const {
    return (weights_[prepared_group_] + weights_[group_at_[j]]) * table_.between(prepared_, j) -
           gain_without_pair(j);
  }

  void swap(std::size_t i, std::size_t j);

  // How far position p is from the members of group g, as the cost weighs it: what it is worth there.
  double worth(std::size_t p, std::size_t g) const {
    return weights_[g] * sums_[g * positions_ + p];
  }

  // As in Moments.
  std::size_t trial_work() const { return 2; }
  std::size_t prepare_work() const { return groups_ * 2; }
  std::size_t random_trial_work() const { return 12; }
  std::size_t swap_work() const { return positions_ * (table_.kept() ? 3 : 2 + 2 * table_.work()); }

 private:
  double gain_without_pair(std::size_t j) const {
    const auto b = group_at_[j];
    return to_group_[b] + weights_[prepared_group_] * sums_[prepared_group_ * positions_ + j] -
           weights_[b] * own_[j];
  }
  void set_own();

  const DistanceTable& table_;
  std::vector<double> weights_;
  double largest_weight_;
  std::size_t groups_;
  std::size_t positions_;
  std::vector<std::uint32_t> group_at_;
  double cost_ = 0;
  std::vector<double> sums_;  // groups × positions: distance of the position to all of the group
  std::vector<double> own_;   // of each position: the same to its own group
  std::vector<float> from_i_;
  std::vector<float> from_j_;

  std::size_t prepared_ = 0;
  std::uint32_t prepared_group_ = 0;
  // Of the prepared position: weighted sum to that group minus weighted sum to its own.
  std::vector<double> to_group_;
};

}  // namespace saola::split
