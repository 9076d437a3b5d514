#include "loop/carrier.hpp"

#include <cxxabi.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "loop/last_errno.hpp"
#include "loop/sanitizers.hpp"

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

[[gnu::noipa]] int last_errno() {
  asm volatile("" ::: "memory");
  return errno;
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

void leave_for_ever(Carrier* carrier, Context& from, Context& to) {
  exchange_thread_state(carrier, from, to);
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
