#include "result_remover.hpp"

#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/objects/checksum.hpp>

namespace saola::service {
namespace {

namespace json = boost::json;

// For one object, which is read whole.
constexpr std::chrono::minutes kObjectTime(5);
// How long a bucket that failed is left alone.
constexpr std::chrono::seconds kPause(30);

// Whether others of the bucket would fail as well, and each take long to.
bool is_of_the_bucket(const Error& error) {
  return error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kTimedOut;
}

struct Written {
  objects::ObjectName name;
  std::string sha256;
};

// What the result names as written by the job itself.
std::vector<Written> written_by(const jobs::Job& job) {
  std::vector<Written> out;
  boost::system::error_code bad;
  const json::value result = json::parse(job.result.value_or("null"), bad);
  if (bad || !result.is_object()) return out;
  for (const auto& [member, value] : result.get_object()) {
    const json::value* sum =
        result.get_object().if_contains(fmt::format("{}_sha256", std::string_view(member)));
    if (sum == nullptr || !sum->is_string() || !value.is_string()) continue;
    auto name = objects::ObjectName::parse(value.get_string());
    if (!name || name->key().find(job.id) == std::string::npos) continue;
    out.push_back({*std::move(name), std::string(sum->get_string())});
  }
  return out;
}

}  // namespace

void PrunedObjects::declare(observe::MetricTable& table) {
  const auto outcome = [&](const char* name) {
    return table.counter("saola_pruned_objects_total",
                         "Objects of pruned jobs in buckets that say prune = true.",
                         {{"outcome", name}});
  };
  removed_ = outcome("removed");
  replaced_ = outcome("replaced");
  failed_ = outcome("failed");
}

void PrunedObjects::count_in(const observe::MetricSlot& slot) {
  removed = slot.counter(removed_);
  replaced = slot.counter(replaced_);
  failed = slot.counter(failed_);
}

ResultRemover::ResultRemover(objects::Buckets& buckets, PrunedObjects counts, const Clock& clock)
    : buckets_(buckets), counts_(std::move(counts)), clock_(clock) {}

Result<void> ResultRemover::remove_objects_of(const jobs::Job& job, const std::stop_token& stop) {
  Result<void> outcome;
  for (const Written& written : written_by(job)) {
    if (!buckets_.prunes(written.name)) continue;
    const std::string& bucket = written.name.bucket();
    const auto trouble = in_trouble_.find(bucket);
    if (trouble != in_trouble_.end() && clock_.steady_now() < trouble->second.until) {
      outcome = fail(trouble->second.error);
      continue;
    }
    auto removed = remove(written.name, written.sha256, stop);
    if (removed) {
      in_trouble_.erase(bucket);
      continue;
    }
    outcome = removed;
    if (stop.stop_requested()) break;
    counts_.failed.add();
    if (trouble == in_trouble_.end()) {
      log_error("results of pruned jobs cannot be removed; the jobs are kept, will keep retrying",
                {{"bucket", bucket}, {"job", job.id}, {"error", removed.error().message()}});
    }
    const SteadyTime now = clock_.steady_now();
    const SteadyTime until = is_of_the_bucket(removed.error()) ? now + kPause : now;
    in_trouble_.insert_or_assign(bucket, Trouble{std::move(removed).error(), until});
  }
  return outcome;
}

Result<void> ResultRemover::remove(const objects::ObjectName& name, std::string_view sha256,
                                   const std::stop_token& stop) {
  objects::GetOptions options;
  options.deadline = Deadline::after(kObjectTime);
  options.stop = stop;
  objects::Sha256 sum;
  const auto read = buckets_.get(
      name,
      [&](std::span<const std::byte> bytes) -> Result<void> {
        sum.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        return {};
      },
      options);
  if (!read && read.error().code() == ErrorCode::kNotFound) return {};
  // kInvalidArgument: what has that name is no object any more.
  if (!read && read.error().code() != ErrorCode::kInvalidArgument) {
    return fail(read);
  }
  if (!read || sum.hex() != sha256) {
    counts_.replaced.add();
    log_info("an object of a pruned job stays, as it was replaced since",
             {{"object", name.to_string()}});
    return {};
  }
  if (auto removed = buckets_.remove(name, options); !removed) return removed;
  counts_.removed.add();
  return {};
}

}  // namespace saola::service
