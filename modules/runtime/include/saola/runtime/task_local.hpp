// A variable of which every task has its own: the safe replacement for thread_local, which a fiber
// that moves to another thread would leave behind.
#pragma once

#include <cstddef>
#include <memory>

namespace saola::runtime {

namespace detail {
std::size_t new_local_index();
// The calling task's value, or null.
void* local_value(std::size_t index);
// Gives the calling task a value that it has not yet; `destroy` runs when the task ends.
void set_local_value(std::size_t index, void* value, void (*destroy)(void*));
}  // namespace detail

// Make one per variable, for the life of the process (a static): indices are not used again.
//
//   static TaskLocal<Session> session;   // in the source file that uses it
//   session->user = "alice";             // this task's; nobody else sees it
//
// A child does not get its parent's value; for that there is InheritedLocal.
//
// A task's values are destroyed in reverse order of construction, on the task itself, when its body
// has returned: a destructor may suspend, and may use another TaskLocal. One that is destroyed
// already is then made anew, and destroyed in a next round; after four rounds (as POSIX's thread
// keys) what is still being made is given up: it is logged and never destroyed.
template <typename T>
class TaskLocal {
 public:
  TaskLocal() : index_(detail::new_local_index()) {}
  TaskLocal(const TaskLocal&) = delete;
  TaskLocal& operator=(const TaskLocal&) = delete;

  // The calling task's value, default-constructed at first use and destroyed when the task ends (a
  // plain thread's: when the thread ends). Any task; the reference is valid until the task ends.
  T& operator*() const {
    if (void* value = detail::local_value(index_)) return *static_cast<T*>(value);
    auto made = std::make_unique<T>();  // its constructor may use other locals
    detail::set_local_value(index_, made.get(), [](void* value) { delete static_cast<T*>(value); });
    return *made.release();
  }
  T* operator->() const { return &**this; }

 private:
  const std::size_t index_;
};

}  // namespace saola::runtime
