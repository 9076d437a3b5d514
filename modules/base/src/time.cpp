#include <ctime>

#include <fmt/core.h>

#include <saola/base/time.hpp>
#include <saola/base/virtual_now.hpp>

namespace saola {
namespace {

class RealClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
  SystemTime system_now() const override { return std::chrono::system_clock::now(); }
};

}  // namespace

const Clock& real_clock() {
  static const RealClock clock;
  return clock;
}

std::atomic<std::int64_t> detail::virtual_now_ns{0};

SteadyTime steady_now() {
  const std::int64_t stands_at = detail::virtual_now_ns.load(std::memory_order_relaxed);
  if (stands_at != 0) [[unlikely]]
    return SteadyTime(Duration(stands_at));
  return std::chrono::steady_clock::now();
}

Deadline Deadline::after(Duration duration) {
  const SteadyTime now = steady_now();
  if (duration >= SteadyTime::max() - now) return never();
  return at(now + duration);
}

Duration Deadline::remaining() const {
  if (is_never()) return Duration::max();
  const Duration left = time_ - steady_now();
  return left > Duration::zero() ? left : Duration::zero();
}

std::string format_rfc3339(SystemTime time) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(ms).count();
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms.count() - seconds * 1000);
}

}  // namespace saola
