// Lets long loops be cut short: counts their work and polls every so much of it.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <saola/split/search.hpp>

namespace saola::split {

class Pace {
 public:
  explicit Pace(Poll poll) : poll_(std::move(poll)) {}

  // What the next polls tell. `message` must outlive them.
  void tell(double fraction, std::string_view message) {
    fraction_ = fraction;
    message_ = message;
  }
  // Counts `work` (about a nanosecond each); true when the caller is to stop, then for ever.
  bool step(std::uint64_t work) {
    work_ += work;
    if (work_ >= next_poll_) ask();
    return stopped_;
  }
  // All work counted so far: the same on any machine, unlike time.
  std::uint64_t work() const { return work_; }
  bool stopped() const { return stopped_; }

 private:
  // A millisecond or two.
  static constexpr std::uint64_t kWorkPerPoll = 1'000'000;

  void ask() {
    next_poll_ = work_ + kWorkPerPoll;
    stopped_ = stopped_ || (poll_ && poll_({fraction_, message_, 0}));
  }

  Poll poll_;
  double fraction_ = 0;
  std::string_view message_;
  std::uint64_t work_ = 0;
  std::uint64_t next_poll_ = kWorkPerPoll;
  bool stopped_ = false;
};

}  // namespace saola::split
