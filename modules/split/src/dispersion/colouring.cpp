#include "dispersion/colouring.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace saola::split {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

using Graph = std::vector<std::vector<std::uint32_t>>;

Graph graph_of(std::size_t units, std::span<const Edge> edges) {
  Graph graph(units);
  for (const auto& [a, b] : edges) {
    graph[a].push_back(b);
    graph[b].push_back(a);
  }
  return graph;
}

// The units of each component that has an edge.
std::vector<std::vector<std::uint32_t>> components_of(const Graph& graph) {
  std::vector<std::vector<std::uint32_t>> components;
  std::vector<bool> seen(graph.size());
  for (std::uint32_t first = 0; first < graph.size(); ++first) {
    if (seen[first] || graph[first].empty()) continue;
    auto& component = components.emplace_back(1, first);
    seen[first] = true;
    for (std::size_t i = 0; i < component.size(); ++i) {
      for (const auto next : graph[component[i]]) {
        if (seen[next]) continue;
        seen[next] = true;
        component.push_back(next);
      }
    }
  }
  return components;
}

// Units without a group go where there is room.
void fill(std::vector<std::uint32_t>& groups, std::span<const std::uint32_t> sizes) {
  std::vector<std::uint32_t> room(sizes.begin(), sizes.end());
  for (const auto g : groups) {
    if (g != kNone) --room[g];
  }
  std::uint32_t open = 0;
  for (auto& g : groups) {
    if (g != kNone) continue;
    while (room[open] == 0) ++open;
    g = open;
    --room[open];
  }
}

Colouring two_colours(const Graph& graph, std::span<const std::uint32_t> sizes) {
  const auto components = components_of(graph);
  std::vector<std::uint32_t> side(graph.size(), kNone);
  // Of each component: units on side 0 and 1.
  std::vector<std::array<std::uint32_t, 2>> counts;
  std::size_t joined = 0;
  for (const auto& component : components) {
    counts.push_back({0, 0});
    joined += component.size();
    side[component.front()] = 0;
    for (const auto u : component) {  // in the order in which they were reached
      ++counts.back()[side[u]];
      for (const auto next : graph[u]) {
        if (side[next] == side[u]) return {Colourable::kNo, {}};
        side[next] = 1 - side[u];
      }
    }
  }
  // reach[c][n]: the first c components can put n units into group 0.
  std::vector<std::vector<bool>> reach(components.size() + 1, std::vector<bool>(joined + 1));
  reach[0][0] = true;
  for (std::size_t c = 0; c < components.size(); ++c) {
    for (std::size_t n = 0; n <= joined; ++n) {
      if (!reach[c][n]) continue;
      for (const auto part : counts[c]) reach[c + 1][n + part] = true;
    }
  }
  std::size_t chosen = joined + 1;
  for (std::size_t n = 0; n <= std::min<std::size_t>(joined, sizes[0]); ++n) {
    if (reach.back()[n] && joined - n <= sizes[1]) chosen = n;
  }
  if (chosen > joined) return {Colourable::kNo, {}};
  Colouring out{Colourable::kYes, std::vector<std::uint32_t>(graph.size(), kNone)};
  for (std::size_t c = components.size(); c-- > 0;) {
    const auto straight = counts[c][0];
    const bool turned = chosen < straight || !reach[c][chosen - straight];
    chosen -= counts[c][turned ? 1 : 0];
    for (const auto u : components[c]) out.group_of_unit[u] = turned ? 1 - side[u] : side[u];
  }
  fill(out.group_of_unit, sizes);
  return out;
}

class Search {
 public:
  Search(const Graph& graph, std::span<const std::uint32_t> sizes, std::uint64_t work)
      : graph_(graph),
        sizes_(sizes),
        work_(work),
        groups_(sizes.size()),
        group_of_(graph.size(), kNone),
        joined_(graph.size() * groups_),
        blocked_(graph.size()) {}

