// What an App counts.
#include <algorithm>

#include "app/app_impl.hpp"

namespace saola::web {

void App::Impl::Series::declare(observe::MetricTable& table, std::string_view route) {
  const std::string name = method == http::Method::kOther ? "none" : std::string(to_string(method));
  const observe::Labels labels = {{"method", name}, {"route", std::string(route)}};
  static constexpr std::array<const char*, 4> kClasses = {"2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    observe::Labels with_status = labels;
    with_status.emplace_back("status", kClasses[i]);
    count_ids[i] = table.counter("saola_web_requests_total",
                                 "Requests answered, by route and class of status.", with_status);
  }
  latency_id = table.histogram("saola_web_request_seconds",
                               "Time from the request's head to the response's, in seconds.",
                               observe::latency_bounds(), labels);
}

void App::Impl::Series::count_in(const observe::MetricSlot& slot) {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = slot.counter(count_ids[i]);
  latency = slot.histogram(latency_id);
}

void App::Impl::Series::record(int status, Duration took) const {
  counts[static_cast<std::size_t>(std::clamp(status / 100, 2, 5) - 2)].add();
  latency.record(static_cast<std::uint64_t>(std::max(took, Duration::zero()).count()));
}

void App::declare_metrics(observe::MetricTable& table) {
  const auto make = [&](http::Method method, std::string_view route) {
    Impl::Series series{.method = method};
    series.declare(table, route);
    return series;
  };
  for (auto& entry : impl_->entries) {
    entry->series.clear();
    for (int i = 0; i < static_cast<int>(http::Method::kOther); ++i) {
      const auto method = static_cast<http::Method>(i);
      if (entry->route->methods.contains(method)) {
        entry->series.push_back(make(method, entry->route->pattern));
      }
    }
  }
  impl_->no_route = make(http::Method::kOther, "none");
}

void App::count_in(const observe::MetricSlot& slot) {
  for (auto& entry : impl_->entries) {
    for (Impl::Series& series : entry->series) series.count_in(slot);
  }
  if (impl_->no_route) impl_->no_route->count_in(slot);
}

}  // namespace saola::web
