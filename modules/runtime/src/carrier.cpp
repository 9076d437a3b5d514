#include "carrier.hpp"

#include <cxxabi.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "sanitizers.hpp"

namespace saola::runtime::detail {
namespace {

thread_local Carrier* this_threads_carrier = nullptr;

}  // namespace

[[gnu::noipa]] Carrier* current_carrier() {
  asm volatile("" ::: "memory");
  return this_threads_carrier;
}

[[gnu::noipa]] void set_current_carrier(Carrier* carrier) {
  asm volatile("" ::: "memory");
  this_threads_carrier = carrier;
}

void bind_to_this_thread(Carrier& carrier) {
  carrier.eh_globals = reinterpret_cast<void**>(abi::__cxa_get_globals());
  carrier.error_number = &errno;
  carrier.tid = ::gettid();
  carrier.thread = ::pthread_self();
  pthread_attr_t attributes;
  if (::pthread_getattr_np(carrier.thread, &attributes) == 0) {
    ::pthread_attr_getstack(&attributes, &carrier.base.bottom, &carrier.base.size);
    ::pthread_attr_destroy(&attributes);
  }
#ifdef SAOLA_TSAN
  carrier.base.sanitizer_fiber = __tsan_get_current_fiber();
#endif
}

namespace {

inline void save_and_load(Carrier* carrier, Context& from, Context& to) {
  from.caught_exceptions = carrier->eh_globals[0];
  from.uncaught_exceptions = reinterpret_cast<std::uintptr_t*>(carrier->eh_globals)[1];
  from.error_number = *carrier->error_number;
  carrier->eh_globals[0] = to.caught_exceptions;
  reinterpret_cast<std::uintptr_t*>(carrier->eh_globals)[1] = to.uncaught_exceptions;
  *carrier->error_number = to.error_number;
  carrier->previous = &from;
}

}  // namespace

Carrier* arrive(boost::context::detail::transfer_t transfer) {
  auto* carrier = static_cast<Carrier*>(transfer.data);
  carrier->previous->stack = transfer.fctx;
  return carrier;
}

Carrier* switch_stack(Carrier* carrier, Context& from, Context& to) {
  save_and_load(carrier, from, to);
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

void leave_for_ever(Carrier* carrier, Context& from, Context& to) {
  save_and_load(carrier, from, to);
#ifdef SAOLA_ASAN
  __sanitizer_start_switch_fiber(nullptr, to.bottom, to.size);
#endif
#ifdef SAOLA_TSAN
  __tsan_switch_to_fiber(to.sanitizer_fiber, 0);
#endif
  boost::context::detail::jump_fcontext(to.stack, carrier);
  std::unreachable();
}

void create_sanitizer_fiber([[maybe_unused]] Context& context) {
#ifdef SAOLA_TSAN
  context.sanitizer_fiber = __tsan_create_fiber(0);
#endif
}

void destroy_sanitizer_fiber([[maybe_unused]] Context& context) {
#ifdef SAOLA_TSAN
  if (context.sanitizer_fiber != nullptr) __tsan_destroy_fiber(context.sanitizer_fiber);
  context.sanitizer_fiber = nullptr;
#endif
}

}  // namespace saola::runtime::detail
