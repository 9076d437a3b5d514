// What a split writes, wherever it ran: the files of its results and their summary.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/split/split.hpp>

namespace saola::split_service {

struct ResultFile {
  // The member of the summary that names it: "assignment", "report".
  std::string_view role;
  // Appended to the results' stem: ".assignment.csv".
  std::string_view ending;
  std::string bytes;
};

// The assignment and the balance report.
std::vector<ResultFile> result_files(const split::Table& table, const split::Outcome& outcome);

// What a job's result is, without the names of the files: objective, seconds, groups, balance,
// columns, and warnings and degraded where there are any.
boost::json::object summary_of(const split::Outcome& outcome);

// "us_states" of "data/us_states.csv.gz": how results are named after their source.
std::string stem_of(std::string_view path);

// The summary as a person reads it: groups, balance, strata, what became of the columns, warnings.
std::string summary_text(const boost::json::object& summary);

}  // namespace saola::split_service
