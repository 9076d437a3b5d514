// The parts of a Runtime, wired.
#pragma once

#include <source_location>
#include <string>

#include <saola/runtime/runtime.hpp>

#include "loop/carrier_pool.hpp"
#include "loop/loop.hpp"
#include "monitor/monitor.hpp"
#include "monitor/placement.hpp"
#include "native_task.hpp"

namespace saola::runtime {

struct Runtime::Impl {
  Impl(Runtime& r, RuntimeOptions o);

  // Starts a fiber, or a native task when placement says so. The result carries one reference for
  // the handle. `parent`, if any, is whom it inherits from.
  detail::TaskState* spawn(std::move_only_function<void()> body, const SpawnOptions& how,
                           std::source_location site, const detail::TaskState* parent);
  detail::TaskState* spawn_native(std::move_only_function<void()> body, const SpawnOptions& how,
                                  const detail::TaskState* parent);

  Runtime& runtime;
  const RuntimeOptions options;
  detail::PlacementTable placement;
  std::atomic<std::uint64_t> placed_native{0};
  detail::Loop loop;
  detail::CarrierPool carriers;
  // Tasks placed on native threads, and the two offload pools.
  detail::NativePool native;
  detail::NativePool cpu;
  detail::NativePool blocking;
  // Last: its thread looks at all of the above.
  detail::Monitor monitor;
};

}  // namespace saola::runtime
