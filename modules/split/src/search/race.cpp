#include "search/race.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <thread>
#include <utility>

#include <fmt/core.h>

namespace saola::split {

Race::Winner Race::run(const MakeRunner& make) {
  auto threads = options_.threads == 0 ? std::thread::hardware_concurrency() : options_.threads;
  if (options_.restarts) threads = std::min<std::size_t>(threads, *options_.restarts);
  threads = std::max<std::size_t>(threads, 1);
  winner_.threads = threads;
  parts_.resize(threads);
  running_ = threads;
  if (threads == 1) {
    work(make, 0, [&](const Progress&) { return ask(); });
  } else {
    std::vector<std::jthread> workers;
    for (std::size_t w = 0; w < threads; ++w) {
      workers.emplace_back(
          [&, w] { work(make, w, [&](const Progress&) { return stop_.load(); }); });
    }
    constexpr std::chrono::milliseconds kPollEvery(5);
    std::unique_lock lock(mutex_);
    while (running_ > 0) {
      changed_.wait_for(lock, kPollEvery);
      lock.unlock();
      ask();
      lock.lock();
    }
  }
  // What cut restarts had found by then, and whole ones that smaller numbers are missing before.
  // They do not count as restarts.
  cut_.merge(early_);
  for (auto& [number, result] : cut_) {
    winner_.trials += result.trials;
    winner_.swaps += result.swaps;
    if (!winner_.best || result.best.cost < winner_.best->cost) {
      winner_.best = std::move(result.best);
      winner_.restart = number;
    }
  }
  return std::move(winner_);
}

void Race::work(const MakeRunner& make, std::size_t worker, const Poll& poll) {
  std::uint64_t counted = 0;
  Pace* current = nullptr;
  Pace pace([&](const Progress& progress) {
    improving_ += current->work() - counted;
    counted = current->work();
    return poll(progress);
  });
  current = &pace;
  const auto restart = make();
  while (const auto number = take()) {
    auto result = restart(*number, pace, [&](double part) {
      const std::lock_guard lock(mutex_);
      parts_[worker] = part;
    });
    submit(*number, std::move(result), !pace.stopped());
    if (pace.stopped()) break;
  }
  const std::lock_guard lock(mutex_);
  --running_;
  changed_.notify_all();
}

std::optional<std::size_t> Race::take() {
  const std::lock_guard lock(mutex_);
  // One starts whatever happens, so that there is an answer.
  if ((stop_ && next_ > 0) || (options_.restarts && next_ >= *options_.restarts))
    return std::nullopt;
  return next_++;
}

void Race::submit(std::size_t number, RestartResult result, bool whole) {
  const std::lock_guard lock(mutex_);
  if (decided()) return;  // a restart begun before the race was over
  if (!whole) {
    cut_.emplace(number, std::move(result));
    return;
  }
  early_.emplace(number, std::move(result));
  while (!decided() && !early_.empty() && early_.begin()->first == judged_) {
    auto next = early_.extract(early_.begin());
    judge(next.key(), std::move(next.mapped()));
  }
  if (decided()) {
    early_.clear();
    stop_ = true;
  }
}

void Race::judge(std::size_t number, RestartResult result) {
  ++judged_;
  winner_.restarts = judged_;
  winner_.trials += result.trials;
  winner_.swaps += result.swaps;
  if (options_.designs > 0) keep_design(result.best);
  if (winner_.best && result.best.cost >= winner_.best->cost) {
    fruitless_ += restart_eighths(options_, number);
    return;
  }
  winner_.best = std::move(result.best);
  winner_.restart = number;
  fruitless_ = 0;
}

// The groups renamed in the order in which they appear.
std::vector<std::uint32_t> canonical(const std::vector<std::uint32_t>& group_at) {
  std::vector<std::uint32_t> names;
  std::vector<std::uint32_t> out;
  out.reserve(group_at.size());
  for (const auto g : group_at) {
    if (g >= names.size()) names.resize(g + 1, UINT32_MAX);
    if (names[g] == UINT32_MAX) {
      names[g] = static_cast<std::uint32_t>(std::count_if(
          names.begin(), names.end(), [](std::uint32_t n) { return n != UINT32_MAX; }));
    }
    out.push_back(names[g]);
  }
  return out;
}

void Race::keep_design(const Best& best) {
  if (options_.keep == SearchOptions::Keep::kEach) {
    winner_.designs.push_back(best);
    return;
  }
  Best design = best;
  if (options_.labels == SearchOptions::Labels::kFree) design.group_at = canonical(best.group_at);
  auto& designs = winner_.designs;
  const bool known = std::any_of(designs.begin(), designs.end(), [&](const Best& other) {
    return other.group_at == design.group_at;
  });
  if (known) return;
  // Behind those that cost the same: the earlier restart goes first.
  const auto place =
      std::upper_bound(designs.begin(), designs.end(), design.cost,
                       [](double cost, const Best& other) { return cost < other.cost; });
  designs.insert(place, std::move(design));
  if (designs.size() > options_.designs) designs.pop_back();
}

bool Race::decided() const {
  constexpr std::size_t kTriesADesign = 20;
  if (options_.designs > 0 && !options_.restarts && winner_.designs.size() < options_.designs &&
      judged_ < kTriesADesign * options_.designs) {
    return false;
  }
  return options_.restarts ? judged_ >= *options_.restarts : fruitless_ >= patience();
}

bool Race::ask() {
  std::string message;
  double fraction = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return true;
    const double parts = std::accumulate(parts_.begin(), parts_.end(), 0.0);
    if (options_.restarts) {
      const auto done = static_cast<double>(judged_ + early_.size());
      fraction = std::min((done + parts) / static_cast<double>(*options_.restarts), 1.0);
    } else {
      fraction = static_cast<double>(fruitless_) / static_cast<double>(patience());
      fraction = std::min(fraction, 1.0);
    }
    message = fmt::format("improving, restart {}", next_);
    if (winner_.best) message += fmt::format(", best {:.6g}", std::abs(winner_.best->cost));
  }
  if (!poll_ || !poll_({fraction, message, improving_})) return false;
  const std::lock_guard lock(mutex_);
  winner_.stopped = !decided();
  stop_ = true;
  return true;
}

}  // namespace saola::split
