// The driver: runs the service in a process of its own, fires five tasks, pings it, measures.
#pragma once

#include <string>
#include <vector>

#include <boost/json/fwd.hpp>

namespace incident {

// One way to run the service.
struct Combination {
  std::string worker_class = "green";  // of Gunicorn: "gunicorn-gevent", …
  std::string executor = "fiber";
  std::string on_stall = "rescue";  // "none" of Gunicorn
};

struct DriveOptions {
  Combination combination;  // unless all
  bool all = false;
  bool json = false;
  std::string timeline;  // file for the drawing; empty: with `all` incident-timeline.svg
  double task_seconds = 3;
  bool second_round = false;  // the same again on the same server, when the first round is over
};

struct TaskSpan {
  std::size_t task = 0;
  long thread = 0;
  double from = 0;  // seconds since the tasks were fired
  double to = 0;
};
struct PingMark {
  long thread = 0;
  double time = 0;
};

struct Measured {
  Combination combination;
  std::string failure;            // why there are no figures; empty: there are
  double longest_silence_ms = 0;  // between two answers, while tasks were running
  double p50_ms = 0;              // of pings due while tasks were running
  double p99_ms = 0;
  double longest_wait_ms = 0;
  double second_wait_ms = 0;  // the same in the second round; 0: there was none
  std::size_t tasks_done = 0;
  double seconds = 0;      // from the first task's POST to the end of the last one, or its loss
  double idle_p50_ms = 0;  // before the tasks
  std::vector<TaskSpan> tasks;
  std::vector<PingMark> pings;
};

// Runs what the options ask for and prints it. Returns the process's exit status.
int drive(const DriveOptions& options);

}  // namespace incident
