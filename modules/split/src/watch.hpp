// Turns the search's polls into the observer's calls and the end of the budget.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <saola/base/time.hpp>
#include <saola/split/search.hpp>
#include <saola/split/split.hpp>

namespace saola::split {

class Watch {
 public:
  Watch(Observer& observer, const Clock& clock, Duration budget)
      : observer_(observer), clock_(clock), budget_(budget), start_(clock.steady_now()) {}

  Duration elapsed() const { return clock_.steady_now() - start_; }
  StoppedBy stopped_by() const { return stopped_by_; }
  // What was going on when it was stopped.
  const std::string& phase() const { return phase_; }
  // Time to keep for what follows the search.
  void reserve(Duration reserve) { reserve_ = reserve; }

  bool poll(const Progress& progress) {
    if (stopped_by_ != StoppedBy::kDone) return true;
    double fraction = progress.fraction;
    const auto now = elapsed();
    if (observer_.cancelled()) {
      stopped_by_ = StoppedBy::kCancel;
    } else if (budget_ > Duration::zero()) {
      if (spent(now + reserve_, progress.improving)) stopped_by_ = StoppedBy::kBudget;
      fraction = std::max(fraction, static_cast<double>((now + reserve_).count()) /
                                        static_cast<double>(budget_.count()));
    }
    if (stopped_by_ != StoppedBy::kDone) phase_ = progress.message;
    constexpr double kStep = 0.005;
    constexpr Duration kLongest = std::chrono::milliseconds(500);
    fraction = std::clamp(fraction, told_, 1.0);
    if (fraction >= told_ + kStep || now >= told_at_ + kLongest) tell(fraction, progress.message);
    return stopped_by_ != StoppedBy::kDone;
  }
  void tell(double fraction, std::string_view message) {
    told_ = std::max(told_, fraction);
    told_at_ = elapsed();
    observer_.progress(told_, message);
  }

 private:
  // Wall-clock time counts, but not before the search has had a floor of CPU time: on a busy
  // machine the budget could pass without any.
  bool spent(Duration now, std::uint64_t improving) const {
    if (now < budget_) return false;
    const auto floor = std::min<Duration>(budget_ / 2, std::chrono::milliseconds(500));
    constexpr int kPatience = 10;
    return improving >= static_cast<std::uint64_t>(floor.count()) || now >= kPatience * budget_;
  }

  Observer& observer_;
  const Clock& clock_;
  const Duration budget_;
  const SteadyTime start_;
  Duration reserve_ = Duration::zero();
  double told_ = 0;
  Duration told_at_ = Duration::zero();
  StoppedBy stopped_by_ = StoppedBy::kDone;
  std::string phase_;
};

}  // namespace saola::split
