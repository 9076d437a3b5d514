#include "process/server_metrics.hpp"

namespace saola::server {

ServerMetrics ServerMetrics::declare(const ServerDefinition& definition,
                                     observe::MetricTable& table) {
  ServerMetrics out{};
  for (const Role role : kSupervisedRoles) {
    const observe::Labels labels{{"role", std::string(to_string(role))}};
    out.workers[role] = table.gauge("saola_workers", "Worker processes that serve.", labels);
    out.deaths[role] = table.counter("saola_worker_deaths_total",
                                     "Worker processes that ended without being asked to.", labels);
    out.paused[role] =
        table.gauge("saola_workers_paused",
                    "1: none serves and new ones are held back, as they keep dying.", labels);
  }
  out.reloads = table.counter("saola_reloads_total", "Settings read anew and put in force.");
  out.backlog = table.gauge("saola_backlog", "Connections that wait to be accepted.");
  out.syslog_lost = table.counter("saola_syslog_lost_lines_total",
                                  "Lines of the logs that syslog could not take.");
  for (std::size_t i = 0; i < out.requests.size(); ++i) {
    out.requests[i] = table.counter("saola_http_requests_total", "Requests answered, by status.",
                                    {{"status", std::to_string(i + 1) + "xx"}});
  }
  out.request_time =
      table.histogram("saola_http_request_seconds", "Time from a request's head to its response.",
                      observe::latency_bounds());
  out.connections = table.gauge("saola_http_connections", "Open connections.");
  for (std::size_t i = 0; i < out.stalls.size(); ++i) {
    const auto action = static_cast<observe::StallAction>(i);
    out.stalls[i] =
        table.counter("saola_stalls_total", "Fibers that held their loop while others waited.",
                      {{"action", std::string(observe::to_string(action))}});
  }
  out.rescued = table.gauge("saola_rescued_fibers",
                            "Fibers that run on, away from the loop that was rescued from them.");
  if (definition.application != nullptr) definition.application->declare_metrics(table);
  if (definition.metrics) definition.metrics(table);
  return out;
}

}  // namespace saola::server
