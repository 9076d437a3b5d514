// A variable of which every task has its own: the safe replacement for thread_local, which a fiber
// that moves to another thread would leave behind.
#pragma once

#include <cstddef>

namespace saola::runtime {

namespace detail {
std::size_t new_local_index();
// The calling task's slot; `destroy` runs when the task ends.
void*& local_slot(std::size_t index, void (*destroy)(void*));
}  // namespace detail

// Make one per variable, for the life of the process (a static): indices are not used again.
template <typename T>
class TaskLocal {
 public:
  TaskLocal() : index_(detail::new_local_index()) {}
  TaskLocal(const TaskLocal&) = delete;
  TaskLocal& operator=(const TaskLocal&) = delete;

  // The calling task's value, default-constructed at first use and destroyed when the task ends (a
  // plain thread's: when the thread ends). Any task; the reference is valid until the task ends.
  T& operator*() const {
    void*& slot = detail::local_slot(index_, [](void* value) { delete static_cast<T*>(value); });
    if (slot == nullptr) slot = new T();
    return *static_cast<T*>(slot);
  }
  T* operator->() const { return &**this; }

 private:
  const std::size_t index_;
};

}  // namespace saola::runtime
