#include "split_job.hpp"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/objects/checksum.hpp>
#include <saola/service/job.hpp>
#include <saola/split/split.hpp>
#include <saola/split_task/input.hpp>
#include <saola/split_task/request.hpp>
#include <saola/split_task/results.hpp>

#include "kept_outcome.hpp"
#include "result_routes.hpp"

namespace saola::split_service {

using namespace split_task;  // NOLINT(google-build-using-namespace): a program, not a library
namespace {

namespace json = boost::json;

// How the parts of the work share the progress bar.
constexpr double kDownloaded = 0.10;
constexpr double kParsed = 0.15;
constexpr double kSplit = 0.96;

// Where a destination is tried: one of the results takes the name.
constexpr std::string_view kTrial = ".report.json";

// For clearing away what earlier attempts left behind.
constexpr std::chrono::seconds kClearingTime(5);

// Bytes of a list in the job's result; the store takes results of 1 MiB.
constexpr std::size_t kMaxPart = 150'000;

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

class Watch final : public split::Observer {
 public:
  explicit Watch(jobs::JobContext& context) : context_(context), stop_(context.stop_token()) {}
  bool cancelled() override { return stop_.stop_requested(); }
  bool keeps_cancelled() const override { return false; }
  void progress(double fraction, std::string_view message) override {
    context_.progress(kParsed + (kSplit - kParsed) * fraction, message);
  }

 private:
  jobs::JobContext& context_;
  const std::stop_token stop_;
};

class SplitRun {
 public:
  SplitRun(jobs::JobContext& context, objects::ObjectStore& buckets, const Clock& clock,
           const SourceLimits& limits)
      : context_(context), buckets_(buckets), clock_(clock), limits_(limits) {}

  // kCancelled when asked to stop.
  Result<std::string> run() {
    auto request = from_payload(context_.job().payload);
    if (!request) return fail(request);

    clear_earlier_attempts(*request);
    if (auto kept = unpack(context_.job().checkpoint)) return publish(*request, *kept);
    // What can be known to fail must fail before the work, not after it.
    if (auto ok = try_destination(*request); !ok) return fail(ok);
    auto bytes = download(request->source);
    if (!bytes) return fail(bytes);
    auto input = read_input(*request, *std::move(bytes));
    if (!input) return fail(input);
    context_.progress(kParsed, fmt::format("splitting {} rows", input->table().rows()));
    Watch watch(context_);
    auto outcome = input->split(watch, clock_);
    if (!outcome) {
      return fail(std::move(outcome).error().wrap(request->source.to_string()));
    }
    if (outcome->stopped_by == split::StoppedBy::kCancel) {
      return fail(ErrorCode::kCancelled, "asked to stop");
    }
    KeptOutcome kept{.summary = json::serialize(limited(summary_of(*outcome)))};
    auto files = result_files(input->table(), *outcome, request->task, request->source.to_string());
    if (!files) return fail(files);
    for (ResultFile& file : *files) {
      kept.files.push_back(
          {std::string(file.role), std::string(file.ending), std::move(file.bytes)});
    }
    // A checkpoint that is too large, or a store that is busy, only makes a retry compute again.
    (void)context_.save_checkpoint(pack(kept));
    return publish(*request, kept);
  }

  // What a split of the request would work on, as JSON.
  Result<std::string> check() {
    auto request = from_payload(context_.job().payload);
    if (!request) return fail(request);
    auto bytes = download(request->source);
    if (!bytes) return fail(bytes);
    auto input = read_input(*request, *std::move(bytes));
    if (!input) return fail(input);
    const auto preview = input->preview();
    if (!preview) return fail(Error(preview.error()).wrap(request->source.to_string()));
    context_.progress(1, "done");
    return json::serialize(limited(preview_json(*input, *preview)));
  }

  // Whether the results were being written when the attempt failed.
  bool publishing() const { return publishing_; }

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
    return buckets_.get_bytes(source, limits_.bytes,
                              call_options<objects::GetOptions>(0, kDownloaded, "downloading"));
  }

  Result<TaskInput> read_input(SplitRequest& request, std::string bytes) {
    context_.progress(kDownloaded, "reading the table");
    request.task.reading.limits = limits_.table;
    request.task.reading.poll = [this, stop = context_.stop_token()](double part) {
      context_.progress(kDownloaded + (kParsed - kDownloaded) * part, "reading the table");
      return stop.stop_requested();
    };
    auto input = TaskInput::read(std::move(bytes), request.task);
    if (!input) {
      return fail(std::move(input).error().wrap(request.source.to_string()));
    }
    return input;
  }

