// Carrier: a thread that runs fibers: the loop's, or, away from the loop, those of the side. And
// the one stack switch.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <boost/context/detail/fcontext.hpp>

#include <saola/base/time.hpp>

#include "loop/sanitizers.hpp"

namespace saola::runtime {
class Waiter;
}

namespace saola::runtime::detail {

struct Fiber;
class Loop;
struct Rescue;

// A suspended stack and the per-thread state that must travel with it.
struct Context {
  boost::context::detail::fcontext_t stack = nullptr;
  // __cxa_eh_globals: exceptions being handled, and their count (Itanium C++ ABI 2.2.2).
  void* caught_exceptions = nullptr;
  std::uintptr_t uncaught_exceptions = 0;
  int error_number = 0;
  // The bounds, for the monitor's stack walk and AddressSanitizer.
  void* bottom = nullptr;
  std::size_t size = 0;
  void* sanitizer_stack = nullptr;  // AddressSanitizer's fake stack
  void* sanitizer_fiber = nullptr;  // ThreadSanitizer's
};

// What a fiber asks of the side carrier that it leaves. It is done on the thread's own stack: only
// when the fiber is off its stack may another thread run it.
struct Leaving {
  enum class Why : std::uint8_t { kNothing, kPark, kYield, kGoHome, kEnd };
  Why why = Why::kNothing;
  bool may_cancel = false;
  // kPark: there was no memory for the deadline; the fiber goes on at once and throws.
  bool no_memory = false;
  Waiter* waiter = nullptr;
  Deadline deadline = Deadline::never();
};

// Fibers that ended here and task ids that nobody has, so that a spawn needs neither a lock nor an
// atomic instruction for them. Touched by their thread only.
struct Spares {
  static constexpr unsigned kMostFibers = 64;
  Fiber* fibers = nullptr;  // linked through next_free; last in, first out: warm stacks
  unsigned fiber_count = 0;
  std::uint64_t next_id = 0;
  std::uint64_t ids_end = 0;
};

// Everything but the last two groups is touched by this thread only.
struct Carrier {
  Loop* loop = nullptr;
  Context base;                 // the thread's own stack
  Fiber* fiber = nullptr;       // running; null on base
  std::uint64_t run_word = 0;   // names the run of `fiber`: the ownership word on the loop
  bool in_runtime = false;      // this thread owns the loop and is in a runtime section
  bool side = false;            // it knows that it does not carry the loop
  Context* previous = nullptr;  // whom the last switch on this thread left
  Fiber* left = nullptr;        // by the last switch, for good or for the side: see Loop::settle()
  bool left_for_ever = false;
  bool loses_loop = false;         // the slice that begins is to be stolen: a SeededOrder says so
  Leaving leaving;                 // side: why the fiber left
  void** eh_globals = nullptr;     // this thread's __cxa_eh_globals
  int* error_number = nullptr;     // this thread's errno
  std::uint32_t socket_calls = 0;  // see take_turns() in socket.cpp
  Spares spares;
  pid_t tid = 0;
  pthread_t thread{};
  // Set by the monitor inside its `stealing` window (release), read and cleared by the hog's thread
  // (acquire); the entry lives until that thread has said that it left.
  std::atomic<Rescue*> rescue{nullptr};

  // The thread has a lower priority from now on, which it cannot in general undo: it runs this
  // slice to its end, and no other. Written by the monitor while it is listed, relaxed.
  std::atomic<bool> demoted{false};
  // The thread's CPU clock when the present slice began; away from the loop. Written by the thread,
  // or by the monitor inside its `stealing` window.
  Duration slice_cpu_before{};
  // The list of side carriers, and the present slice: whose, and since when (ns of steady time).
  // Guarded by the Side's lock.
  Fiber* slice_fiber = nullptr;
  std::int64_t slice_since_ns = 0;
  Carrier* next = nullptr;
  Carrier* before = nullptr;
};

// This thread's carrier, or null. Never inlined, even by link-time optimisation: a fiber continues
// on another thread after a switch, and a compiler that kept the address of a thread-local would
// give it the old one.
Carrier* current_carrier();
void set_current_carrier(Carrier* carrier);
// Fills in what belongs to the calling thread.
void bind_to_this_thread(Carrier& carrier);

// First half of a switch: what is not on the stack changes hands.
inline void exchange_thread_state(Carrier* carrier, Context& from, Context& to) {
  // eh_globals: the caught exceptions, then an unsigned count (in a word of its own).
  from.caught_exceptions = carrier->eh_globals[0];
  from.uncaught_exceptions = reinterpret_cast<std::uintptr_t*>(carrier->eh_globals)[1];
  from.error_number = *carrier->error_number;
  carrier->eh_globals[0] = to.caught_exceptions;
  reinterpret_cast<std::uintptr_t*>(carrier->eh_globals)[1] = to.uncaught_exceptions;
  *carrier->error_number = to.error_number;
  carrier->previous = &from;
}

// The first thing on a stack that was switched to: completes the switch that led here.
inline Carrier* arrive(boost::context::detail::transfer_t transfer) {
  auto* carrier = static_cast<Carrier*>(transfer.data);
  carrier->previous->stack = transfer.fctx;
  return carrier;
}

// Leaves `from` on `carrier`'s thread and continues `to` there. Returns when somebody continues
// `from`, with the carrier whose thread that is. Saves and restores exception state and errno; the
// switch itself keeps the callee-saved registers, MXCSR and the x87 control word.
// Inlined into its few callers: after a switch the processor's return predictor knows nothing, and
// each return on the way back to the caller costs a misprediction.
[[gnu::always_inline]] inline Carrier* switch_stack(Carrier* carrier, Context& from, Context& to) {
  exchange_thread_state(carrier, from, to);
#ifdef SAOLA_ASAN
  __sanitizer_start_switch_fiber(&from.sanitizer_stack, to.bottom, to.size);
#endif
#ifdef SAOLA_TSAN
  __tsan_switch_to_fiber(to.sanitizer_fiber, 0);
#endif
  Carrier* now = arrive(boost::context::detail::jump_fcontext(to.stack, carrier));
#ifdef SAOLA_ASAN
  __sanitizer_finish_switch_fiber(from.sanitizer_stack, nullptr, nullptr);
#endif
  return now;
}
// Like switch_stack for a context that will never be continued.
[[noreturn]] void leave_for_ever(Carrier* carrier, Context& from, Context& to);

void create_sanitizer_fiber(Context& context);
void destroy_sanitizer_fiber(Context& context);

}  // namespace saola::runtime::detail