  // Colours these units, each group at most as large as `room` says.
  Colourable run(std::span<const std::uint32_t> units, std::vector<std::uint32_t> room) {
    room_ = std::move(room);
    struct Choice {
      std::uint32_t unit;
      std::vector<std::uint32_t> groups;  // left to try, the last first
    };
    std::vector<Choice> path;
    while (path.size() < units.size()) {
      if (spent_ > work_) return Colourable::kUnknown;
      const auto unit = most_constrained(units);
      path.push_back({unit, candidates(unit)});
      while (path.back().groups.empty()) {
        path.pop_back();
        if (path.empty()) return Colourable::kNo;
        take_back(path.back().unit);
      }
      auto& choice = path.back();
      const auto group = choice.groups.back();
      choice.groups.pop_back();
      put(choice.unit, group);
    }
    return Colourable::kYes;
  }

  void clear(std::span<const std::uint32_t> units) {
    for (const auto u : units) {
      if (group_of_[u] != kNone) take_back(u);
    }
  }
  const std::vector<std::uint32_t>& groups() const { return group_of_; }

 private:
  std::uint32_t most_constrained(std::span<const std::uint32_t> units) {
    spent_ += units.size();
    std::uint32_t best = kNone;
    for (const auto u : units) {
      if (group_of_[u] != kNone) continue;
      if (best == kNone || blocked_[u] > blocked_[best] ||
          (blocked_[u] == blocked_[best] && graph_[u].size() > graph_[best].size())) {
        best = u;
      }
    }
    return best;
  }

  // The one with most room last; of empty groups of the same size only one, for they are alike.
  std::vector<std::uint32_t> candidates(std::uint32_t unit) {
    spent_ += groups_;
    std::vector<std::uint32_t> out;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> tried;
    for (std::uint32_t g = 0; g < groups_; ++g) {
      if (room_[g] == 0 || joined_[unit * groups_ + g] > 0) continue;
      if (used_[g] == 0) {
        const std::pair empty{room_[g], sizes_[g]};
        if (std::find(tried.begin(), tried.end(), empty) != tried.end()) continue;
        tried.push_back(empty);
      }
      out.push_back(g);
    }
    std::stable_sort(out.begin(), out.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return room_[a] < room_[b]; });
    return out;
  }

  void put(std::uint32_t unit, std::uint32_t group) {
    group_of_[unit] = group;
    --room_[group];
    ++used_[group];
    for (const auto other : graph_[unit]) {
      if (joined_[other * groups_ + group]++ == 0) ++blocked_[other];
    }
    spent_ += graph_[unit].size();
  }
  void take_back(std::uint32_t unit) {
    const auto group = group_of_[unit];
    group_of_[unit] = kNone;
    ++room_[group];
    --used_[group];
    for (const auto other : graph_[unit]) {
      if (--joined_[other * groups_ + group] == 0) --blocked_[other];
    }
    spent_ += graph_[unit].size();
  }

  const Graph& graph_;
  std::span<const std::uint32_t> sizes_;
  const std::uint64_t work_;
  std::uint64_t spent_ = 0;
  std::size_t groups_;
  std::vector<std::uint32_t> group_of_;
  std::vector<std::uint32_t> joined_;   // units × groups: neighbours of the unit in the group
  std::vector<std::uint32_t> blocked_;  // groups with such a neighbour
  std::vector<std::uint32_t> room_;
  std::vector<std::uint32_t> used_ = std::vector<std::uint32_t>(groups_);
};

}  // namespace

Colouring colour(std::size_t units, std::span<const std::uint32_t> sizes,
                 std::span<const Edge> edges, std::uint64_t work) {
  const auto graph = graph_of(units, edges);
  if (sizes.size() == 2) return two_colours(graph, sizes);
  const auto components = components_of(graph);
  std::vector<std::uint32_t> all;
  Search search(graph, sizes, work);
  for (const auto& component : components) {
    // Alone and with all the room that there is: what cannot be coloured so cannot be at all.
    const std::vector<std::uint32_t> room(sizes.begin(), sizes.end());
    if (search.run(component, room) == Colourable::kNo) return {Colourable::kNo, {}};
    search.clear(component);
    all.insert(all.end(), component.begin(), component.end());
  }
  const auto found = search.run(all, {sizes.begin(), sizes.end()});
  if (found != Colourable::kYes) return {found, {}};
  Colouring out{Colourable::kYes, search.groups()};
  fill(out.group_of_unit, sizes);
  return out;
}

}  // namespace saola::split