  // The names carry the attempt: what one that lost its lease still writes replaces nothing that a
  // later one has written.
  Result<objects::ObjectName> name_of(const SplitRequest& request, std::string_view ending) const {
    const jobs::Job& job = context_.job();
    return request.destination.object(
        fmt::format("{}.{}.{}{}", stem_of(request.source.key()), job.id, job.attempt, ending));
  }

  // What attempts that were killed while they wrote have left behind. It is in nobody's way, so a
  // store that cannot do it now is no failure.
  void clear_earlier_attempts(const SplitRequest& request) {
    const jobs::Job& job = context_.job();
    if (job.attempt == 1) return;
    const auto beginning =
        request.destination.object(fmt::format("{}.{}.", stem_of(request.source.key()), job.id));
    if (!beginning) return;
    objects::CallOptions options;
    options.deadline = min(context_.deadline(), Deadline::after(kClearingTime));
    options.stop = context_.stop_token();
    (void)buckets_.clear_unfinished(*beginning, options);
  }

  // The smallest real write, to where the report will be.
  Result<void> try_destination(const SplitRequest& request) {
    const auto name = name_of(request, kTrial);
    if (!name) return fail(name);
    context_.progress(0, "trying the destination " + request.destination.to_string());
    objects::CallOptions options;
    options.deadline = context_.deadline();
    options.stop = context_.stop_token();
    if (auto stored = buckets_.put_bytes(*name, "{}\n", options); !stored) {
      return fail(stored);
    }
    // Who may write but not remove leaves it, and the report replaces it.
    (void)buckets_.remove(*name, options);
    return {};
  }

  Result<std::string> publish(const SplitRequest& request, const KeptOutcome& outcome) {
    publishing_ = true;
    json::object result = json::parse(outcome.summary).as_object();
    const double part = (1 - kSplit) / static_cast<double>(outcome.files.size());
    double from = kSplit;
    for (const KeptFile& file : outcome.files) {
      const auto name = name_of(request, file.ending);
      if (!name) return fail(name);
      context_.progress(from, "writing " + name->to_string());
      auto stored = buckets_.put_bytes(
          *name, file.bytes, call_options<objects::CallOptions>(from, from + part, "writing"));
      if (!stored) return fail(stored);
      result[file.role] = name->to_string();
      result[fmt::format("{}_sha256", file.role)] = objects::sha256_hex(file.bytes);
      from += part;
    }
    result["links"] = result_links(context_.job().id);
    context_.progress(1, "done");
    return json::serialize(result);
  }

  // Lists that are large are left to the report, so that no result is too large to be kept.
  static json::object limited(json::object summary) {
    for (const char* name : {"groups", "balance", "columns", "strata", "categories"}) {
      json::value* part = summary.if_contains(name);
      if (part == nullptr || json::serialize(*part).size() <= kMaxPart) continue;
      *part = nullptr;
      summary[fmt::format("{}_in_report_only", name)] = true;
    }
    return summary;
  }

  jobs::JobContext& context_;
  objects::ObjectStore& buckets_;
  const Clock& clock_;
  const SourceLimits limits_;
  bool publishing_ = false;
};

}  // namespace

jobs::Outcome run_split(jobs::JobContext& context, objects::ObjectStore& buckets,
                        const Clock& clock, const SourceLimits& limits) {
  SplitRun run(context, buckets, clock, limits);
  auto result = run.run();
  if (result) return jobs::Done{*std::move(result)};
  jobs::Outcome outcome = outcome_of(result.error());
  // The destination was tried before the work, so it may take the results again; they are kept.
  if (run.publishing() && std::holds_alternative<jobs::Discard>(outcome)) {
    return jobs::Retry{result.error().message()};
  }
  return outcome;
}

jobs::Outcome run_check(jobs::JobContext& context, objects::ObjectStore& buckets,
                        const SourceLimits& limits) {
  auto result = SplitRun(context, buckets, real_clock(), limits).check();
  if (result) return jobs::Done{*std::move(result)};
  return outcome_of(result.error());
}

}  // namespace saola::split_service
