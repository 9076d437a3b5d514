#include <algorithm>
#include <new>

#include <saola/base/check.hpp>
#include <saola/observe/metrics.hpp>

namespace saola::observe {
namespace {

constexpr std::size_t kCellsPerLine = 64 / sizeof(Cell);

std::size_t row_cells(const MetricTable& table) {
  return (table.cells() + kCellsPerLine - 1) / kCellsPerLine * kCellsPerLine;
}

bool is_name(std::string_view name, bool colon_allowed) {
  const auto letter = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (c == ':' && colon_allowed);
  };
  return !name.empty() && letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// A histogram has a cell per bucket and one for the sum.
std::size_t cells_of(const Family& family) {
  return family.kind == MetricKind::kHistogram ? family.bounds.size() + 2 : 1;
}

}  // namespace

std::vector<std::uint64_t> latency_bounds() {
  std::vector<std::uint64_t> bounds;
  for (std::uint64_t decade = 100'000; decade <= 1'000'000'000; decade *= 10) {
    bounds.insert(bounds.end(), {decade, decade * 5 / 2, decade * 5});
  }
  bounds.push_back(10'000'000'000);
  return bounds;
}

CounterId MetricTable::counter(const std::string& name, const std::string& help, Labels labels,
                               double scale) {
  return {add(MetricKind::kCounter, name, help, {}, std::move(labels), scale)};
}

GaugeId MetricTable::gauge(const std::string& name, const std::string& help, Labels labels,
                           double scale) {
  return {add(MetricKind::kGauge, name, help, {}, std::move(labels), scale)};
}

HistogramId MetricTable::histogram(const std::string& name, const std::string& help,
                                   std::vector<std::uint64_t> bounds, Labels labels, double scale) {
  SAOLA_CHECK(std::ranges::is_sorted(bounds), "histogram bounds must rise");
  return {add(MetricKind::kHistogram, name, help, std::move(bounds), std::move(labels), scale)};
}

std::size_t MetricTable::add(MetricKind kind, const std::string& name, const std::string& help,
                             std::vector<std::uint64_t> bounds, Labels labels, double scale) {
  SAOLA_CHECK(is_name(name, true), "not a metric name");
  for (const auto& [label, value] : labels) SAOLA_CHECK(is_name(label, false), "not a label name");
  auto family = std::ranges::find(families_, name, &Family::name);
  if (family == families_.end()) {
    families_.push_back({name, help, kind, scale, std::move(bounds), {}});
    family = families_.end() - 1;
  }
  SAOLA_CHECK(family->kind == kind, "a metric name has one kind");
  for (std::size_t known : family->series) {
    if (series_[known].labels == labels) return known;
  }
  series_.push_back(
      {static_cast<std::size_t>(family - families_.begin()), std::move(labels), cells_});
  cells_ += cells_of(*family);
  family->series.push_back(series_.size() - 1);
  return series_.size() - 1;
}

void Histogram::record(std::uint64_t value) const {
  if (cells_.empty()) return;
  const auto bucket =
      static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin());
  cells_[bucket].fetch_add(1, std::memory_order_relaxed);
  cells_.back().fetch_add(value, std::memory_order_relaxed);
}

std::size_t MetricBlock::bytes(const MetricTable& table, std::size_t slots) {
  return row_cells(table) * slots * sizeof(Cell);
}

MetricBlock::MetricBlock(const MetricTable& table, std::span<std::byte> memory, std::size_t slots)
    : table_(&table), cells_(reinterpret_cast<Cell*>(memory.data())), slots_(slots) {
  SAOLA_CHECK(memory.size() >= bytes(table, slots), "the metric block is too small");
  SAOLA_CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(Cell) == 0,
              "the metric block is not aligned");
}

Cell& MetricBlock::cell(std::size_t slot, std::size_t index) const {
  SAOLA_CHECK(slot < slots_, "no such metric slot");
  return cells_[slot * row_cells(*table_) + index];
}

std::uint64_t MetricBlock::sum(std::size_t index) const {
  std::uint64_t total = 0;
  for (std::size_t slot = 0; slot < slots_; ++slot) {
    total += cell(slot, index).load(std::memory_order_relaxed);
  }
  return total;
}

Counter MetricBlock::counter(CounterId id, std::size_t slot) const {
  return Counter(&cell(slot, table_->series()[id.series].first_cell));
}

Gauge MetricBlock::gauge(GaugeId id, std::size_t slot) const {
  return Gauge(&cell(slot, table_->series()[id.series].first_cell));
}

Histogram MetricBlock::histogram(HistogramId id, std::size_t slot) const {
  const Series& series = table_->series()[id.series];
  const Family& family = table_->families()[series.family];
  return Histogram({&cell(slot, series.first_cell), cells_of(family)}, family.bounds);
}

std::uint64_t MetricBlock::value(CounterId id) const {
  return sum(table_->series()[id.series].first_cell);
}

std::int64_t MetricBlock::value(GaugeId id) const {
  return static_cast<std::int64_t>(sum(table_->series()[id.series].first_cell));
}

HistogramValue MetricBlock::value(HistogramId id) const {
  const Series& series = table_->series()[id.series];
  const std::size_t buckets = table_->families()[series.family].bounds.size() + 1;
  HistogramValue out;
  for (std::size_t i = 0; i < buckets; ++i) {
    out.buckets.push_back(sum(series.first_cell + i));
    out.count += out.buckets.back();
  }
  out.sum = sum(series.first_cell + buckets);
  return out;
}

std::uint64_t MetricBlock::value(CounterId id, std::size_t slot) const {
  return cell(slot, table_->series()[id.series].first_cell).load(std::memory_order_relaxed);
}

std::int64_t MetricBlock::value(GaugeId id, std::size_t slot) const {
  return static_cast<std::int64_t>(
      cell(slot, table_->series()[id.series].first_cell).load(std::memory_order_relaxed));
}

void MetricBlock::clear_gauges(std::size_t slot) const {
  for (const Series& series : table_->series()) {
    if (table_->families()[series.family].kind == MetricKind::kGauge) {
      cell(slot, series.first_cell).store(0, std::memory_order_relaxed);
    }
  }
}

}  // namespace saola::observe
