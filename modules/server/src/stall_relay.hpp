// Where a web worker's stalls go: its list, the metrics, the log and the arbiter.
#pragma once

#include <map>
#include <string>

#include <saola/base/time.hpp>
#include <saola/observe/stall_log.hpp>

#include "worker_process.hpp"

namespace saola::server {

// The log gets one line per spawn site and action in kLogAgainAfter; the others get every report.
class StallRelay final : public observe::StallSink {
 public:
  static constexpr Duration kLogAgainAfter = std::chrono::seconds(10);

  StallRelay(WorkerProcess& process, observe::StallLog& stalls)
      : process_(process), stalls_(stalls) {}

  void report(observe::StallReport report) override;

 private:
  struct Logged {
    SteadyTime last{};
    std::uint64_t left_out = 0;
  };
  void log_it(const observe::StallReport& report);

  WorkerProcess& process_;
  observe::StallLog& stalls_;
  std::map<std::string, Logged> logged_;  // used by the reporting thread only
};

}  // namespace saola::server
