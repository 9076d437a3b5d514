// Lets long loops be cut short: counts their work and polls every so much of it.
#pragma once

#include <cstdint>
#include <string_view>

#include <saola/split/search.hpp>

namespace saola::split {

class Pace {
 public:
  explicit Pace(const Poll& poll) : poll_(poll) {}

  // What the next polls tell. `message` must outlive them.
  void tell(double fraction, std::string_view message) {
    fraction_ = fraction;
    message_ = message;
  }
  // Counts `work` (about a nanosecond each); true when the caller is to stop, then for ever.
  bool step(std::uint64_t work) {
    work_ += work;
    if (work_ >= kWorkPerPoll) ask();
    return stopped_;
  }
  bool stopped() const { return stopped_; }

 private:
  // A millisecond or two.
  static constexpr std::uint64_t kWorkPerPoll = 1'000'000;

  void ask() {
    work_ = 0;
    stopped_ = stopped_ || (poll_ && poll_(fraction_, message_));
  }

  const Poll& poll_;
  double fraction_ = 0;
  std::string_view message_;
  std::uint64_t work_ = 0;
  bool stopped_ = false;
};

}  // namespace saola::split
