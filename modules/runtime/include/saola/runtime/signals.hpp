// Signals as something a task waits for.
#pragma once

#include <initializer_list>

#include <saola/base/error.hpp>
#include <saola/runtime/socket.hpp>

namespace saola::runtime {

// Takes over the given signals of the process. Make it on the first thread before others start, for
// threads inherit which signals are blocked and a signal that some thread does not block is not
// seen here.
class SignalSet {
 public:
  // Blocks the signals for the calling thread. Throws std::system_error.
  explicit SignalSet(std::initializer_list<int> signals);
  // The number of the next signal. kTimedOut, kCancelled. SUSPENDS.
  Result<int> wait(Deadline deadline);

 private:
  PollFd fd_;
};

}  // namespace saola::runtime
