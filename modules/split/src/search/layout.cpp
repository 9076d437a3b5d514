#include "search/layout.hpp"

#include <algorithm>
#include <numeric>
#include <span>

namespace saola::split {
namespace {

// One value of a row; equal values are ordered by row, so that every sort has one answer.
struct Key {
  float value;
  std::uint32_t row;
  friend bool operator<(const Key& a, const Key& b) {
    return a.value < b.value || (a.value == b.value && a.row < b.row);
  }
};

class KdOrder {
 public:
  // `values`: rows × columns, in single precision, which is enough to say who is near.
  KdOrder(const std::vector<float>& values, std::size_t columns, Pace& pace)
      : values_(values), columns_(columns), pace_(pace) {}

  // Orders `rows` by halving at the median of the widest column, down to single rows.
  void order(std::span<std::uint32_t> rows) {
    if (rows.size() < 3 || pace_.step(rows.size() * (columns_ + 16))) return;
    const auto column = widest_column(rows);
    keys_.resize(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      keys_[i] = {values_[rows[i] * columns_ + column], rows[i]};
    }
    constexpr std::size_t kLeaf = 8;
    const auto half = rows.size() / 2;
    if (rows.size() <= kLeaf) {
      std::sort(keys_.begin(), keys_.end());
    } else {
      std::nth_element(keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(half),
                       keys_.end());
    }
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = keys_[i].row;
    if (rows.size() <= kLeaf) return;
    order(rows.subspan(0, half));
    order(rows.subspan(half));
  }

 private:
  std::size_t widest_column(std::span<const std::uint32_t> rows) {
    const auto columns = columns_;
    low_.assign(columns, 0);
    high_.assign(columns, 0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const float* const row = &values_[rows[i] * columns];
      for (std::size_t c = 0; c < columns; ++c) {
        low_[c] = i == 0 ? row[c] : std::min(low_[c], row[c]);
        high_[c] = i == 0 ? row[c] : std::max(high_[c], row[c]);
      }
    }
    std::size_t widest = 0;
    for (std::size_t c = 1; c < columns; ++c) {
      if (high_[c] - low_[c] > high_[widest] - low_[widest]) widest = c;
    }
    return widest;
  }

  const std::vector<float>& values_;
  const std::size_t columns_;
  Pace& pace_;
  std::vector<Key> keys_;
  std::vector<float> low_;
  std::vector<float> high_;
};

// The same for given distances: halved by which of two far rows is nearer (FastMap's line, Faloutsos
// and Lin 1995).
class DistanceOrder {
 public:
  DistanceOrder(const Problem& problem, Pace& pace) : problem_(problem), pace_(pace) {}

  void order(std::span<std::uint32_t> rows) {
    if (rows.size() < 3 || pace_.step(rows.size() * 16)) return;
    const auto a = farthest(rows, rows.front());
    const auto b = farthest(rows, a);
    std::vector<Key> keys;
    for (const auto row : rows) {
      const double to_a = distance(row, a);
      const double to_b = distance(row, b);
      keys.push_back({static_cast<float>(to_a * to_a - to_b * to_b), row});
    }
    std::sort(keys.begin(), keys.end());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = keys[i].row;
    constexpr std::size_t kLeaf = 8;
    if (rows.size() <= kLeaf) return;
    order(rows.subspan(0, rows.size() / 2));
    order(rows.subspan(rows.size() / 2));
  }

 private:
  float distance(std::uint32_t i, std::uint32_t j) const {
    return problem_.distances[i * problem_.rows + j];
  }
  std::uint32_t farthest(std::span<const std::uint32_t> rows, std::uint32_t from) const {
    return *std::max_element(rows.begin(), rows.end(), [&](std::uint32_t a, std::uint32_t b) {
      return distance(from, a) < distance(from, b);
    });
  }

  const Problem& problem_;
  Pace& pace_;
};

class RowOrder {
 public:
  RowOrder(const Problem& problem, Pace& pace) : problem_(problem), pace_(pace) {
    if (!problem.distances.empty()) return;
    values_.resize(problem.rows * problem.columns);
    for (std::size_t r = 0; r < problem.rows && !pace.step(1 + 2 * problem.columns); ++r) {
      for (std::size_t c = 0; c < problem.columns; ++c) {
        values_[r * problem.columns + c] = static_cast<float>(problem.value(r, c));
      }
    }
  }

  void order(std::span<std::uint32_t> rows) {
    if (problem_.distances.empty()) {
      KdOrder(values_, problem_.columns, pace_).order(rows);
    } else {
      DistanceOrder(problem_, pace_).order(rows);
    }
  }

 private:
  const Problem& problem_;
  Pace& pace_;
  std::vector<float> values_;
};

}  // namespace

Layout strata_layout(const Problem& problem) {
  Layout layout;
  layout.row_at.resize(problem.rows);
  if (problem.stratum.empty()) {
    std::iota(layout.row_at.begin(), layout.row_at.end(), 0U);
    layout.strata.push_back({0, static_cast<std::uint32_t>(problem.rows)});
  } else {
    // Counting sort by stratum.
    const auto strata = *std::max_element(problem.stratum.begin(), problem.stratum.end()) + 1;
    layout.strata.resize(strata);
    std::uint32_t begin = 0;
    std::vector<std::uint32_t> counts(strata);
    for (const auto s : problem.stratum) ++counts[s];
    for (std::size_t s = 0; s < strata; ++s) {
      layout.strata[s] = {begin, begin};
      begin += counts[s];
    }
    for (std::uint32_t row = 0; row < problem.rows; ++row) {
      layout.row_at[layout.strata[problem.stratum[row]].end++] = row;
    }
    layout.stratum_at.resize(problem.rows);
    for (std::size_t p = 0; p < problem.rows; ++p) {
      layout.stratum_at[p] = problem.stratum[layout.row_at[p]];
    }
  }
  return layout;
}

Layout make_layout(const Problem& problem, Pace& pace) {
  auto layout = strata_layout(problem);
  if (problem.factors.size() > 1) {
    layout.strata = {{0, static_cast<std::uint32_t>(problem.rows)}};
    RowOrder(problem, pace).order(layout.row_at);
    for (std::size_t p = 0; p < problem.rows; ++p) {
      layout.stratum_at[p] = problem.stratum[layout.row_at[p]];
    }
    return layout;
  }
  RowOrder rows(problem, pace);
  for (const auto& range : layout.strata) {
    rows.order(std::span(layout.row_at).subspan(range.begin, range.size()));
  }
  return layout;
}

}  // namespace saola::split
