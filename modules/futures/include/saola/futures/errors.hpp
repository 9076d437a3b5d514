// What futures and executors throw, by the names of concurrent.futures.
//
//   try {
//     return future.result(Deadline::after(1s));
//   } catch (const TimeoutError&) {
//     return busy();                        // the work goes on
//   } catch (const CancelledError&) {
//     return gone();
//   }
//
// A task of the caller's own that is cancelled while it waits throws runtime::Cancelled instead.
#pragma once

#include <stdexcept>

namespace saola::futures {

// The future was cancelled before its work began, or its work let itself be cancelled.
class CancelledError : public std::runtime_error {
 public:
  CancelledError() : std::runtime_error("the future was cancelled") {}
};

// A deadline passed; the work goes on.
class TimeoutError : public std::runtime_error {
 public:
  TimeoutError() : std::runtime_error("the deadline passed before the future was done") {}
};

// A result was set twice, or work was started twice: a mistake of the producer.
class InvalidStateError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// submit() after shutdown().
class ShutdownError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An executor whose initializer threw: what was pending fails with this, and so does submit().
class BrokenExecutor : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A Promise went away without a result.
class BrokenPromise : public std::runtime_error {
 public:
  BrokenPromise() : std::runtime_error("the promise was destroyed without setting a result") {}
};

}  // namespace saola::futures
