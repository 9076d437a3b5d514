// Stall reports as lines of the log.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <saola/base/time.hpp>
#include <saola/observe/stall_report.hpp>

namespace saola::runtime {

// One line for each spawn site, action and phase in kLogAgainAfter; the line says how many were
// left out before it. Used by one thread at a time.
class StallLogger final : public observe::StallSink {
 public:
  static constexpr Duration kLogAgainAfter = std::chrono::seconds(10);

  void report(observe::StallReport report) override;

 private:
  struct Logged {
    SteadyTime last{};
    std::uint64_t left_out = 0;
  };
  std::map<std::string, Logged> logged_;
};

}  // namespace saola::runtime
