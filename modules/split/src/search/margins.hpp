// How evenly the levels of several strata columns are spread over the groups.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <saola/split/search.hpp>

#include "search/random.hpp"

namespace saola::split {

// Counts rows by level and group: for each factor, for each pair of factors and for each stratum
// (combination of all). Their squared distances from proportional counts are weighed so that a
// factor comes before a pair, and a pair before a combination.
class Margins {
 public:
  explicit Margins(const Problem& problem);

  // Takes counts of strata × groups.
  void assign(std::span<const std::uint32_t> counts);
  // Takes an assignment; `stratum_at` and `group_at` run over the same positions.
  void assign(std::span<const std::uint32_t> stratum_at, std::span<const std::uint32_t> group_at);

  // The change of the cost if one row of stratum s went from group a to b and one of stratum t from
  // b to a. REQUIRES: a ≠ b.
  double delta(std::uint32_t s, std::uint32_t t, std::uint32_t a, std::uint32_t b) const;
  // True when such an exchange leaves the spread as good as it is.
  bool allows(std::uint32_t s, std::uint32_t t, std::uint32_t a, std::uint32_t b) const {
    return s == t || delta(s, t, a, b) <= kRounding;
  }
  void exchange(std::uint32_t s, std::uint32_t t, std::uint32_t a, std::uint32_t b);

  // Improves counts that sum to the strata's and groups' sizes, and keeps those sums.
  void improve(std::vector<std::uint32_t>& counts, Random& random);

 private:
  static constexpr double kRounding = 1e-6;
  struct Margin {
    double weight = 0;
    std::vector<std::uint32_t> level_of_stratum;
    std::vector<double> expected;  // levels × groups
    std::vector<double> count;     // levels × groups
  };
  void add_margin(double weight, std::vector<std::uint32_t> levels, const Problem& problem);

  std::size_t strata_ = 0;
  std::size_t groups_ = 0;
  std::vector<double> stratum_sizes_;
  std::vector<Margin> margins_;
};

}  // namespace saola::split
