// When to try again, and for how long to wait: full jitter, a budget, and what the peer asks for.
#pragma once

#include <chrono>
#include <mutex>
#include <string_view>

#include <saola/base/time.hpp>
#include <saola/objects_s3/s3_store.hpp>

namespace saola::objects_s3 {

// A store's budget for retries: keeps many calls from hammering an endpoint that is down.
// Thread-safe.
class RetryBudget {
 public:
  // Pays for a retry; false when the budget is spent.
  bool pay(int cost);
  // A call succeeded: gives back what its retries cost, at least one token.
  void earn(int cost);

  static constexpr int kCapacity = 2000;
  static constexpr int kRetryCost = 5;
  static constexpr int kTimeoutCost = 10;

 private:
  std::mutex mutex_;
  // Guarded by mutex_.
  int tokens_ = kCapacity;
};

// The pause before try `next` (2, 3, …): `random` in [0, 1) of min(max, base · 2^(next-2)).
Duration retry_delay(const S3Options& options, unsigned next, double random);

// What a Retry-After header asks for: seconds or an HTTP date; at most one minute, zero when it
// says nothing we understand.
Duration parse_retry_after(std::string_view value, SystemTime now);

}  // namespace saola::objects_s3
