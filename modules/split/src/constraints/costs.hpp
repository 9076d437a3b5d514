// What an allotment of blocks costs; groups' sizes may change.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "constraints/allotment.hpp"
#include "objective/distances.hpp"

namespace saola::split {

class BlockCost {
 public:
  virtual ~BlockCost() = default;
  // Takes the allotment's groups.
  virtual void assign(const Allotment& allotment) = 0;
  // The change of the cost by a move, before and in making it.
  virtual double delta(const Allotment& allotment, const Move& move) const = 0;
  virtual void apply(const Allotment& allotment, const Move& move) = 0;
  virtual double cost() const = 0;
  // Of one delta(), in nanoseconds.
  virtual std::size_t work() const = 0;
};

// The between-group sum of squares of features of mean 0, rows × width.
std::unique_ptr<BlockCost> make_moments_cost(const std::vector<double>& features, std::size_t width,
                                             const Allotment& allotment);
// Minus the sum of distances within groups, each group's divided by its size when `average`.
std::unique_ptr<BlockCost> make_distances_cost(const DistanceTable& table, bool average,
                                               const Allotment& allotment);

}  // namespace saola::split
