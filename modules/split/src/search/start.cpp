#include "search/start.hpp"

#include <algorithm>
#include <numeric>
#include <span>

#include "search/apportion.hpp"

namespace saola::split {
namespace {

// strata × groups.
std::vector<std::uint32_t> counts_of(const Problem& problem, const Layout& layout, Random& random) {
  if (layout.strata.size() == 1) return problem.sizes;
  std::vector<std::uint32_t> sizes;
  for (const auto& range : layout.strata) sizes.push_back(range.size());
  return apportion(sizes, problem.sizes, random);
}

// One label a member, group after group.
void fill_labels(std::span<const std::uint32_t> counts, std::vector<std::uint32_t>& labels) {
  labels.clear();
  for (std::uint32_t g = 0; g < counts.size(); ++g) labels.insert(labels.end(), counts[g], g);
}

}  // namespace

std::vector<std::uint32_t> random_start(const Problem& problem, const Layout& layout,
                                        Random& random) {
  const auto counts = counts_of(problem, layout, random);
  const auto groups = problem.sizes.size();
  std::vector<std::uint32_t> assignment(problem.rows);
  std::vector<std::uint32_t> labels;
  for (std::size_t s = 0; s < layout.strata.size(); ++s) {
    fill_labels(std::span(counts).subspan(s * groups, groups), labels);
    random.shuffle(labels);
    std::copy(labels.begin(), labels.end(), assignment.begin() + layout.strata[s].begin);
  }
  return assignment;
}

std::vector<std::uint32_t> matched_start(const Problem& problem, const Layout& layout,
                                         Random& random) {
  const auto counts = counts_of(problem, layout, random);
  const auto groups = problem.sizes.size();
  std::vector<std::uint32_t> assignment(problem.rows);
  struct Slot {
    std::uint64_t due;
    std::uint64_t tie;
    std::uint32_t group;
  };
  std::vector<Slot> slots;
  for (std::size_t s = 0; s < layout.strata.size(); ++s) {
    // A group of n members in a stratum of m is due once in every m/n positions: its k-th member
    // within the k-th of n equal stretches, in a random order where stretches coincide.
    slots.clear();
    const std::uint64_t members = layout.strata[s].size();
    for (std::uint32_t g = 0; g < groups; ++g) {
      const std::uint64_t count = counts[s * groups + g];
      for (std::uint64_t k = 0; k < count; ++k) {
        slots.push_back({k * members / count, random.next(), g});
      }
    }
    std::sort(slots.begin(), slots.end(), [](const Slot& a, const Slot& b) {
      return a.due < b.due ||
             (a.due == b.due && (a.tie < b.tie || (a.tie == b.tie && a.group < b.group)));
    });
    for (std::size_t i = 0; i < slots.size(); ++i) {
      assignment[layout.strata[s].begin + i] = slots[i].group;
    }
  }
  return assignment;
}

}  // namespace saola::split
