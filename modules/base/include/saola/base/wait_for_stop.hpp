// How a native thread sleeps in a loop that somebody may stop, without a wake-up pipe of its own
// and without polling.
//
//   std::jthread watcher([](const std::stop_token& stop) {
//     while (!wait_for_stop(stop, std::chrono::seconds(1))) look_once();
//   });  // ~jthread requests the stop; the thread wakes at once
//
// For threads of the system only: it blocks the whole thread. Code that may run on a fiber sleeps
// with runtime::this_task::sleep_for(), or waits for a runtime::Event.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace saola {

// Blocks the thread until a stop is requested or `time` is over, and returns at once when one was
// requested before. True: a stop was requested. False: only the time is over. Any number of threads
// may wait with the same token.
inline bool wait_for_stop(const std::stop_token& stop, std::chrono::nanoseconds time) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return stop.stop_requested();
}
// The same without an end: returns when a stop is requested. REQUIRES: stop.stop_possible(), or it
// never returns.
inline void wait_for_stop(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait(lock, stop, [] { return false; });
}

}  // namespace saola
