#include "split_job.hpp"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/cores.hpp>
#include <saola/service/job.hpp>
#include <saola/split/read.hpp>
#include <saola/split/split.hpp>

#include "task/request.hpp"
#include "task/results.hpp"

namespace saola::split_service {
namespace {

namespace json = boost::json;

// How the parts of the work share the progress bar.
constexpr double kDownloaded = 0.10;
constexpr double kParsed = 0.15;
constexpr double kSplit = 0.96;

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
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
    auto reading = request->task.reading;
    reading.poll = [this, stop = context_.stop_token()](double part) {
      context_.progress(kDownloaded + (kParsed - kDownloaded) * part, "reading the table");
      return stop.stop_requested();
    };
    auto table = split::read_table(*std::move(bytes), reading);
    if (!table) {
      return std::unexpected(std::move(table).error().wrap(request->source.to_string()));
    }
    context_.progress(kParsed, fmt::format("splitting {} rows", table->rows()));
    Watch watch(context_);
    auto options = request->task.options;
    options.threads = allowed_cores();
    auto outcome = split::split(*table, options, watch, clock_);
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
    auto summary = summary_of(outcome);
    auto made = result_files(table, outcome, request.task, request.source.to_string());
    if (!made) return std::unexpected(std::move(made).error());
    const auto& files = *made;
    for (std::size_t i = 0; i < files.size(); ++i) {
      const double part = (1 - kSplit) / static_cast<double>(files.size());
      const double from = kSplit + part * static_cast<double>(i);
      auto name = put(request.destination, fmt::format("{}{}", leaf, files[i].ending),
                      files[i].bytes, from, from + part);
      if (!name) return name;
      summary[files[i].role] = *name;
    }
    context_.progress(1, "done");
    return json::serialize(summary);
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
