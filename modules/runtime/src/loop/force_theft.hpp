// A theft of the loop that nobody deserves: by the monitor's own protocol, for tests.
#pragma once

#include "monitor/thread_probe.hpp"
#include "runtime_impl.hpp"

namespace saola::runtime::detail {

// Takes the loop from the fiber that runs under `run_word`, if it still does and a spare carrier
// waits. There is one thief at a time: the runtime needs StallPolicy::kIgnore.
inline bool force_theft(Runtime::Impl& impl, std::uint64_t run_word) {
  if (impl.carriers.spares() <= 0) {
    impl.carriers.want_spares();
    return false;
  }
  impl.loop.stealing.store(true);
  const bool stolen = impl.loop.steal(run_word);
  if (stolen) {
    impl.loop.note_theft(run_word, std::chrono::steady_clock::now(),
                         ThreadProbe::cpu_time(impl.loop.carrier_tid()));
    impl.loop.side.stolen();
    impl.carriers.hand_over(impl.loop);
  }
  impl.loop.stealing.store(false, std::memory_order_release);
  return stolen;
}

}  // namespace saola::runtime::detail
