// Rows as points, column by column, for the one kernel of the diversity objective: distances from
// one point to many. Real is float where ranking is enough, double where the value is reported.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace saola::split {

template <typename Real>
class Points {
 public:
  // `values` is count × width, row-major.
  Points(std::span<const double> values, std::size_t width)
      : width_(width), count_(values.size() / width), columns_(values.size()) {
    for (std::size_t p = 0; p < count_; ++p) {
      for (std::size_t c = 0; c < width_; ++c) {
        columns_[c * count_ + p] = static_cast<Real>(values[p * width_ + c]);
      }
    }
  }

  std::size_t count() const { return count_; }
  // Rough cost of one distance in nanoseconds.
  std::size_t work() const { return 1 + width_ / 4; }

  // out[p] = Euclidean distance between i and p, for p < end. REQUIRES: out holds `end`.
  void distances(std::size_t i, std::size_t end, Real* out) const {
    constexpr std::size_t kBlock = 1024;  // stays in the first-level cache
    for (std::size_t begin = 0; begin < end; begin += kBlock) {
      const auto length = std::min(kBlock, end - begin);
      Real* const __restrict squares = out + begin;
      std::fill_n(squares, length, Real{0});
      for (std::size_t c = 0; c < width_; ++c) {
        const Real* const column = &columns_[c * count_];
        const Real* const __restrict x = column + begin;
        const Real center = column[i];
        for (std::size_t p = 0; p < length; ++p) {
          const Real d = x[p] - center;
          squares[p] += d * d;
        }
      }
      for (std::size_t p = 0; p < length; ++p) squares[p] = std::sqrt(squares[p]);
    }
  }

  Real distance(std::size_t i, std::size_t j) const {
    Real square = 0;
    for (std::size_t c = 0; c < width_; ++c) {
      const Real d = columns_[c * count_ + j] - columns_[c * count_ + i];
      square += d * d;
    }
    return std::sqrt(square);
  }

 private:
  std::size_t width_;
  std::size_t count_;
  std::vector<Real> columns_;  // width × count
};

}  // namespace saola::split
