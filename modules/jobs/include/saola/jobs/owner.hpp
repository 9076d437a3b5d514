// Processes as owners of leases: named so that others on the machine see whether they live, and a
// killed worker's jobs need not wait until their leases expire.
//
//   TaskWorker worker(*store, handlers);       // its owner is this_process_as_owner()
//   Maintainer upkeep(*store);                 // frees what dead ones have left, within a second
//
// Names of another form are fine too: nothing is known of them, and their leases have to expire.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace saola::jobs {

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

}  // namespace saola::jobs
