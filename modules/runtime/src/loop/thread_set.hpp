// Threads that come and go, each joined: one that ends leaves its handle for the next to pick up.
#pragma once

#include <iterator>
#include <list>
#include <thread>
#include <utility>

namespace saola::runtime::detail {

// Not thread-safe: guarded by its owner's mutex, except join_all() at the owner's end.
class ThreadSet {
 public:
  using Handle = std::list<std::thread>::iterator;

  // Starts a thread that runs body(handle). Throws std::system_error when there is none to be had.
  template <typename Body>
  void start(Body body) {
    join_ended();
    running_.emplace_back();
    const auto handle = std::prev(running_.end());
    try {
      *handle = std::thread([body = std::move(body), handle] { body(handle); });
    } catch (...) {
      running_.erase(handle);
      throw;
    }
  }

  // The calling thread is about to return from its body and will touch nothing of the owner any
  // more once it has released the owner's mutex.
  void leave(Handle handle) { ended_.splice(ended_.end(), running_, handle); }
  std::size_t running() const { return running_.size(); }

  // REQUIRES: all threads have left.
  void join_all() { join_ended(); }

 private:
  void join_ended() {
    for (std::thread& thread : ended_) thread.join();
    ended_.clear();
  }

  std::list<std::thread> running_;
  std::list<std::thread> ended_;
};

}  // namespace saola::runtime::detail
