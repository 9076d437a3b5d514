// The request of POST /split and the options of `saola split`: what may be asked, and what it
// means.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/base/error.hpp>
#include <saola/http/problem.hpp>
#include <saola/objects/object_name.hpp>
#include <saola/split/options.hpp>
#include <saola/split/panel.hpp>
#include <saola/split/read.hpp>
#include <saola/web/schema.hpp>

namespace saola::split_task {

// Defaults of what a request leaves out.
inline constexpr double kDefaultBudgetSeconds = 60;
inline constexpr double kMaxBudgetSeconds = 86'400;

// How to read a table and how to split it: what is asked of the service and of the command alike.
struct SplitTask {
  split::ReadOptions reading;
  split::Options options;
  // The table has one row a unit and time.
  std::optional<split::PanelOptions> panel;
  // Columns of the table that the assignment carries beside the id and the group.
  std::vector<std::string> assignment_columns;
  // An Excel workbook instead of CSV.
  bool workbook = false;
};

struct SplitRequest {
  objects::ObjectName source;
  // Where the results go; "out/" beside the source unless the client says otherwise.
  objects::ObjectPrefix destination;
  SplitTask task;
};

// The shape of the JSON document, with the defaults in its descriptions.
const web::Schema& split_schema();
// The same without `source` and `destination`.
const web::Schema& task_schema();

// Whether the bucket of a source may be read, and results may go to a prefix; the error says why
// not.
struct PlaceChecks {
  std::function<Result<void>(const objects::ObjectName&)> source;
  std::function<Result<void>(const objects::ObjectPrefix&)> destination;
};

// Reads the document. On failure `errors` has every problem at once, each with a JSON Pointer.
std::optional<SplitRequest> parse_split_request(const boost::json::value& document,
                                                const PlaceChecks& checks,
                                                std::vector<http::FieldError>& errors);

// Reads the same document without `source` and `destination`.
std::optional<SplitTask> parse_split_task(const boost::json::value& document,
                                          std::vector<http::FieldError>& errors);

// The document with every default filled in; parse_split_request() of it gives the same request.
// What a job keeps as its payload.
std::string to_payload(const SplitRequest& request);

// The request in a job's payload. kInvalidArgument when this version does not understand it.
Result<SplitRequest> from_payload(const std::string& payload);

}  // namespace saola::split_task
