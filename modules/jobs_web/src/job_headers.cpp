#include "job_headers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <saola/jobs_web/jobs_api.hpp>

namespace saola::jobs_web {
namespace {

using web::Request;
using web::Schema;

constexpr std::size_t kMaxKey = 255;
constexpr int kMaxPriority = 1000;
constexpr double kMaxSeconds = 31 * 86'400;

std::optional<std::string_view> header(const Request& request, std::string_view name) {
  if (request.headers().count(name) > 1) {
    throw web::HttpError(400, fmt::format("The header {} is given twice; give it once.", name));
  }
  return request.headers().get(name);
}

// The whole of `text` as a number.
template <typename Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void read_key(const Request& request, jobs::NewJob& job) {
  const auto key = header(request, "Idempotency-Key");
  if (!key) return;
  if (key->empty() || key->size() > kMaxKey) {
    throw web::HttpError(400, fmt::format("Idempotency-Key must have 1 to {} bytes; a fresh UUID "
                                          "for each new request will do.",
                                          kMaxKey));
  }
  job.idempotency_key = *key;
}

void read_priority(const Request& request, jobs::NewJob& job) {
  const auto text = header(request, "Job-Priority");
  if (!text) return;
  const auto priority = number<int>(*text);
  if (!priority || std::abs(*priority) > kMaxPriority) {
    throw web::HttpError(400, fmt::format("Job-Priority must be a whole number from -{0} to {0}; "
                                          "the larger runs first.",
                                          kMaxPriority));
  }
  job.priority = *priority;
}

void read_queue(const Request& request, const std::vector<std::string>& queues, jobs::NewJob& job) {
  const auto queue = header(request, "Job-Queue");
  job.queue = queue.value_or(queues.front());
  if (std::ranges::find(queues, job.queue) == queues.end()) {
    throw web::HttpError(
        400, fmt::format("Job-Queue names a queue that no worker serves. There are: {}.",
                         fmt::join(queues, ", ")));
  }
}

void read_timeout(const Request& request, jobs::NewJob& job) {
  const auto text = header(request, "Job-Timeout");
  if (!text) return;
  const double most = job.timeout > jobs::Micros::zero()
                          ? std::chrono::duration<double>(job.timeout).count()
                          : kMaxSeconds;
  const auto seconds = number<double>(*text);
  // A nan is neither.
  if (!seconds || !(*seconds >= 0.001 && *seconds <= most)) {
    throw web::HttpError(400, fmt::format("Job-Timeout must be the seconds that an attempt may "
                                          "take, from 0.001 to {:g}.",
                                          most));
  }
  job.timeout = jobs::Micros(std::llround(*seconds * 1e6));
}

}  // namespace

void read_job_headers(const Request& request, const std::vector<std::string>& queues,
                      jobs::NewJob& job) {
  read_key(request, job);
  read_priority(request, job);
  read_queue(request, queues, job);
  read_timeout(request, job);
}

std::vector<web::Parameter> job_parameters() {
  using In = web::Parameter::In;
  return {{.name = "Idempotency-Key",
           .doc = "Makes it safe to send the same request again: the answer then is the first "
                  "one's job",
           .in = In::kHeader},
          {.name = "Job-Priority",
           .doc = "The larger runs first; default: the task's own, mostly 0",
           .schema = Schema::integer().min(-kMaxPriority).max(kMaxPriority),
           .in = In::kHeader},
          {.name = "Job-Queue",
           .doc = "The queue it waits in, one of those that the service's workers serve (setting "
                  "queues); default: the first of them",
           .in = In::kHeader},
          {.name = "Job-Timeout",
           .doc = "Seconds that an attempt may take, at most the task's own limit",
           .schema = Schema::number().min(0.001).max(kMaxSeconds),
           .in = In::kHeader}};
}

}  // namespace saola::jobs_web
