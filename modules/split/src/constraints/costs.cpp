#include "constraints/costs.hpp"

namespace saola::split {
namespace {

class MomentsCost final : public BlockCost {
 public:
  MomentsCost(const std::vector<double>& features, std::size_t width, const Allotment& allotment)
      : width_(width), block_sums_(allotment.blocks().size() * width) {
    for (std::size_t b = 0; b < allotment.blocks().size(); ++b) {
      for (const auto u : allotment.blocks()[b].units) {
        for (std::size_t c = 0; c < width_; ++c) {
          block_sums_[b * width_ + c] += features[u * width_ + c];
        }
      }
    }
  }

  void assign(const Allotment& allotment) override {
    sizes_.assign(allotment.groups(), 0);
    sums_.assign(allotment.groups() * width_, 0);
    for (std::uint32_t b = 0; b < allotment.blocks().size(); ++b) {
      const auto g = allotment.group(b);
      sizes_[g] += static_cast<double>(allotment.blocks()[b].units.size());
      for (std::size_t c = 0; c < width_; ++c) sums_[g * width_ + c] += block_sums_[b * width_ + c];
    }
    cost_ = 0;
    for (std::size_t g = 0; g < sizes_.size(); ++g) {
      double square = 0;
      for (std::size_t c = 0; c < width_; ++c)
        square += sums_[g * width_ + c] * sums_[g * width_ + c];
      if (sizes_[g] > 0) cost_ += square / sizes_[g];
    }
  }

  double delta(const Allotment& allotment, const Move& move) const override {
    const auto from = allotment.group(move.b);
    const double* const leaves = &block_sums_[move.b * width_];
    const double* const comes = move.c == kNoBlock ? nullptr : &block_sums_[move.c * width_];
    double before_from = 0;
    double before_to = 0;
    double after_from = 0;
    double after_to = 0;
    for (std::size_t c = 0; c < width_; ++c) {
      const double f = leaves[c] - (comes != nullptr ? comes[c] : 0);
      const double a = sums_[from * width_ + c];
      const double b = sums_[move.to * width_ + c];
      before_from += a * a;
      before_to += b * b;
      after_from += (a - f) * (a - f);
      after_to += (b + f) * (b + f);
    }
    const double rows = moved(allotment, move);
    const auto part = [](double square, double size) { return size > 0 ? square / size : 0; };
    return part(after_from, sizes_[from] - rows) + part(after_to, sizes_[move.to] + rows) -
           part(before_from, sizes_[from]) - part(before_to, sizes_[move.to]);
  }

  void apply(const Allotment& allotment, const Move& move) override {
    cost_ += delta(allotment, move);
    const auto from = allotment.group(move.b);
    for (std::size_t c = 0; c < width_; ++c) {
      const double f = block_sums_[move.b * width_ + c] -
                       (move.c != kNoBlock ? block_sums_[move.c * width_ + c] : 0);
      sums_[from * width_ + c] -= f;
      sums_[move.to * width_ + c] += f;
    }
    const double rows = moved(allotment, move);
    sizes_[from] -= rows;
    sizes_[move.to] += rows;
  }

  double cost() const override { return cost_; }
  std::size_t work() const override { return 10 + width_ * 2; }

 private:
  // Rows that leave for the other group, less those that come.
  static double moved(const Allotment& allotment, const Move& move) {
    return static_cast<double>(allotment.blocks()[move.b].units.size()) -
           (move.c == kNoBlock ? 0 : static_cast<double>(allotment.blocks()[move.c].units.size()));
  }

  std::size_t width_;
  std::vector<double> block_sums_;
  std::vector<double> sums_;
  std::vector<double> sizes_;
  double cost_ = 0;
};

class DistancesCost final : public BlockCost {
 public:
  DistancesCost(const DistanceTable& table, bool average, const Allotment& allotment)
      : average_(average),
        count_(allotment.blocks().size()),
        between_(count_ * count_),
        within_(count_) {
    const auto& blocks = allotment.blocks();
    for (std::size_t a = 0; a < count_; ++a) {
      for (std::size_t b = 0; b <= a; ++b) {
        double sum = 0;
        for (const auto i : blocks[a].units) {
          for (const auto j : blocks[b].units) sum += table.between(i, j);
        }
        if (a == b) {
          within_[a] = sum / 2;
        } else {
          between_[a * count_ + b] = between_[b * count_ + a] = static_cast<float>(sum);
        }
      }
    }
  }

