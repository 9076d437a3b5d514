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
  // Cancelled by one who does not want the answer.
  bool abandoned() {
    if (observer_.keeps_cancelled()) return false;
    // Also when the budget has ended the search: what follows it takes time too.
    if (stopped_by_ != StoppedBy::kCancel && observer_.cancelled()) {
      stopped_by_ = StoppedBy::kCancel;
    }
    return stopped_by_ == StoppedBy::kCancel;
  }
  // Says what is going on, but not at every call.
  void mention(std::string_view message) { tell_growth(told_, message); }
  // Time to keep for what follows the search.
  void reserve(Duration reserve) { reserve_ = reserve; }

  // The search is the first so much of the work, 0 … 1; all unless said.
  void set_search_part(double part) { search_part_ = part; }

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
    tell_growth(std::min(fraction, 1.0) * search_part_, progress.message);
    return stopped_by_ != StoppedBy::kDone;
  }
  // The same for what follows the search: goes on when the search used its part of the budget up.
  bool poll_after(const Progress& progress) {
    if (stopped_by_ == StoppedBy::kCancel) return true;
    if (observer_.cancelled()) stopped_by_ = StoppedBy::kCancel;
    tell_growth(search_part_ + (1 - search_part_) * progress.fraction, progress.message);
    return stopped_by_ == StoppedBy::kCancel ||
           (budget_ > Duration::zero() && elapsed() >= budget_);
  }
  void tell(double fraction, std::string_view message) {
    told_ = std::max(told_, fraction);
    told_at_ = elapsed();
    observer_.progress(told_, message);
  }

 private:
  // Not for every poll.
  void tell_growth(double fraction, std::string_view message) {
    constexpr double kStep = 0.005;
    constexpr Duration kLongest = std::chrono::milliseconds(500);
    fraction = std::clamp(fraction, told_, 1.0);
    if (fraction >= told_ + kStep || elapsed() >= told_at_ + kLongest) tell(fraction, message);
  }
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
  double search_part_ = 1;
  double told_ = 0;
  Duration told_at_ = Duration::zero();
  StoppedBy stopped_by_ = StoppedBy::kDone;
  std::string phase_;
};

}  // namespace saola::split
