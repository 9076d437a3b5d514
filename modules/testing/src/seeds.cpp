#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>

#include <fmt/core.h>

#include <saola/base/exception_text.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/runtime/scope.hpp>
#include <saola/testing/seeds.hpp>
#include <saola/testing/virtual_time.hpp>

#include "testing/seeded_order.hpp"
#include "testing/virtual_clock.hpp"

namespace saola::testing {

struct SeededSchedule::Impl {
  runtime::detail::Seeds seeds;
};

SeededSchedule::SeededSchedule(std::uint64_t seed, ScheduleOptions options)
    : impl_(new Impl{.seeds{seed, options.slices_per_theft}}) {}
SeededSchedule::~SeededSchedule() = default;

std::vector<std::uint64_t> SeededSchedule::trace() const {
  return impl_->seeds.trace();
}

namespace {

constexpr const char* kSeedVariable = "SAOLA_TEST_SEED";

// Says which seed was running when the process is aborted.
class AbortNote {
 public:
  AbortNote() {
    struct sigaction note{};
    note.sa_handler = say;
    ::sigaction(SIGABRT, &note, &before_);
  }
  ~AbortNote() { ::sigaction(SIGABRT, &before_, nullptr); }
  AbortNote(const AbortNote&) = delete;
  AbortNote& operator=(const AbortNote&) = delete;

  void set(std::uint64_t seed) {
    const auto end = fmt::format_to_n(text_, sizeof text_, "seed {} was running; replay: {}={}\n",
                                      seed, kSeedVariable, seed);
    length_ = end.size;
  }

 private:
  // abort() ends the process when it returns.
  static void say(int) { [[maybe_unused]] auto n = ::write(STDERR_FILENO, text_, length_); }

  // Of the one for_seeds() that runs: a VirtualTime is in it.
  static inline char text_[128];
  static inline volatile std::size_t length_ = 0;
  struct sigaction before_{};
};

// What went wrong, in words; empty: nothing.
std::string run_once(std::uint64_t seed, const std::function<void(std::uint64_t)>& body,
                     const SeedsOptions& options) {
  const VirtualTime time;
  runtime::detail::VirtualClock::current()->when_stuck([] {
    std::fputs("for_seeds: every task waits for another, and no deadline is left: a deadlock\n",
               stderr);
    std::abort();
  });
  const SeededSchedule schedule(seed, options.schedule);
  runtime::Runtime runtime({.on_stall = runtime::StallPolicy::kIgnore, .learn_placement = false});
  Result<void> end;
  runtime.run(
      [&] { end = runtime::with_deadline(options.limit, [&] { body(seed); }, "for_seeds"); });
  if (!end) {
    return fmt::format(
        "the body had not ended after {} s of virtual time; do its tasks wait for "
        "each other? ({})",
        std::chrono::duration<double>(options.limit).count(), end.error().message());
  }
  if (options.failed && options.failed()) return "the test has failed";
  return {};
}

std::string describe(std::uint64_t seed, std::uint64_t of, const std::string& why) {
  return fmt::format("seed {} of {}: {}\nReplay it alone: {}={}", seed, of, why, kSeedVariable,
                     seed);
}

}  // namespace

void for_seeds(std::uint64_t seeds, std::function<void(std::uint64_t)> body, SeedsOptions options) {
  std::uint64_t first = 1;
  std::uint64_t last = seeds;
  if (const char* only = std::getenv(kSeedVariable)) {
    const char* end = only + std::strlen(only);
    const auto [stopped, error] = std::from_chars(only, end, first);
    if (error != std::errc() || stopped != end) {
      throw std::invalid_argument(fmt::format("{}='{}' is no number", kSeedVariable, only));
    }
    last = first;
  }
  AbortNote note;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    note.set(seed);
    std::string why;
    try {
      why = run_once(seed, body, options);
    } catch (...) {
      std::throw_with_nested(
          SeedFailed(seed, describe(seed, seeds, exception_text(std::current_exception()))));
    }
    if (!why.empty()) throw SeedFailed(seed, describe(seed, seeds, why));
  }
}

}  // namespace saola::testing
