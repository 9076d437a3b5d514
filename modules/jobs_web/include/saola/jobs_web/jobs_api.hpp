// The HTTP side of the service: its routes, as a handler for web workers.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <saola/http/handler.hpp>
#include <saola/jobs/store.hpp>
#include <saola/objects/buckets.hpp>
#include <saola/observe/metrics.hpp>
#include <saola/web/app.hpp>

#include "store_health.hpp"

namespace saola::split_service {

// What the routes work on.
struct ApiServices {
  std::unique_ptr<jobs::Store> store;
  // Asked for names only; objects are read by task workers.
  std::unique_ptr<objects::Buckets> buckets;
  // The server's numbers in Prometheus' text format.
  std::function<std::string()> metrics_text;
  // Where requests are counted; none: nowhere.
  std::optional<observe::MetricSlot> metrics;
  std::size_t queue_limit = 0;
  // How /readyz looks at the store.
  StoreHealthOptions health = {};
  // A stream of events holds the worker (class sync): send one event and let the client reconnect.
  bool one_event_a_stream = false;
};

// Views wait for the store on native threads of the runtime, so that on a fiber only that fiber
// waits.
class SplitApi final : public http::Handler {
 public:
  SplitApi();

  // Adds the routes' series. Before bind().
  void declare_metrics(observe::MetricTable& table) { app_.declare_metrics(table); }
  // REQUIRES: called once, before the first request.
  void bind(ApiServices services);

  // SUSPENDS.
  http::Response handle(http::Request& request) override { return app_.handle(request); }

 private:
  void add_routes();
  void add_job_routes();
  void add_operator_routes();
  void add_dashboard();

  web::Response post_split(web::Request& request) const;
  web::Response list_jobs(web::Request& request) const;
  web::Response show_job(std::string_view id) const;
  web::Response show_result(std::string_view id) const;
  web::Response watch_job(web::Request& request, std::string_view id) const;

  jobs::Job find_job(std::string_view id) const;
  web::Response job_answer(const jobs::Job& job, int status = 200) const;
  // The failure of an enqueue or retry as the client should hear it.
  web::HttpError queue_error(const Error& error) const;

  ApiServices services_;
  // After the store, which it uses.
  std::unique_ptr<StoreHealth> health_;
  web::App app_;
};

}  // namespace saola::split_service
