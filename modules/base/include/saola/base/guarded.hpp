// Words of contracts, and a mutex whose members clang can check.
//
//   REQUIRES: …      in a comment: what the caller has to see to; nothing checks it
//   SUSPENDS         in a comment: on a fiber other fibers go on meanwhile, on a plain thread it blocks
//   GUARDED_BY(m)    behind a member: it is touched with `m` locked only; clang refuses anything else
//                    under -Wthread-safety (./dev check), other compilers see nothing
//   LOCKED(m)        behind a function: its caller has `m` locked; checked likewise
//
//   NativeMutex mutex_;
//   int waiting_ GUARDED_BY(mutex_) = 0;
//   …
//   const NativeLock lock(mutex_);
//   ++waiting_;
#pragma once

#include <mutex>

#ifdef __clang__
#define SAOLA_ATTRIBUTE(x) __attribute__((x))
#else
#define SAOLA_ATTRIBUTE(x)
#endif
#define GUARDED_BY(mutex) SAOLA_ATTRIBUTE(guarded_by(mutex))
#define LOCKED(mutex) SAOLA_ATTRIBUTE(requires_capability(mutex))

namespace saola {

// std::mutex, for threads of the system; code that may run on a fiber uses runtime::Mutex. It
// blocks the whole thread, and with it every fiber there.
class SAOLA_ATTRIBUTE(capability("mutex")) NativeMutex {
 public:
  void lock() SAOLA_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() SAOLA_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

// Holds a NativeMutex for a scope; std::lock_guard in a form that clang follows. unlock() and lock()
// are for std::condition_variable_any, whose predicate is a lambda with LOCKED:
//
//   changed_.wait(lock, [&]() LOCKED(mutex_) { return waiting_ > 0; });
class SAOLA_ATTRIBUTE(scoped_lockable) NativeLock {
 public:
  explicit NativeLock(NativeMutex& mutex) SAOLA_ATTRIBUTE(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~NativeLock() SAOLA_ATTRIBUTE(release_capability()) {
    if (held_) mutex_.unlock();
  }
  void lock() SAOLA_ATTRIBUTE(acquire_capability()) {
    mutex_.lock();
    held_ = true;
  }
  void unlock() SAOLA_ATTRIBUTE(release_capability()) {
    held_ = false;
    mutex_.unlock();
  }
  NativeLock(const NativeLock&) = delete;
  NativeLock& operator=(const NativeLock&) = delete;

 private:
  NativeMutex& mutex_;
  bool held_ = true;
};

}  // namespace saola
