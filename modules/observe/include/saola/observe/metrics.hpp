// Counters, gauges and histograms in a block of memory that processes may share.
//
//   MetricTable   what is measured: names, help, labels, bucket bounds. Filled once at start, in
//                 the same order in every process, then only read.
//   MetricBlock   the numbers: one row of cells per slot. A slot belongs to one worker process at a
//                 time; every process can read all rows, so a scrape answered by any of them shows
//                 the sum. A slot's counters and histograms outlive their worker (the successor
//                 goes on counting in the same row), its gauges are cleared.
//
//   MetricTable table;
//   const CounterId answered = table.counter("app_answers_total", "Answers", {{"code", "200"}});
//   const HistogramId took = table.histogram("app_answer_seconds", "How long", latency_bounds());
//   std::vector<std::byte> memory(MetricBlock::bytes(table, 2));   // or mmap(MAP_SHARED)
//   const MetricBlock block(table, memory, 2);
//   const Counter answers = block.counter(answered, 0);            // in the worker with slot 0
//   answers.add();
//   show(prometheus_text(block));
//
// Cells are std::atomic<uint64_t>, lock-free, so they work between processes. All accesses are
// relaxed: a cell is a number of its own and orders nothing else; a reader may see one cell of a
// histogram before another, never a torn or decreasing counter.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace saola::observe {

// As Prometheus has them: what only grows, what goes up and down, and how values spread.
enum class MetricKind { kCounter, kGauge, kHistogram };

// Names and values, in the order in which they are shown. Two orders are two series.
using Labels = std::vector<std::pair<std::string, std::string>>;

// One time series: a family name with one set of label values.
struct Series {
  std::size_t family;      // index into MetricTable::families()
  Labels labels;           // in the order given
  std::size_t first_cell;  // index in a slot's row
};

// What the series of one name share, and Prometheus shows once: # HELP and # TYPE.
struct Family {
  std::string name;
  std::string help;
  MetricKind kind;
  // Cells hold integers; a reader multiplies by this to get the unit in the name (1e-9 for a
  // histogram that records nanoseconds and is called …_seconds).
  double scale;
  // Upper bucket bounds in cell units, rising; empty unless kHistogram. The last bucket, above them
  // all, is implied.
  std::vector<std::uint64_t> bounds;
  std::vector<std::size_t> series;  // indices into MetricTable::series()
};

// Names a series of a table; the kind is in the type. Valid in every process with an equal table.
struct CounterId {
  std::size_t series;
};
struct GaugeId {
  std::size_t series;
};
struct HistogramId {
  std::size_t series;
};

// 0.1 ms … 10 s in nanoseconds, three bounds a decade (1, 2.5, 5).
std::vector<std::uint64_t> latency_bounds();

// What is measured. Not thread-safe: filled by one thread, then only read, by any.
class MetricTable {
 public:
  // Each returns the id of the series (name, labels), adding it if it is new. `help`, `scale` and
  // `bounds` are those of the name's first series. REQUIRES: `name` is [a-zA-Z_:][a-zA-Z0-9_:]*,
  // label names [a-zA-Z_][a-zA-Z0-9_]*; a name keeps one kind; `bounds` rise; no MetricBlock exists
  // for this table yet.
  CounterId counter(const std::string& name, const std::string& help, Labels labels = {},
                    double scale = 1);
  GaugeId gauge(const std::string& name, const std::string& help, Labels labels = {},
                double scale = 1);
  HistogramId histogram(const std::string& name, const std::string& help,
                        std::vector<std::uint64_t> bounds, Labels labels = {}, double scale = 1e-9);

  // In the order they were added: that of the text.
  const std::vector<Family>& families() const { return families_; }
  const std::vector<Series>& series() const { return series_; }
  // Cells in one slot's row.
  std::size_t cells() const { return cells_; }

 private:
  std::size_t add(MetricKind kind, const std::string& name, const std::string& help,
                  std::vector<std::uint64_t> bounds, Labels labels, double scale);

  std::vector<Family> families_;
  std::vector<Series> series_;
  std::size_t cells_ = 0;
};

// One number in the block.
using Cell = std::atomic<std::uint64_t>;
static_assert(Cell::is_always_lock_free);

// Handles to cells. Copyable, valid as long as the block's memory; a default one counts nothing.
// Any thread, any fiber; never suspends. One relaxed addition a call.
class Counter {
 public:
  Counter() = default;
  void add(std::uint64_t n = 1) const {
    if (cell_ != nullptr) cell_->fetch_add(n, std::memory_order_relaxed);
  }

