#include "monitor/stall_advice.hpp"

#include <utility>

#include <fmt/core.h>

namespace saola::runtime::detail {
namespace {

double ms_of(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}
double seconds_of(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

const char* advice_for(observe::StallVerdict verdict) {
  switch (verdict) {
    case observe::StallVerdict::kCpu:
      return "it computes: wrap the computation in runtime::offload_cpu(), spawn it with "
             "Placement::kNative, or make it a job";
    case observe::StallVerdict::kBlocked:
      return "it waits in a call that the runtime does not know: use the runtime's sockets, sleep "
             "and locks, or wrap the call in runtime::offload_blocking()";
  }
  std::unreachable();
}

const char* advice_for_a_held_lock() {
  return "it computes with a lock of the runtime held, so rescue does not help those who need the "
         "lock: compute outside the lock, and hold it only to read the input and to publish the "
         "result";
}

const char* advice_for_an_exiled_kind() {
  return "make it permanent: wrap the computation in runtime::offload_cpu(), or spawn it with "
         "Placement::kNative";
}

std::string why_refused(int most) {
  return fmt::format(
      "{} threads run fibers away from the loop already, as many as max_rescued allows; it is "
      "rescued as soon as one of them is free",
      most);
}

std::string why_no_thread() {
  return "there is no spare thread to carry the loop yet; it is rescued as soon as there is";
}

std::string why_polite(Duration taken, Duration slice) {
  return fmt::format(
      "it suspends now and then, but took the loop from the others in slices of up to {:.1f} ms, "
      "{:.0f} ms more than its share",
      ms_of(slice), ms_of(taken));
}

std::string why_exiled(std::string_view kind, Duration held, Duration memory) {
  return fmt::format(
      "'{}' held the loop for {:.0f} ms; tasks of this kind run on side carriers until none of "
      "them "
      "has done so for {:.0f} s",
      kind, ms_of(held), seconds_of(memory));
}

std::string why_pardoned(std::string_view kind, Duration memory) {
  return fmt::format(
      "'{}' has not held the loop for {:.0f} s; tasks of this kind run on the loop again", kind,
      seconds_of(memory));
}

}  // namespace saola::runtime::detail
