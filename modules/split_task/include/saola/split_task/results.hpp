// What a split writes, wherever it ran: the files of its results and their summary.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/split/split.hpp>
#include <saola/split_task/input.hpp>
#include <saola/split_task/request.hpp>

namespace saola::split_task {

struct ResultFile {
  // The member of the summary that names it: "assignment", "report", "page".
  std::string_view role;
  // Appended to the results' stem: ".assignment.csv".
  std::string_view ending;
  std::string bytes;
};

// The assignment, the balance report and its page. `source` names the data in the page. Fails with
// kInvalidArgument when a column that the assignment is to carry is not in the table.
Result<std::vector<ResultFile>> result_files(const split::Table& table,
                                             const split::Outcome& outcome, const SplitTask& task,
                                             std::string_view source);

// What a job's result is, without the names of the files: objective, seconds, groups, balance,
// columns, of a panel the geo test, and warnings and degraded where there are any.
boost::json::object summary_of(const split::Outcome& outcome);

// What was understood of a table, for people: columns, roles, missing values, groups, warnings.
boost::json::object preview_json(const TaskInput& input, const split::Preview& preview);
std::string preview_text(const boost::json::object& preview);

// "us_states" of "data/us_states.csv.gz": how results are named after their source.
std::string stem_of(std::string_view path);

// The summary as a person reads it: groups, balance, strata, what became of the columns, warnings.
std::string summary_text(const boost::json::object& summary);

}  // namespace saola::split_task
