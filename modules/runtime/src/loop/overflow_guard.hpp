// Reports a fiber that ran into its guard page as what it is.
#pragma once

#include <cstddef>
#include <memory>

namespace saola::runtime::detail {

// One per carrier thread: gives signal handlers a stack of their own, for the fiber's is used up.
// The SIGSEGV handler names the fiber and hands on to whatever handled SIGSEGV before.
class OverflowGuard {
 public:
  OverflowGuard();
  ~OverflowGuard();
  OverflowGuard(const OverflowGuard&) = delete;
  OverflowGuard& operator=(const OverflowGuard&) = delete;

 private:
  std::unique_ptr<std::byte[]> stack_;
};

}  // namespace saola::runtime::detail
