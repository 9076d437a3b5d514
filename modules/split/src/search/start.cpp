#include "search/start.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <span>
#include <tuple>

#include "search/apportion.hpp"
#include "search/margins.hpp"

namespace saola::split {
namespace {

// The positions of each stratum, in their order.
std::vector<std::vector<std::uint32_t>> members_of(const Layout& layout) {
  std::vector<std::vector<std::uint32_t>> members;
  if (layout.stratum_at.empty()) {
    members.emplace_back(layout.row_at.size());
    std::iota(members[0].begin(), members[0].end(), 0U);
    return members;
  }
  members.resize(*std::max_element(layout.stratum_at.begin(), layout.stratum_at.end()) + 1);
  for (std::uint32_t p = 0; p < layout.stratum_at.size(); ++p) {
    members[layout.stratum_at[p]].push_back(p);
  }
  return members;
}

// strata × groups.
std::vector<std::uint32_t> counts_of(const Problem& problem,
                                     const std::vector<std::vector<std::uint32_t>>& members,
                                     Random& random) {
  if (members.size() == 1) return problem.sizes;
  std::vector<std::uint32_t> sizes;
  for (const auto& stratum : members) sizes.push_back(static_cast<std::uint32_t>(stratum.size()));
  auto counts = apportion(sizes, problem.sizes, random);
  if (problem.factors.size() > 1) Margins(problem).improve(counts, random);
  return counts;
}

// One label a member, group after group.
void fill_labels(std::span<const std::uint32_t> counts, std::vector<std::uint32_t>& labels) {
  labels.clear();
  for (std::uint32_t g = 0; g < counts.size(); ++g) labels.insert(labels.end(), counts[g], g);
}

}  // namespace

std::vector<std::uint32_t> random_start(const Problem& problem, const Layout& layout,
                                        Random& random) {
  const auto members = members_of(layout);
  const auto counts = counts_of(problem, members, random);
  const auto groups = problem.sizes.size();
  std::vector<std::uint32_t> assignment(problem.rows);
  std::vector<std::uint32_t> labels;
  for (std::size_t s = 0; s < members.size(); ++s) {
    fill_labels(std::span(counts).subspan(s * groups, groups), labels);
    random.shuffle(labels);
    for (std::size_t i = 0; i < labels.size(); ++i) assignment[members[s][i]] = labels[i];
  }
  return assignment;
}

std::vector<std::uint32_t> matched_start(const Problem& problem, const Layout& layout,
                                         Random& random) {
  const auto members = members_of(layout);
  const auto counts = counts_of(problem, members, random);
  const auto groups = problem.sizes.size();
  std::vector<std::uint32_t> assignment(problem.rows);
  // A group of n members in a stratum of m is due once in every m/n positions: its k-th member within
  // the k-th of n equal stretches, in a random order where stretches coincide.
  struct Turn {
    std::uint64_t due;
    std::uint64_t tie;
    std::uint32_t group;
    bool operator>(const Turn& other) const {
      return std::tie(due, tie, group) > std::tie(other.due, other.tie, other.group);
    }
  };
  for (std::size_t s = 0; s < members.size(); ++s) {
    const std::uint64_t size = members[s].size();
    std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
    std::vector<std::uint64_t> taken(groups);
    const auto enter = [&](std::uint32_t g) {
      const std::uint64_t count = counts[s * groups + g];
      if (taken[g] < count) turns.push({taken[g] * size / count, random.next(), g});
    };
    for (std::uint32_t g = 0; g < groups; ++g) enter(g);
    for (const auto position : members[s]) {
      const auto g = turns.top().group;
      turns.pop();
      assignment[position] = g;
      ++taken[g];
      enter(g);
    }
  }
  return assignment;
}

}  // namespace saola::split
