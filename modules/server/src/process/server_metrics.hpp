// The series every server has.
#pragma once

#include <array>

#include <saola/observe/metrics.hpp>
#include <saola/server/server.hpp>

#include "process/by_role.hpp"

namespace saola::server {

struct ServerMetrics {
  // The arbiter's, in slot 0.
  ByRole<observe::GaugeId> workers;   // children that serve
  ByRole<observe::CounterId> deaths;  // that ended unasked
  ByRole<observe::GaugeId> paused;    // 1 while new ones are held back
  observe::CounterId reloads;
  observe::GaugeId backlog;  // connections waiting to be accepted
  // Of every process.
  observe::CounterId syslog_lost;
  // The web workers'.
  std::array<observe::CounterId, 5> requests;  // by the status's first digit - 1
  observe::HistogramId request_time;
  observe::GaugeId connections;
  std::array<observe::CounterId, 5> stalls;  // by observe::StallAction
  observe::GaugeId rescued;                  // fibers that run where they were rescued

  // Adds them to `table`, and after them those of the application.
  static ServerMetrics declare(const ServerDefinition& definition, observe::MetricTable& table);
};

}  // namespace saola::server
