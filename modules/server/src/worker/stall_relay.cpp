#include "worker/stall_relay.hpp"

#include <utility>

namespace saola::server {
void StallRelay::report(observe::StallReport report) {
  if (begins(report)) {
    process_.facts()
        .metrics.counter(process_.metrics().stalls[static_cast<std::size_t>(report.action)])
        .add();
  }
  log_.report(report);
  process_.stall(report);
  stalls_.report(std::move(report));
}

}  // namespace saola::server
