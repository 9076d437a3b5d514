// Leases of task workers that died: found by name, and released at once, so that a killed worker's
// jobs need not wait until their leases expire.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <saola/base/time.hpp>
#include <saola/jobs/store.hpp>

namespace saola::service {

// Names this process as an owner of leases: "HOST/BOOT/NAMESPACE/PID/START", where BOOT is the
// kernel's boot id, NAMESPACE the pid namespace and START the process's start in clock ticks since
// boot. No two processes ever have the same name.
std::string this_process_as_owner();

// Whether `owner` names a process of this boot and pid namespace that is no more. False when that
// cannot be known here: another host, another boot, another form of name.
bool is_dead_owner(std::string_view owner);

// Whether the thread that renews an owner's leases runs, seen from outside: it wakes a few times a
// second, which the kernel counts. For one thread.
class OwnerBeats {
 public:
  // Whether it has run since the last call for this owner. False for the first call, for owners of
  // another host or pid namespace, and for processes that are dead, stopped or hung.
  bool lives(const std::string& owner);

 private:
  std::map<std::string, std::string> seen_;  // by owner: its keeper's count of switches
};

// For people: "task 1 pid 4711" of a process of this boot and pid namespace, by its title; "HOST
// pid 4711" of others; `owner` itself when it has another form.
std::string describe_owner(std::string_view owner);

// Releases the leases of dead owners; how many jobs these held. Errors as Store's calls.
Result<std::size_t> release_dead_owners(jobs::Store& store, Deadline deadline);

// Does so at once and then every second, in a thread of its own, until it is destroyed. The arbiter
// starts a dead worker's successor at once, and its first look is what usually finds the lease.
class DeadWorkerWatch {
 public:
  // `store` must outlive it.
  explicit DeadWorkerWatch(jobs::Store& store);
  ~DeadWorkerWatch();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace saola::service
