#include "split_service.hpp"

#include <boost/json.hpp>

#include "split_command.hpp"
#include "split_job.hpp"
#include "task/request.hpp"

namespace saola::split_service {

std::unique_ptr<Service> make_split_service() {
  auto service = std::make_unique<Service>(
      "split-service",
      ServiceOptions{.version = SAOLA_VERSION,
                     .description = "Splits the rows of a table into groups as alike as possible.",
                     .license = "Apache-2.0",
                     .default_buckets = "samples=examples/data"});
  const auto split = service->task<boost::json::value>(
      "split", [](Job& job) { return run_split(job.context(), job.objects(), real_clock()); });
  service->post(
      "/split",
      [split, &service = *service](Request& request) {
        std::vector<http::FieldError> errors;
        const auto wanted = parse_split_request(request.json(),
                                                {[&](const objects::ObjectName& name) {
                                                   return service.buckets().check(name.bucket());
                                                 },
                                                 [&](const objects::ObjectPrefix& prefix) {
                                                   return service.buckets().check_writable(prefix);
                                                 }},
                                                errors);
        if (!wanted || !errors.empty()) throw web::invalid_body(std::move(errors));
        return split.accept(request, boost::json::parse(to_payload(*wanted)));
      },
      {.endpoint = "split",
       .doc = "Start a split\n\nStores the job durably and answers at once; a task worker does the "
              "work.",
       .body = split_schema()});
  service->command("submit", "start a split, show its progress and how alike the groups are",
                   run_submit);
  return service;
}

}  // namespace saola::split_service
