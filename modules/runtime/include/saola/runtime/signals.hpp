// Signals as something a task waits for.
//
//   SignalSet signals({SIGTERM, SIGINT});          // before the Runtime and its threads
//   Runtime runtime;
//   runtime.run([&] {
//     Task server = spawn(serve);
//     if (signals.wait(Deadline::never())) server.cancel();
//   });
#pragma once

#include <initializer_list>

#include <saola/base/error.hpp>
#include <saola/runtime/socket.hpp>

namespace saola::runtime {

// Takes over the given signals of the process (signalfd(2)). Make it on the first thread before
// others start, for threads inherit which signals are blocked and a signal that some thread does
// not block is not seen here. They stay blocked when it is destroyed; a child that Process starts
// has them unblocked.
class SignalSet {
 public:
  // Blocks the signals for the calling thread. Throws std::system_error.
  explicit SignalSet(std::initializer_list<int> signals);
  // The number of the next signal. Several of one number that came before the call are one.
  // kTimedOut, kCancelled. SUSPENDS. One task at a time.
  Result<int> wait(Deadline deadline);

 private:
  PollFd fd_;
};

}  // namespace saola::runtime
