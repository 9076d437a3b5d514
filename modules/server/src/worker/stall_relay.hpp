// Where a web worker's stalls go: its list, the metrics, the log and the arbiter.
#pragma once

#include <saola/observe/stall_log.hpp>
#include <saola/runtime/stall_logger.hpp>

#include "worker/worker_process.hpp"

namespace saola::server {

// The log gets a few of them (see StallLogger), the others every one.
class StallRelay final : public observe::StallSink {
 public:
  StallRelay(WorkerProcess& process, observe::StallLog& stalls)
      : process_(process), stalls_(stalls) {}

  void report(observe::StallReport report) override;

 private:
  WorkerProcess& process_;
  observe::StallLog& stalls_;
  runtime::StallLogger log_;
};

}  // namespace saola::server
