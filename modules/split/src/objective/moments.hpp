// The state of a search for kVariance and kKPlus: sums of features per group.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <saola/split/search.hpp>

#include "search/pace.hpp"

namespace saola::split {

// The columns, each times its weight.
std::vector<double> weighted_values(const Problem& problem);

// Numbers that kKPlus makes of each row; see RowFeatures.
std::size_t kplus_width(const Problem& problem);

// What a row contributes to kVariance and kKPlus, made when it is asked for, so that it is kept once
// only: each standardised column and, for kKPlus, of those that are no indicators the powers
// 2 … problem.moments and, if wanted, the products of each two, standardised in their turn. All are
// weighted; a product has the geometric mean of the two weights.
class RowFeatures {
 public:
  // Two passes over the values. `problem` must outlive it.
  RowFeatures(const Problem& problem, Objective objective, Pace& pace);

  std::size_t width() const { return problem_.columns + derived_.size(); }
  // REQUIRES: `out` holds width().
  void fill(std::size_t row, double* out) const;

 private:
  // A feature that is made of the columns: a power of one, or the product of two.
  struct Derived {
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    std::uint32_t power = 0;  // of `first`; 0: times `second`
    double mean = 0;
    double scale = 0;  // weight / sd; 0 where all rows have the same
  };
  static double value_of(const Derived& derived, const double* row);
  void find_moments(Pace& pace);

  const Problem& problem_;
  std::vector<double> weights_;  // of the columns
  std::vector<Derived> derived_;
};

// The features of all positions, shared by the states of several threads. Real is float where there are
// many: it decides between swaps, and the objective is evaluated in double.
template <typename Real = double>
struct Features {
  // `row_at`: the row at each position; empty: the rows' own order.
  Features(const RowFeatures& rows, std::size_t positions, std::span<const std::uint32_t> row_at,
           Pace& pace);

  const Real* at(std::size_t position) const { return &values[position * width]; }

  std::size_t width;           // of a row's, padded with zeros to a multiple of 4
  std::vector<Real> values;    // positions × width
  std::vector<double> square;  // |features|² of each position
};

// The between-group sum of squares, Σ over groups of |sum of members' features|² / size, for
// features of mean 0; minimised. A trial costs O(features), a swap too.
template <typename Real = double>
class Moments {
 public:
  // `features` must outlive it.
  Moments(const Features<Real>& features, std::span<const std::uint32_t> sizes);

  // Computes the sums: O(positions × features). False when `pace` stopped it.
  bool assign(std::vector<std::uint32_t> group_at, Pace& pace);
  const std::vector<std::uint32_t>& group_at() const { return group_at_; }
  std::uint32_t group(std::size_t position) const { return group_at_[position]; }
  std::size_t positions() const { return group_at_.size(); }

  // The objective, from the sums; with more than 64 groups the running one.
  double cost() const { return groups_ <= 64 ? from_sums() : running_; }
  // A change smaller than this is taken for rounding. Near a cost of 0 the running one may be below it.
  double tolerance() const { return 1e-9 * std::max(running_, 0.0) + rounding_; }

  // The change of cost() if positions i and j changed places. REQUIRES: in different groups.
  double delta(std::size_t i, std::size_t j) const;
  bool worth_preparing(std::size_t candidates) const { return groups_ <= candidates; }
  // Gets ready to try position i against many others: O(groups × features).
  void prepare(std::size_t i);
  // As in Distances: no trial is over before it is computed.
  bool can_beat(std::size_t /*j*/, double /*best*/) const { return true; }
  // The change of cost() if the prepared position and j changed places. REQUIRES: likewise.
  double delta(std::size_t j) const;
  void swap(std::size_t i, std::size_t j);

  // How little position p adds to the cost as a member of group g, but for a constant.
  double worth(std::size_t p, std::size_t g) const;

  // Rough costs in nanoseconds, for Pace.
  std::size_t trial_work() const { return 2 + width_ / 2; }
  std::size_t prepare_work() const { return groups_ * (2 + width_ / 2); }
  std::size_t random_trial_work() const { return 20 + width_; }
  std::size_t swap_work() const { return 4 * width_; }

 private:
  double from_sums() const;
  const Real* feature(std::size_t position) const { return features_.at(position); }

  const Features<Real>& features_;
  std::size_t width_;
  std::size_t groups_;
  std::vector<double> inverse_size_;
  std::vector<std::uint32_t> group_at_;
  std::vector<double> sums_;  // groups × width
  // The cost, kept up to date by the changes; differs from the sums' by rounding.
  double running_ = 0;
  // Of a delta.
  double rounding_ = 0;

  // For the prepared position i of group a, and each group b:
  // delta(j) = weight_[b] · |f_j|² + slope_[b] · f_j + offset_[b]
  std::vector<double> weight_;
  std::vector<double> slope_;  // groups × width
  std::vector<double> offset_;
};

}  // namespace saola::split
