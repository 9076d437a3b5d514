// What the client commands print for people.
#pragma once

#include <string>

#include <boost/json/fwd.hpp>

namespace saola::jobs_client {

// Shows how a job goes on, on standard error: a bar that is redrawn on a terminal, a line for each
// change otherwise. Use one for one job; the destructor ends the bar's line.
class ProgressPrinter {
 public:
  // `terminal`: whether standard error is one.
  explicit ProgressPrinter(bool terminal) : terminal_(terminal) {}
  ~ProgressPrinter();
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;

  void show(const boost::json::value& job);

 private:
  const bool terminal_;
  bool drawn_ = false;
  std::string last_;
};

// "[#####.....]  50 % running: splitting 50 rows", the bar `width` characters wide.
std::string progress_line(const boost::json::value& job, int width);

// The job's facts, one a line.
std::string job_text(const boost::json::value& job);
// One line for each member of the result.
std::string result_text(const boost::json::value& result);
// A line for each job of GET /jobs.
std::string job_table(const boost::json::value& page);

}  // namespace saola::jobs_client
