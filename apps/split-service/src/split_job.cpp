#include "split_job.hpp"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/text.hpp>
#include <saola/service/job.hpp>
#include <saola/split/csv.hpp>
#include <saola/split/split.hpp>

#include "split_request.hpp"

namespace saola::split_service {
namespace {

namespace json = boost::json;

// How the parts of the work share the progress bar.
constexpr double kDownloaded = 0.10;
constexpr double kParsed = 0.15;
constexpr double kSplit = 0.96;
constexpr double kAssignmentWritten = 0.98;

// Bytes of a source's name that go into the names of its results.
constexpr std::size_t kMaxStem = 100;

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

// "us_states" of "data/us_states.csv.gz".
std::string stem_of(const std::string& key) {
  std::string stem = key.substr(key.rfind('/') + 1);
  for (const std::string_view ending : {".gz", ".csv"}) {
    if (stem.size() > ending.size() && stem.ends_with(ending)) {
      stem.resize(stem.size() - ending.size());
    }
  }
  stem.resize(utf8_prefix(stem, kMaxStem).size());
  return stem.empty() ? "table" : stem;
}

class Watch final : public split::Observer {
 public:
  explicit Watch(jobs::JobContext& context) : context_(context), stop_(context.stop_token()) {}
  bool cancelled() override { return stop_.stop_requested(); }
  void progress(double fraction, std::string_view message) override {
    context_.progress(kParsed + (kSplit - kParsed) * fraction, message);
  }

 private:
  jobs::JobContext& context_;
  const std::stop_token stop_;
};

class SplitRun {
 public:
  SplitRun(jobs::JobContext& context, objects::ObjectStore& buckets, const Clock& clock)
      : context_(context), buckets_(buckets), clock_(clock) {}

  // kCancelled when asked to stop.
  Result<std::string> run() {
    auto request = from_payload(context_.job().payload);
    if (!request) return std::unexpected(std::move(request).error());

    auto bytes = download(request->source);
    if (!bytes) return std::unexpected(std::move(bytes).error());
    context_.progress(kDownloaded, "reading the table");
    auto table = split::read_csv(*std::move(bytes));
    if (!table) {
      return std::unexpected(std::move(table).error().wrap(request->source.to_string()));
    }
    context_.progress(kParsed, fmt::format("splitting {} rows", table->rows()));
    Watch watch(context_);
    auto outcome = split::split(*table, request->options, watch, clock_);
    if (!outcome) {
      return std::unexpected(std::move(outcome).error().wrap(request->source.to_string()));
    }
    if (outcome->stopped_by == split::StoppedBy::kCancel) {
      return fail(ErrorCode::kCancelled, "asked to stop");
    }
    return publish(*request, *table, *outcome);
  }

 private:
  template <typename Options>
  Options call_options(double from, double to, std::string doing) {
    Options options;
    options.deadline = context_.deadline();
    options.stop = context_.stop_token();
    options.progress = [this, from, to, doing = std::move(doing)](std::uint64_t done,
                                                                  std::uint64_t total) {
      const double part = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
      context_.progress(from + (to - from) * part,
                        fmt::format("{}: {} of {}", doing, megabytes(done), megabytes(total)));
    };
    return options;
  }

  Result<std::string> download(const objects::ObjectName& source) {
    context_.progress(0, "downloading " + source.to_string());
    return buckets_.get_bytes(source, kMaxSourceBytes,
                              call_options<objects::GetOptions>(0, kDownloaded, "downloading"));
  }

  Result<std::string> publish(const SplitRequest& request, const split::Table& table,
                              const split::Outcome& outcome) {
    const std::string leaf = fmt::format("{}.{}", stem_of(request.source.key()), context_.job().id);
    const std::string assignment_csv = split::assignment_csv(table, outcome);
    const std::string report_json = split::report_json(outcome);
    auto assignment = put(request.destination, leaf + ".assignment.csv", assignment_csv, kSplit,
                          kAssignmentWritten);
    if (!assignment) return assignment;
    auto report =
        put(request.destination, leaf + ".report.json", report_json, kAssignmentWritten, 1);
    if (!report) return report;
    context_.progress(1, "done");
    return result_json(outcome, *assignment, *report);
  }

  // Returns the name of the object written.
  Result<std::string> put(const objects::ObjectPrefix& destination, std::string_view leaf,
                          std::string_view bytes, double from, double to) {
    auto name = destination.object(leaf);
    if (!name) return std::unexpected(std::move(name).error());
    context_.progress(from, "writing " + name->to_string());
    auto stored =
        buckets_.put_bytes(*name, bytes, call_options<objects::CallOptions>(from, to, "writing"));
    if (!stored) return std::unexpected(std::move(stored).error());
    return name->to_string();
  }

  static std::string result_json(const split::Outcome& outcome, const std::string& assignment,
                                 const std::string& report) {
    json::object groups;
    for (const auto& group : outcome.groups) groups[group.name] = group.size;
    json::array balance;
    for (const auto& column : outcome.columns) {
      balance.push_back(json::object{{"column", column.column},
                                     {"smd_before", column.smd_before},
                                     {"smd_after", column.smd_after}});
    }
    json::object out{{"assignment", assignment},    {"report", report},
                     {"objective", nullptr},        {"seconds", outcome.seconds},
                     {"groups", std::move(groups)}, {"balance", std::move(balance)}};
    if (outcome.objective_after) out["objective"] = *outcome.objective_after;
    if (!outcome.warnings.empty()) {
      out["warnings"] = json::array(outcome.warnings.begin(), outcome.warnings.end());
    }
    return json::serialize(out);
  }

  jobs::JobContext& context_;
  objects::ObjectStore& buckets_;
  const Clock& clock_;
};

}  // namespace

jobs::Outcome run_split(jobs::JobContext& context, objects::ObjectStore& buckets,
                        const Clock& clock) {
  auto result = SplitRun(context, buckets, clock).run();
  if (!result) return outcome_of(result.error());
  return jobs::Done{*std::move(result)};
}

}  // namespace saola::split_service
