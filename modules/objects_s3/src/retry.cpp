#include "retry.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include <curl/curl.h>

namespace saola::objects_s3 {

bool RetryBudget::pay(int cost) {
  const std::lock_guard lock(mutex_);
  if (tokens_ < cost) return false;
  tokens_ -= cost;
  return true;
}

void RetryBudget::earn(int cost) {
  const std::lock_guard lock(mutex_);
  tokens_ = std::min(kCapacity, tokens_ + std::max(cost, 1));
}

Duration retry_delay(const S3Options& options, unsigned next, double random) {
  const unsigned doublings = std::min(next - 2, 20U);
  const Duration longest =
      std::min<Duration>(options.retry_max_delay, options.retry_base_delay * (1U << doublings));
  return std::chrono::duration_cast<Duration>(longest * random);
}

Duration parse_retry_after(std::string_view value, SystemTime now) {
  constexpr Duration kLongest = std::chrono::minutes(1);
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (end == value.data() + value.size() && error == std::errc()) {
    return std::min<Duration>(std::chrono::seconds(seconds), kLongest);
  }
  if (error == std::errc::result_out_of_range) return kLongest;
  const std::time_t date = curl_getdate(std::string(value).c_str(), nullptr);
  if (date == -1) return Duration::zero();
  const Duration wait = SystemTime(std::chrono::seconds(date)) - now;
  return std::clamp(wait, Duration::zero(), kLongest);
}

}  // namespace saola::objects_s3