  void assign(const Allotment& allotment) override {
    const auto groups = allotment.groups();
    to_group_.assign(groups * count_, 0);
    inside_.assign(groups, 0);
    sizes_.assign(groups, 0);
    for (std::uint32_t b = 0; b < count_; ++b) {
      const auto g = allotment.group(b);
      for (std::size_t c = 0; c < count_; ++c)
        to_group_[g * count_ + c] += between_[b * count_ + c];
      sizes_[g] += static_cast<double>(allotment.blocks()[b].units.size());
    }
    for (std::uint32_t b = 0; b < count_; ++b) {
      const auto g = allotment.group(b);
      inside_[g] += within_[b] + to_group_[g * count_ + b] / 2;
    }
    cost_ = 0;
    for (std::size_t g = 0; g < groups; ++g) cost_ -= part(inside_[g], sizes_[g]);
  }

  double delta(const Allotment& allotment, const Move& move) const override {
    const auto next = after(allotment, move);
    const auto from = allotment.group(move.b);
    return part(inside_[from], sizes_[from]) + part(inside_[move.to], sizes_[move.to]) -
           part(next.from, next.size_from) - part(next.to, next.size_to);
  }

  void apply(const Allotment& allotment, const Move& move) override {
    cost_ += delta(allotment, move);
    const auto next = after(allotment, move);
    const auto from = allotment.group(move.b);
    inside_[from] = next.from;
    inside_[move.to] = next.to;
    sizes_[from] = next.size_from;
    sizes_[move.to] = next.size_to;
    for (std::size_t i = 0; i < count_; ++i) {
      const double d = static_cast<double>(between_[move.b * count_ + i]) -
                       (move.c == kNoBlock ? 0 : between_[move.c * count_ + i]);
      to_group_[from * count_ + i] -= d;
      to_group_[move.to * count_ + i] += d;
    }
  }

  double cost() const override { return cost_; }
  std::size_t work() const override { return 20; }

 private:
  struct After {
    double from;
    double to;
    double size_from;
    double size_to;
  };
  After after(const Allotment& allotment, const Move& move) const {
    const auto from = allotment.group(move.b);
    const auto rows = static_cast<double>(allotment.blocks()[move.b].units.size());
    After next{inside_[from] - to_group_[from * count_ + move.b] - within_[move.b],
               inside_[move.to] + to_group_[move.to * count_ + move.b] + within_[move.b],
               sizes_[from] - rows, sizes_[move.to] + rows};
    if (move.c == kNoBlock) return next;
    const double pair = between_[move.b * count_ + move.c];
    const auto back = static_cast<double>(allotment.blocks()[move.c].units.size());
    next.from += to_group_[from * count_ + move.c] - pair + within_[move.c];
    next.to -= to_group_[move.to * count_ + move.c] + pair + within_[move.c];
    next.size_from += back;
    next.size_to -= back;
    return next;
  }
  double part(double inside, double size) const {
    return !average_ ? inside : size > 0 ? inside / size : 0;
  }

  bool average_;
  std::size_t count_;
  std::vector<float> between_;  // blocks × blocks
  std::vector<double> within_;
  std::vector<double> to_group_;  // groups × blocks
  std::vector<double> inside_;
  std::vector<double> sizes_;
  double cost_ = 0;
};

}  // namespace

std::unique_ptr<BlockCost> make_moments_cost(const std::vector<double>& features, std::size_t width,
                                             const Allotment& allotment) {
  return std::make_unique<MomentsCost>(features, width, allotment);
}

std::unique_ptr<BlockCost> make_distances_cost(const DistanceTable& table, bool average,
                                               const Allotment& allotment) {
  return std::make_unique<DistancesCost>(table, average, allotment);
}

}  // namespace saola::split
