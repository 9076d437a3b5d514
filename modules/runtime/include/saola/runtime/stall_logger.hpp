// Stall reports as lines of the log: where they go when RuntimeOptions::stall_sink is null, and a
// sink to pass them on to. One looks like this, in one line:
//
//   2026-11-23T01:02:03.456Z warning [web 1 4711] fiber request has held the loop for 12 ms while
//   others waited: rescued spawned=app.cpp:40 subject="GET /report" verdict=cpu why=… advice=…
//   left_out=0 stack="render < report < …"
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <saola/base/time.hpp>
#include <saola/observe/stall_report.hpp>

namespace saola::runtime {

// A warning for each report, but only one for each spawn site, action and phase in kLogAgainAfter;
// the line says how many were left out before it. The stack has its twelve innermost frames. Used
// by one thread at a time.
class StallLogger final : public observe::StallSink {
 public:
  // One of a kind is logged again after so long.
  static constexpr Duration kLogAgainAfter = std::chrono::seconds(10);

  // Writes to the log, so it may block as long as that does; never call it on a fiber.
  void report(observe::StallReport report) override;

 private:
  struct Logged {
    SteadyTime last{};
    std::uint64_t left_out = 0;
  };
  std::map<std::string, Logged> logged_;
};

}  // namespace saola::runtime
