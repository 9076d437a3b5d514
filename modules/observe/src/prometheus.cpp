// https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
#include <utility>

#include <fmt/core.h>

#include <saola/observe/metrics.hpp>

namespace saola::observe {
namespace {

void append_escaped(std::string& out, std::string_view text, bool quotes_too) {
  for (char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes_too) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string_view type_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kHistogram:
      return "histogram";
  }
  std::unreachable();
}

template <typename Integer>
std::string number(Integer cell, double scale) {
  return scale == 1 ? fmt::format("{}", cell)
                    : fmt::format("{:.12g}", static_cast<double>(cell) * scale);
}

// name{a="b",le="0.1"} value
void append_sample(std::string& out, std::string_view name, const Labels& labels,
                   std::string_view bound, std::string_view value) {
  out += name;
  const char* separator = "{";
  for (const auto& [label, text] : labels) {
    out += separator;
    out += label;
    out += "=\"";
    append_escaped(out, text, true);
    out += '"';
    separator = ",";
  }
  if (!bound.empty()) {
    out += fmt::format("{}le=\"{}\"", separator, bound);
    separator = ",";
  }
  if (*separator == ',') out += '}';
  out += ' ';
  out += value;
  out += '\n';
}

void append_histogram(std::string& out, const Family& family, const Series& series,
                      const HistogramValue& value) {
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < family.bounds.size(); ++i) {
    cumulative += value.buckets[i];
    append_sample(out, family.name + "_bucket", series.labels,
                  number(family.bounds[i], family.scale), number(cumulative, 1));
  }
  append_sample(out, family.name + "_bucket", series.labels, "+Inf", number(value.count, 1));
  append_sample(out, family.name + "_sum", series.labels, {}, number(value.sum, family.scale));
  append_sample(out, family.name + "_count", series.labels, {}, number(value.count, 1));
}

}  // namespace

std::string prometheus_text(const MetricBlock& block) {
  std::string out;
  for (const Family& family : block.table().families()) {
    out += fmt::format("# HELP {} ", family.name);
    append_escaped(out, family.help, false);
    out += fmt::format("\n# TYPE {} {}\n", family.name, type_name(family.kind));
    for (std::size_t index : family.series) {
      const Series& series = block.table().series()[index];
      switch (family.kind) {
        case MetricKind::kCounter:
          append_sample(out, family.name, series.labels, {},
                        number(block.value(CounterId{index}), family.scale));
          break;
        case MetricKind::kGauge:
          append_sample(out, family.name, series.labels, {},
                        number(block.value(GaugeId{index}), family.scale));
          break;
        case MetricKind::kHistogram:
          append_histogram(out, family, series, block.value(HistogramId{index}));
          break;
      }
    }
  }
  return out;
}

}  // namespace saola::observe
