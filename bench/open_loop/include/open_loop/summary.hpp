// Percentiles, and the place in which a load generator runs.
#pragma once

#include <sched.h>

#include <cstdint>
#include <vector>

#include <saola/base/time.hpp>

namespace open_loop {

// Milliseconds of the smallest value that `share` (0…1) of all values do not exceed; 0 for none.
double percentile_ms(std::vector<saola::Duration> values, double share);

// A port on 127.0.0.1 that nobody listens on just now.
std::uint16_t free_port();

// While one lives, the calling thread runs on the last of the cores it may use, at a raised
// priority where the user may raise it (root): it is the measuring instrument, and what it waits
// for the CPU would be blamed on the server.
class InstrumentThread {
 public:
  InstrumentThread();
  ~InstrumentThread();
  InstrumentThread(const InstrumentThread&) = delete;
  InstrumentThread& operator=(const InstrumentThread&) = delete;

 private:
  cpu_set_t allowed_;
  int nice_ = 0;
};

}  // namespace open_loop
