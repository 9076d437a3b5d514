#include <algorithm>

#include <fmt/core.h>

#include <saola/jobs/job_id.hpp>

namespace saola::jobs {

std::string JobIdSource::next(Time now, std::uint64_t random) {
  const auto us =
      static_cast<std::uint64_t>(std::max<std::int64_t>(now.time_since_epoch().count(), 0));
  const std::uint64_t time = us / 1000 * 4096 + us % 1000 * 4096 / 1000;
  last_ = std::max(time, last_ + 1);
  const std::uint64_t ms = last_ / 4096 & 0xffff'ffff'ffff;
  const std::uint64_t low = (random & 0x3fff'ffff'ffff'ffff) | 0x8000'0000'0000'0000;
  return fmt::format("{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}", ms >> 16, ms & 0xffff, last_ % 4096,
                     low >> 48, low & 0xffff'ffff'ffff);
}

bool is_job_id(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

}  // namespace saola::jobs
