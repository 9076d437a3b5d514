// StallReporter: turns notes into reports.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include <saola/base/inbox.hpp>
#include <saola/base/time.hpp>
#include <saola/runtime/stall_logger.hpp>

#include "monitor/rescue.hpp"

namespace saola::runtime::detail {

// Symbolises and calls the sink, on a thread of its own, for reading debug information takes longer
// than a stall may, and a sink may block.
class StallReporter {
 public:
  explicit StallReporter(observe::StallSink* sink);
  // Reports what was added, then ends.
  ~StallReporter();
  // Any thread; never waits. A note beyond 1,024 that wait is only counted.
  void add(StallNote note);
  // Waits until what was added has been reported, or the sink has taken `patience` over one report:
  // it is stuck then. Reading debug information may take its time, but not for ever.
  void flush(Duration patience);

 private:
  struct Queued {
    StallNote note;
    Queued* next;
  };
  void run();

  StallLogger log_;  // when there is no other sink
  observe::StallSink& sink_;
  Inbox<Queued> queued_;
  std::atomic<std::uint64_t> waiting_{0};
  std::atomic<std::uint64_t> dropped_{0};
  // Bumped after a push (release) and read before taking (acquire): the thread sleeps only when it
  // has seen every push. `done_` is what it has read when everything before was reported.
  std::atomic<std::uint32_t> added_{0};
  std::atomic<std::uint32_t> done_{0};
  // Since when the thread is inside the sink (ns of steady time), 0: it is not. Relaxed: a hint.
  std::atomic<std::int64_t> in_sink_since_ns_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace saola::runtime::detail
