#include "split_service.hpp"

#include <boost/json.hpp>

#include <saola/service/uploads.hpp>
#include <saola/split_task/request.hpp>

#include "result_routes.hpp"
#include "split_command.hpp"
#include "split_job.hpp"

namespace saola::split_service {

using namespace split_task;  // NOLINT(google-build-using-namespace): a program, not a library

namespace {

constexpr server::Setting<std::int64_t> kSourceMaxBytes{"source-max-bytes"};
constexpr server::Setting<std::int64_t> kTableMaxBytes{"table-max-bytes"};
constexpr server::Setting<std::int64_t> kSourceMaxExpansion{"source-max-expansion"};

std::vector<server::SettingRow> source_rows() {
  using enum server::SettingType;
  return {
      {.section = "Splits",
       .key = kSourceMaxBytes.key,
       .type = kBytes,
       .default_value = "1G",
       .doc =
           "Largest source, as it lies in its bucket. A job holds it in memory, and the table it "
           "becomes: about five times the text in all.",
       .min = 1},
      {.section = "Splits",
       .key = kTableMaxBytes.key,
       .type = kBytes,
       .default_value = "1G",
       .doc = "Largest table, as text: decompressed and in UTF-8.",
       .min = 1},
      {.section = "Splits",
       .key = kSourceMaxExpansion.key,
       .type = kInteger,
       .default_value = "100",
       .doc = "How many times its own size a compressed source may hold; 64 MiB are always good. "
              "Tables shrink to a tenth when they are compressed, hardly ever to a hundredth.",
       .min = 1,
       .max = 1'000'000},
  };
}

SourceLimits limits_of(const server::Settings& settings) {
  const auto number = [&](const server::Setting<std::int64_t>& key) {
    return static_cast<std::uint64_t>(settings.get(key));
  };
  SourceLimits limits{.bytes = number(kSourceMaxBytes)};
  limits.table.bytes = number(kTableMaxBytes);
  limits.table.expansion = number(kSourceMaxExpansion);
  return limits;
}

enum class Results { kWritten, kNone };

// The request, checked, as a job keeps it. Throws 422 with all that is wrong with it.
boost::json::value payload_of(Service& service, Request& request, Results results) {
  request.refuse_unknown_args();
  std::vector<http::FieldError> errors;
  const PlaceChecks checks{
      [&](const objects::ObjectName& name) { return service.buckets().check(name.bucket()); },
      [&](const objects::ObjectPrefix& prefix) {
        return results == Results::kNone ? Result<void>()
                                         : service.buckets().check_writable(prefix);
      }};
  const auto wanted = parse_split_request(request.json(), checks, errors);
  if (!wanted || !errors.empty()) throw web::invalid_body(std::move(errors));
  return boost::json::parse(to_payload(*wanted));
}

}  // namespace

std::unique_ptr<Service> make_split_service() {
  auto service = std::make_unique<Service>(
      "split-service",
      ServiceOptions{.version = SAOLA_VERSION,
                     .description = "Splits the rows of a table into groups as alike as possible.",
                     .license = "Apache-2.0",
                     .default_buckets = "samples=examples/data"});
  const auto split = service->task<boost::json::value>("split", [&service = *service](Job& job) {
    return run_split(job.context(), job.objects(), real_clock(), limits_of(service.settings()));
  });
  const auto check = service->task<boost::json::value>("check", [&service = *service](Job& job) {
    return run_check(job.context(), job.objects(), limits_of(service.settings()));
  });
  for (server::SettingRow& row : source_rows()) service->setting(std::move(row));
  service->post(
      "/split",
      [split, &service = *service](Request& request) {
        return split.accept(request, payload_of(service, request, Results::kWritten));
      },
      {.endpoint = "split",
       .doc = "Start a split\n\nStores the job durably and answers at once; a task worker "
              "does the work.",
       .body = split_schema()});
  service->post(
      "/split/check",
      [check, &service = *service](Request& request) {
        return check.accept(request, payload_of(service, request, Results::kNone));
      },
      {.endpoint = "check",
       .doc = "Read a table without splitting it\n\nA job whose result is what a split of "
              "the same request would work on: columns and their roles, missing values, "
              "levels, groups, warnings. Writes nothing.",
       .body = split_schema()});
  add_upload_route(*service,
                   {.most_bytes = [&it = *service] { return limits_of(it.settings()).bytes; },
                    .setting = "source-max-bytes",
                    .used_by = "POST /split"});
  add_result_routes(*service);
  service->command("submit", "start a split, show its progress and how alike the groups are",
                   run_submit);
  return service;
}

}  // namespace saola::split_service
