// The floating-point control state: rounding, exception masks, flushing of denormals.
#pragma once

#include <cfenv>
#include <cstdint>

namespace saola::runtime::detail {

class FpControl {
 public:
#if defined(__x86_64__)
  // The calling thread's.
  FpControl() : mxcsr_(__builtin_ia32_stmxcsr() & kControl), x87_(x87_control_word()) {}
  // Makes it the calling thread's. A few cycles when it is already.
  void apply() const {
    if ((__builtin_ia32_stmxcsr() & kControl) != mxcsr_) __builtin_ia32_ldmxcsr(mxcsr_);
    if (x87_control_word() != x87_) asm volatile("fldcw %0" : : "m"(x87_));
  }

 private:
  static constexpr std::uint32_t kControl = 0xffc0;  // all but the sticky exception flags
  static std::uint16_t x87_control_word() {
    std::uint16_t word;
    asm volatile("fnstcw %0" : "=m"(word));
    return word;
  }
  std::uint32_t mxcsr_;
  std::uint16_t x87_;
#else
  FpControl() { std::fegetenv(&environment_); }
  void apply() const { std::fesetenv(&environment_); }

 private:
  std::fenv_t environment_;
#endif
};

}  // namespace saola::runtime::detail
