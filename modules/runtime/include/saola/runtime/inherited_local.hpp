// A variable whose value a task's children inherit: the request's id, the user on whose behalf.
//
//   inline const InheritedLocal<std::string> request_id;   // one for the process
//
//   request_id.set(header);                       // this task, and what it spawns from now on
//   spawn([] { log(*request_id.get()); });        // sees it
//   offload_cpu([] { log(*request_id.get()); });  // sees it
//
// A child starts with what its parent had when it was spawned: spawn(), TaskGroup, JoinSet; code
// that runs in the parent's name sees it too: offload_cpu(), offload_blocking(), work submitted to
// an Executor (what the submitter had). Runtime::spawn() and plain threads start with nothing.
// Values are shared, not copied, and so cannot be changed; set() replaces the task's own view of it
// and nobody else's. Inheriting costs a reference count, whatever the number of variables.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace saola::runtime {

namespace detail {
using InheritedTable = std::vector<std::shared_ptr<const void>>;
std::size_t new_inherited_index();
const void* inherited_value(std::size_t index);
// Returns what was there.
std::shared_ptr<const void> set_inherited_value(std::size_t index,
                                                std::shared_ptr<const void> value);
}  // namespace detail

// A variable of type T, of which each task sees the value that it, or the nearest of those it
// descends from, has set. Make one per variable, for the life of the process (a static): indices
// are not used again. Any task or thread; no call suspends.
template <typename T>
class InheritedLocal {
 public:
  InheritedLocal() : index_(detail::new_inherited_index()) {}
  InheritedLocal(const InheritedLocal&) = delete;
  InheritedLocal& operator=(const InheritedLocal&) = delete;

  // Null when neither this task nor those it descends from have set it. Valid until this task sets
  // it again, or ends.
  const T* get() const { return static_cast<const T*>(detail::inherited_value(index_)); }
  // This task's value from now on, and that of the children it spawns from now on.
  void set(T value) const {
    detail::set_inherited_value(index_, std::make_shared<const T>(std::move(value)));
  }

  // The value for as long as one lives; then what it was before.
  //
  //   const InheritedLocal<std::string>::Scoped as_admin(user, "admin");
  class Scoped {
   public:
    Scoped(const InheritedLocal& local, T value)
        : index_(local.index_),
          before_(
              detail::set_inherited_value(index_, std::make_shared<const T>(std::move(value)))) {}
    ~Scoped() { detail::set_inherited_value(index_, std::move(before_)); }
    Scoped(const Scoped&) = delete;
    Scoped& operator=(const Scoped&) = delete;

   private:
    const std::size_t index_;
    std::shared_ptr<const void> before_;
  };

 private:
  const std::size_t index_;
};

// Everything that a child of the calling task would inherit of these variables, for pools that run
// code in somebody's name.
//
//   queue.push({work, InheritedValues::of_this_task()});       // who submits
//   …
//   const InheritedValues::Use in_the_name_of(item.values);    // the pool's worker
//   item.work();
class InheritedValues {
 public:
  // What the calling task has now; later set()s do not change it.
  static InheritedValues of_this_task();

  // The calling task has these values while one lives.
  class Use {
   public:
    explicit Use(const InheritedValues& values);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    std::shared_ptr<const detail::InheritedTable> before_;
  };

 private:
  // Shared with the tasks that have these values.
  std::shared_ptr<const detail::InheritedTable> table_;
};

}  // namespace saola::runtime
