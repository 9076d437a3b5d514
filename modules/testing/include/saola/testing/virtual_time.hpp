// For tests: time that passes only when everybody waits for it, and then at once.
//
//   TEST(Retry, GivesUpAfterAnHour) {
//     testing::VirtualTime time;
//     runtime::Runtime runtime;
//     runtime.run([] { EXPECT_FALSE(fetch_with_retries(Deadline::after(1h))); });
//     EXPECT_EQ(time.elapsed(), 1h);  // and took a few milliseconds
//   }
//
// While one lives, steady_now() stands still, and with it every Deadline, sleep, Ticker, scope and
// time-out of runtime, futures and what is built on them. When everything that counts is at rest,
// time moves to the earliest deadline that anybody waits for. No code has to know.
//
// What counts: time stands while
//   * a fiber of any Runtime is ready or runs, on its loop or on a side carrier;
//   * offload_cpu() or offload_blocking() has work, a native task runs, or a thread of
//     runtime::start_thread() does (the executors' workers): until it ends, or while it is not inside
//     a wait of runtime (Mutex, Event, Queue, join(), sleep, a socket …). A thread that blocks
//     elsewhere (a std::mutex, std::thread::join(), read(2)) is working, and holds time;
//   * the thread that made the VirtualTime works, in the same sense;
//   * a descriptor that a task waits for is ready: bytes that were sent are received before time
//     moves;
//   * a task waits for resolve();
//   * a Hold lives.
// What does not count, because it cannot be seen: plain std::threads (their waits in runtime do end
// at their virtual deadlines), and what is outside of this process. So an awaited child process, or
// a peer elsewhere, is given no time: if a task waits for it with a deadline, the deadline comes first.
// Hold time around such work, or give it no deadline: time cannot pass a wait that has none if it is
// the only one. Between sockets of one process this is exact for Unix sockets and pipes; a loaded
// kernel may deliver on TCP's loopback a moment later.
//
// What stays real: system_clock and Clock::system_now(), std::chrono::steady_clock and real_clock()
// when asked directly, std's timed waits, and the monitor: a fiber that hogs the loop for 10 ms of
// real time is rescued as ever.
//
// A loop that spins until a deadline passes without suspending, or yields until then, spins for ever:
// sleep instead. The order of waits that end at one moment is not defined (seeds.hpp draws it).
#pragma once

#include <memory>

#include <saola/base/time.hpp>

namespace saola::testing {

class VirtualTime {
 public:
  // Time begins at the present. REQUIRES: not a fiber; one at a time; made before the Runtimes,
  // executors and threads whose time it is to be.
  VirtualTime();
  // Time is real again, hence earlier: REQUIRES that nothing which waits, or holds a Deadline of
  // virtual time, is left. On the thread that made it.
  ~VirtualTime();
  VirtualTime(const VirtualTime&) = delete;
  VirtualTime& operator=(const VirtualTime&) = delete;

  // How far time has moved since it was made. Any thread.
  Duration elapsed() const;

  // Time does not move while one lives. Any thread or fiber, which may suspend meanwhile; ends before
  // the VirtualTime does. Without a VirtualTime it does nothing.
  //
  //   const testing::VirtualTime::Hold until_it_ends;
  //   runtime::run_process({"make", "index"}, {.deadline = Deadline::after(10s)});
  class Hold {
   public:
    Hold();
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    struct Impl;
    const std::unique_ptr<Impl> impl_;
  };

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace saola::testing
