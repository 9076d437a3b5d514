#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include <gtest/gtest.h>

#include <saola/observe/metrics.hpp>

namespace saola::observe {
namespace {

// A table and a block of `slots` rows in memory shared with forked children.
class SharedBlock {
 public:
  SharedBlock(const MetricTable& table, std::size_t slots)
      : size_(MetricBlock::bytes(table, slots)),
        memory_(::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        block(table, {static_cast<std::byte*>(memory_), size_}, slots) {}
  ~SharedBlock() { ::munmap(memory_, size_); }

 private:
  std::size_t size_;
  void* memory_;

 public:
  MetricBlock block;
};

TEST(Metrics, SumsOverSlots) {
  MetricTable table;
  const CounterId requests = table.counter("requests_total", "Requests.");
  const GaugeId open = table.gauge("connections", "Open connections.");
  SharedBlock shared(table, 3);
  shared.block.counter(requests, 0).add(5);
  shared.block.counter(requests, 2).add();
  shared.block.gauge(open, 0).set(4);
  shared.block.gauge(open, 1).add(-1);
  EXPECT_EQ(shared.block.value(requests), 6u);
  EXPECT_EQ(shared.block.value(requests, 0), 5u);
  EXPECT_EQ(shared.block.value(open), 3);
  EXPECT_EQ(shared.block.value(open, 1), -1);
}

TEST(Metrics, AreSharedBetweenProcessesAndOutliveThem) {
  MetricTable table;
  const CounterId requests = table.counter("requests_total", "Requests.");
  const GaugeId open = table.gauge("connections", "Open connections.");
  SharedBlock shared(table, 2);
  for (std::size_t slot = 0; slot < 2; ++slot) {
    const pid_t child = ::fork();
    if (child == 0) {
      shared.block.counter(requests, slot).add(10 + slot);
      shared.block.gauge(open, slot).set(7);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
  }
  shared.block.clear_gauges(0);
  EXPECT_EQ(shared.block.value(requests), 21u);
  EXPECT_EQ(shared.block.value(open), 7);
}

TEST(Metrics, LosesNoConcurrentIncrement) {
  MetricTable table;
  const CounterId hits = table.counter("hits_total", "Hits.");
  const HistogramId latency = table.histogram("latency_seconds", "Latency.", {10, 20});
  SharedBlock shared(table, 1);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::uint64_t i = 0; i < 10'000; ++i) {
        shared.block.counter(hits, 0).add();
        shared.block.histogram(latency, 0).record(i % 30);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(shared.block.value(hits), 40'000u);
  EXPECT_EQ(shared.block.value(latency).count, 40'000u);
}

TEST(Metrics, AHistogramBoundBelongsToItsBucket) {
  MetricTable table;
  const HistogramId id = table.histogram("h", "H.", {10, 20});
  SharedBlock shared(table, 1);
  const Histogram histogram = shared.block.histogram(id, 0);
  for (std::uint64_t value : {0, 10, 11, 20, 21}) histogram.record(value);
  const HistogramValue value = shared.block.value(id);
  EXPECT_EQ(value.buckets, (std::vector<std::uint64_t>{2, 2, 1}));
  EXPECT_EQ(value.sum, 62u);
}

TEST(Metrics, TheSameSeriesIsAddedOnce) {
  MetricTable table;
  const CounterId a = table.counter("x_total", "X.", {{"code", "2xx"}});
  const CounterId b = table.counter("x_total", "X.", {{"code", "5xx"}});
  EXPECT_NE(a.series, b.series);
  EXPECT_EQ(table.counter("x_total", "X.", {{"code", "2xx"}}).series, a.series);
  EXPECT_DEATH(table.gauge("x_total", "X."), "one kind");
  EXPECT_DEATH(table.counter("a-b", "X."), "not a metric name");
}

TEST(Prometheus, WritesTheTextFormat) {
  MetricTable table;
  const CounterId ok = table.counter("saola_requests_total", "Requests by class\nand \\.",
                                     {{"code", "2xx"}, {"path", "a\"b\\c\nd"}});
  const CounterId bad = table.counter("saola_requests_total", "", {{"code", "5xx"}});
  const GaugeId open = table.gauge("saola_connections", "Open.");
  const HistogramId latency =
      table.histogram("saola_seconds", "Time.", {1'000'000, 250'000'000}, {{"class", "green"}});
  SharedBlock shared(table, 2);
  shared.block.counter(ok, 0).add(2);
  shared.block.counter(ok, 1).add(3);
  shared.block.counter(bad, 1).add();
  shared.block.gauge(open, 0).set(-2);
  shared.block.histogram(latency, 0).record(500'000);
  shared.block.histogram(latency, 1).record(2'000'000'000);
  EXPECT_EQ(prometheus_text(shared.block), R"(# HELP saola_requests_total Requests by class\nand \\.
# TYPE saola_requests_total counter
saola_requests_total{code="2xx",path="a\"b\\c\nd"} 5
saola_requests_total{code="5xx"} 1
# HELP saola_connections Open.
# TYPE saola_connections gauge
saola_connections -2
# HELP saola_seconds Time.
# TYPE saola_seconds histogram
saola_seconds_bucket{class="green",le="0.001"} 1
saola_seconds_bucket{class="green",le="0.25"} 1
saola_seconds_bucket{class="green",le="+Inf"} 2
saola_seconds_sum{class="green"} 2.0005
saola_seconds_count{class="green"} 2
)");
}

}  // namespace
}  // namespace saola::observe
