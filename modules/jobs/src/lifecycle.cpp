#include <sys/random.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include <saola/base/check.hpp>
#include <saola/jobs/lifecycle.hpp>

namespace saola::jobs {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxKey = 255;
constexpr std::size_t kMaxErrorText = 8 << 10;
constexpr std::size_t kMaxMessage = 1 << 10;
constexpr int kMostAttempts = 100;

// At most `limit` bytes of `text`, cut between two UTF-8 characters.
std::string cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return std::string(text.substr(0, limit));
}

Result<void> check_name(std::string_view what, std::string_view name) {
  if (is_name(name)) return {};
  return saola::fail(
      ErrorCode::kInvalidArgument,
      "the {} of a job must be 1 to {} characters of a-z A-Z 0-9 _ . - (it has {} bytes)", what,
      kMaxName, name.size());
}

Result<void> check_size(std::string_view what, std::size_t size, std::size_t limit) {
  if (size <= limit) return {};
  return saola::fail(ErrorCode::kTooLarge,
                     "the job's {} has {} bytes, the limit is {}; store it elsewhere "
                     "and name it in the job",
                     what, size, limit);
}

void finish_attempt(Job& job) {
  job.lease.reset();
  job.cancel_requested = false;
}

}  // namespace

std::uint64_t system_random() {
  std::uint64_t bits = 0;
  // Up to 256 bytes always come whole, once the kernel has been seeded at boot.
  SAOLA_CHECK(::getrandom(&bits, sizeof bits, 0) == sizeof bits, "the kernel has no randomness");
  return bits;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

bool claimed_before(const Job& a, const Job& b) {
  if (a.priority != b.priority) return a.priority > b.priority;
  return std::tie(a.place, a.id) < std::tie(b.place, b.id);
}

Micros backoff_delay(const Backoff& backoff, int failures, std::uint64_t random) {
  const double doubled =
      static_cast<double>(backoff.base.count()) * std::ldexp(1.0, std::min(failures - 1, 62));
  const double ceiling = std::min(doubled, static_cast<double>(backoff.cap.count()));
  const double share = static_cast<double>(random >> 11) * 0x1.0p-53;
  return Micros(static_cast<std::int64_t>(ceiling * share));
}

Lifecycle::Lifecycle(StoreOptions options) : options_(std::move(options)) {}

Time Lifecycle::now() const {
  return std::chrono::floor<Micros>(options_.clock->system_now());
}

Result<void> Lifecycle::check_new(const NewJob& request) const {
  if (auto ok = check_name("kind", request.kind); !ok) return ok;
  if (auto ok = check_name("queue", request.queue); !ok) return ok;
  if (auto ok = check_size("payload", request.payload.size(), options_.max_payload); !ok) return ok;
  for (const std::string* key : {&request.idempotency_key, &request.unique_key}) {
    if (key->size() > kMaxKey) {
      return saola::fail(ErrorCode::kInvalidArgument,
                         "the idempotency or unique key of a job has {} bytes, the limit is {}",
                         key->size(), kMaxKey);
    }
  }
  if (request.max_attempts < 1 || request.max_attempts > kMostAttempts) {
    return saola::fail(ErrorCode::kInvalidArgument, "max_attempts is {}, it must be 1 to {}",
                       request.max_attempts, kMostAttempts);
  }
  if (request.timeout < Micros::zero()) {
    return saola::fail(ErrorCode::kInvalidArgument, "the timeout of a job must not be negative");
  }
  return {};
}

Job Lifecycle::create(const NewJob& request) {
  const Time time = now();
  Job job;
  job.id = ids_.next(time, options_.random());
  job.kind = request.kind;
  job.queue = request.queue;
  job.payload = request.payload;
  job.max_attempts = request.max_attempts;
  job.priority = request.priority;
  job.created_at = time;
  job.scheduled_at = std::max(request.scheduled_at.value_or(time), time);
  job.place = job.scheduled_at;
  job.state = job.scheduled_at > time ? State::kScheduled : State::kAvailable;
  job.timeout = request.timeout;
  job.idempotency_key = request.idempotency_key;
  job.unique_key = request.unique_key;
  return job;
}

Result<void> Lifecycle::check_token(const Job& job, const LeaseToken& token) {
  if (job.state == State::kRunning && job.attempt == token.attempt &&
      job.lease->owner == token.owner) {
    return {};
  }
  return saola::fail(
      ErrorCode::kConflict,
      "attempt {} of job {} has lost its lease (the job is {}, attempt {}); its write was "
      "refused",
      token.attempt, token.job_id, to_string(job.state), job.attempt);
}

// Moves `job` to its next state and stamps what every move stamps.
Result<void> Lifecycle::step(Job& job, Event event) const {
  const Facts facts{.cancel_requested = job.cancel_requested,
                    .attempts_left = job.failures + 1 < job.max_attempts};
  const auto next = next_state(job.state, event, facts);
  if (!next) return saola::fail(next);
  const bool was_running = job.state == State::kRunning;
  const bool was_final = is_final(job.state);
  job.state = *next;
  if (was_running && job.state != State::kRunning) finish_attempt(job);
  if (is_final(job.state) && !was_final) job.finished_at = now();
  return {};
}

Result<void> Lifecycle::claim(Job& job, std::string_view owner, Micros lease) const {
  if (auto ok = step(job, Event::kClaim); !ok) return ok;
  const Time time = now();
  ++job.attempt;
  job.started_at = time;
  job.progress = {};
  job.lease = Lease{std::string(owner), time + lease, lease};
  return {};
}

void Lifecycle::renew(Job& job, Micros lease) const {
  job.lease->expires_at = now() + lease;
  job.lease->length = lease;
}

void Lifecycle::set_progress(Job& job, const Progress& progress) {
  // A fraction that is no number says nothing.
  const double fraction = std::isnan(progress.fraction) ? 0 : progress.fraction;
  job.progress = {std::clamp(fraction, 0.0, 1.0), cut(progress.message, kMaxMessage)};
}

Result<void> Lifecycle::set_checkpoint(Job& job, std::string_view checkpoint) const {
  if (auto ok = check_size("checkpoint", checkpoint.size(), options_.max_checkpoint); !ok)
    return ok;
  job.checkpoint = checkpoint;
  return {};
}

Result<void> Lifecycle::complete(Job& job, std::string_view result) const {
  if (auto ok = check_size("result", result.size(), options_.max_result); !ok) return ok;
  if (auto ok = step(job, Event::kComplete); !ok) return ok;
  job.result = std::string(result);
  job.suspect = false;
  job.checkpoint.clear();
  job.progress.fraction = 1;
  return {};
}

// Notes why an attempt that step() has just ended did not complete.
void Lifecycle::note_error(Job& job, std::string_view text) const {
  job.errors.push_back({job.attempt, now(), cut(text, kMaxErrorText)});
  if (job.errors.size() > kMaxErrors) job.errors.erase(job.errors.begin());
}

Result<void> Lifecycle::fail(Job& job, const FailRequest& request) const {
  const bool discard = request.next == FailRequest::Next::kDiscard;
  if (auto ok = step(job, discard ? Event::kDiscard : Event::kFail); !ok) return ok;
  ++job.failures;
  job.suspect = false;
  note_error(job, request.text);
  if (job.state == State::kRetryable) {
    wait(job, request.retry_after.value_or(
                  backoff_delay(options_.backoff, job.failures, options_.random())));
  }
  return {};
}

Result<void> Lifecycle::lose(Job& job, std::string_view why, bool alone) const {
  if (auto ok = step(job, alone ? Event::kLose : Event::kRequeue); !ok) return ok;
  note_error(job, why);
  if (alone) {
    ++job.failures;
  } else {
    ++job.interruptions;
    job.suspect = true;
  }
  if (job.state == State::kAvailable) job.scheduled_at = now();
  if (job.state != State::kRetryable) return {};
  // Once may be bad luck; a job that loses its worker again and again must not end them one by one.
  const bool first = job.failures == 1;
  wait(job, first ? Micros::zero()
                  : backoff_delay(options_.backoff, job.failures - 1, options_.random()));
  return first ? promote(job, now()) : Result<void>();
}

void Lifecycle::wait(Job& job, Micros delay) const {
  job.waits_since = now();
  job.scheduled_at = *job.waits_since + std::max(delay, Micros::zero());
}

Result<void> Lifecycle::snooze(Job& job, Micros delay) const {
  if (auto ok = step(job, Event::kSnooze); !ok) return ok;
  job.suspect = false;
  if (job.state == State::kCancelled) return {};
  wait(job, delay);
  return delay <= Micros::zero() ? promote(job, now()) : Result<void>();
}

Result<void> Lifecycle::requeue(Job& job) const {
  if (auto ok = step(job, Event::kRequeue); !ok) return ok;
  ++job.interruptions;
  job.scheduled_at = now();
  return {};
}

Result<void> Lifecycle::cancel(Job& job) const {
  if (auto ok = step(job, Event::kCancel); !ok) return ok;
  job.cancel_requested = job.state == State::kRunning;
  return {};
}

Result<void> Lifecycle::confirm_cancelled(Job& job) const {
  job.suspect = false;
  return step(job, Event::kConfirmCancel);
}

Result<void> Lifecycle::retry(Job& job) const {
  if (auto ok = step(job, Event::kRetry); !ok) return ok;
  job.failures = 0;
  job.finished_at.reset();
  job.scheduled_at = now();
  job.place = job.scheduled_at;
  job.waits_since.reset();
  return {};
}

Result<void> Lifecycle::promote(Job& job, Time now) const {
  if (job.waits_since && *job.waits_since > now) {
    wait(job, job.scheduled_at - *job.waits_since);
    return {};
  }
  if (auto ok = step(job, Event::kPromote); !ok) return ok;
  job.waits_since.reset();
  return {};
}

void Lifecycle::take_place(Job& job, Time place) const {
  job.place = place;
  // Since when it may run.
  job.scheduled_at = std::min(job.scheduled_at, now());
}

void Lifecycle::finish_now(Job& job) const {
  job.finished_at = now();
}

}  // namespace saola::jobs
