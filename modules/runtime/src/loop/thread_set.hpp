// Threads that come and go, each joined: by the next one that goes, never by who starts one.
#pragma once

#include <iterator>
#include <list>
#include <thread>
#include <utility>

namespace saola::runtime::detail {

// Not thread-safe: guarded by its owner's mutex, except join_last() at the owner's end.
class ThreadSet {
 public:
  using Handle = std::list<std::thread>::iterator;

  // Starts a thread that runs body(handle). Throws std::system_error when there is none to be had.
  template <typename Body>
  void start(Body body) {
    running_.emplace_back();
    const auto handle = std::prev(running_.end());
    try {
      *handle = std::thread([body = std::move(body), handle] { body(handle); });
    } catch (...) {
      running_.erase(handle);
      throw;
    }
  }

  // The calling thread is about to return from its body. It releases the owner's mutex, touches
  // nothing of the owner any more, and joins what this returns: the thread that left before it, whose
  // thread-locals' destructors (user code) may take their time.
  [[nodiscard]] std::thread leave(Handle handle) {
    std::thread before = std::exchange(last_, std::move(*handle));
    running_.erase(handle);
    return before;
  }
  std::size_t running() const { return running_.size(); }

  // REQUIRES: all threads have left.
  void join_last() {
    if (last_.joinable()) last_.join();
  }

 private:
  std::list<std::thread> running_;
  std::thread last_;
};

}  // namespace saola::runtime::detail