 private:
  friend class MetricBlock;
  explicit Counter(Cell* cell) : cell_(cell) {}
  Cell* cell_ = nullptr;
};

// A number that goes up and down, perhaps below zero: what is open now, how full a queue is.
class Gauge {
 public:
  Gauge() = default;
  void set(std::int64_t value) const {
    if (cell_ != nullptr)
      cell_->store(static_cast<std::uint64_t>(value), std::memory_order_relaxed);
  }
  void add(std::int64_t n) const {
    if (cell_ != nullptr)
      cell_->fetch_add(static_cast<std::uint64_t>(n), std::memory_order_relaxed);
  }

 private:
  friend class MetricBlock;
  explicit Gauge(Cell* cell) : cell_(cell) {}
  Cell* cell_ = nullptr;
};

// How values spread over the buckets of their family.
//
//   const Histogram took = block.histogram(answer_seconds, slot);
//   took.record(std::chrono::nanoseconds(250us).count());
class Histogram {
 public:
  Histogram() = default;
  // `value` in the cells' unit (nanoseconds for latencies); a value that equals a bound is below
  // it. Logarithmic in the number of bounds.
  void record(std::uint64_t value) const;

 private:
  friend class MetricBlock;
  Histogram(std::span<Cell> cells, std::span<const std::uint64_t> bounds)
      : cells_(cells), bounds_(bounds) {}
  std::span<Cell> cells_;                  // one per bucket, then the sum of the values
  std::span<const std::uint64_t> bounds_;  // of the table's family
};

// What a histogram has counted, summed over slots. Its cells are read one after the other while
// others count: `count` is the sum of `buckets`, but `sum` may be a little ahead or behind.
struct HistogramValue {
  std::vector<std::uint64_t> buckets;  // not cumulative; one more than bounds
  std::uint64_t count = 0;
  std::uint64_t sum = 0;  // in the cells' unit
};

// `slots` rows over caller-owned memory. Does not own; copyable. Any thread of any process that has
// the memory and an equal table.
class MetricBlock {
 public:
  // Bytes that `slots` rows need. Rows are padded to cache lines, so workers do not share one:
  // sizing memory to map before fork().
  static std::size_t bytes(const MetricTable& table, std::size_t slots);

  // REQUIRES: memory is 8-byte aligned, at least bytes(table, slots) long, zeroed when first used,
  // and outlives the block, as does the table.
  MetricBlock(const MetricTable& table, std::span<std::byte> memory, std::size_t slots);

  const MetricTable& table() const { return *table_; }
  std::size_t slots() const { return slots_; }

  // Handles to the cells of a series in one slot. REQUIRES: slot < slots().
  Counter counter(CounterId id, std::size_t slot) const;
  Gauge gauge(GaugeId id, std::size_t slot) const;
  Histogram histogram(HistogramId id, std::size_t slot) const;

  // Sums over all slots, those of dead workers included; of gauges only living ones count, if
  // clear_gauges() is called for the dead.
  std::uint64_t value(CounterId id) const;
  std::int64_t value(GaugeId id) const;
  HistogramValue value(HistogramId id) const;
  // One slot's own.
  std::uint64_t value(CounterId id, std::size_t slot) const;
  std::int64_t value(GaugeId id, std::size_t slot) const;

  // Clears the gauges of a slot whose process is gone; counters and histograms stay.
  void clear_gauges(std::size_t slot) const;

 private:
  Cell& cell(std::size_t slot, std::size_t index) const;
  std::uint64_t sum(std::size_t index) const;

  const MetricTable* table_;
  Cell* cells_;
  std::size_t slots_;
};

// Where one process counts: the block and its slot in it.
//
//   const MetricSlot slot{block, 3};
//   const Counter answers = slot.counter(answered);
struct MetricSlot {
  MetricBlock block;
  std::size_t slot;

  Counter counter(CounterId id) const { return block.counter(id, slot); }
  Gauge gauge(GaugeId id) const { return block.gauge(id, slot); }
  Histogram histogram(HistogramId id) const { return block.histogram(id, slot); }
};

// The block's sums in Prometheus' text exposition format, version 0.0.4 (Content-Type: text/plain;
// version=0.0.4; charset=utf-8). Families and series in the order they were added; a histogram's
// buckets cumulative, as the format wants them.
//
//   # HELP app_answers_total Answers
//   # TYPE app_answers_total counter
//   app_answers_total{code="200"} 17
std::string prometheus_text(const MetricBlock& block);

}  // namespace saola::observe
