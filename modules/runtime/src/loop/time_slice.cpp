#include "loop/time_slice.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace saola::runtime::detail {
namespace {

// The kernel's struct sched_attr, first version; <linux/sched/types.h> and <sched.h> cannot both be
// included.
struct Attributes {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime;  // of SCHED_OTHER: the slice; 0: the default
  std::uint64_t deadline;
  std::uint64_t period;
};
static_assert(sizeof(Attributes) == 48);

}  // namespace

void set_time_slice(pid_t tid, Duration slice) {
  Attributes attributes{};
  if (::syscall(SYS_sched_getattr, tid, &attributes, sizeof attributes, 0) != 0) return;
  if (attributes.policy != SCHED_OTHER) return;
  // The policy and the nice value stay as they are.
  attributes.runtime = static_cast<std::uint64_t>(slice.count());
  attributes.flags = 0;
  ::syscall(SYS_sched_setattr, tid, &attributes, 0);
}

}  // namespace saola::runtime::detail
