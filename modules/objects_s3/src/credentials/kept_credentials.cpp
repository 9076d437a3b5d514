#include <algorithm>

#include <saola/base/log.hpp>

#include "credentials/credentials.hpp"

namespace saola::objects_s3 {
namespace {

// Keys that expire are replaced this long before, or when half of their time is left if that is
// later; those that do not say when are asked for again after an hour.
constexpr Duration kAhead = std::chrono::minutes(10);
constexpr Duration kUnknown = std::chrono::hours(1);
// Between two tries to replace keys that are still good.
constexpr Duration kPause = std::chrono::seconds(1);

SystemTime renewal_of(const FoundCredentials& found, SystemTime now) {
  if (!found.expires) return now + kUnknown;
  return std::max(now + kPause, *found.expires - std::min(kAhead, (*found.expires - now) / 2));
}

}  // namespace

// What may be used without asking anybody.
std::optional<FoundCredentials> KeptCredentials::still_good() {
  const std::lock_guard lock(mutex_);
  const SystemTime now = clock_.system_now();
  if (!kept_ || now >= renew_at_ || (kept_->expires && now >= *kept_->expires)) return std::nullopt;
  return kept_;
}

Result<FoundCredentials> KeptCredentials::get(Deadline deadline) {
  if (auto kept = still_good()) return *std::move(kept);
  const std::lock_guard one_asks(asking_);
  if (auto kept = still_good()) return *std::move(kept);
  return renewed(deadline);
}

Result<FoundCredentials> KeptCredentials::renewed(Deadline deadline) {
  auto found = find_credentials(options_, deadline);
  const SystemTime now = clock_.system_now();
  const std::lock_guard lock(mutex_);
  if (found) {
    kept_.reset();
    if (found->keep) kept_ = *found;
    renew_at_ = renewal_of(*found, now);
    return found;
  }
  if (!kept_ || (kept_->expires && now >= *kept_->expires)) return found;
  log_warning("S3 credentials cannot be renewed yet; those at hand are still good",
              {{"error", found.error().message()}});
  renew_at_ = now + kPause;
  return *kept_;
}

bool KeptCredentials::expired(const S3Credentials& used) {
  const std::lock_guard lock(mutex_);
  // Somebody else has replaced them meanwhile.
  if (!kept_ || kept_->credentials->access_key_id != used.access_key_id ||
      kept_->credentials->session_token != used.session_token) {
    return kept_.has_value();
  }
  kept_.reset();
  return true;
}

}  // namespace saola::objects_s3
