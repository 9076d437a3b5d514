#include <saola/testing/virtual_time.hpp>

#include "testing/virtual_clock.hpp"

namespace saola::testing {

using runtime::detail::VirtualClock;

struct VirtualTime::Impl {
  VirtualClock clock;
};

VirtualTime::VirtualTime() : impl_(std::make_unique<Impl>()) {}
VirtualTime::~VirtualTime() = default;

Duration VirtualTime::elapsed() const {
  return impl_->clock.elapsed();
}

struct VirtualTime::Hold::Impl {
  VirtualClock::Hold hold{VirtualClock::current()};
};

VirtualTime::Hold::Hold() : impl_(std::make_unique<Impl>()) {}
VirtualTime::Hold::~Hold() = default;

}  // namespace saola::testing
