// The parts of a Runtime, wired.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <source_location>

#include <saola/runtime/runtime.hpp>

#include "loop/carrier_pool.hpp"
#include "loop/loop.hpp"
#include "loop/thread_starter.hpp"
#include "monitor/monitor.hpp"
#include "native_task.hpp"

namespace saola::runtime {

struct Runtime::Impl {
  Impl(Runtime& r, RuntimeOptions o);
  ~Impl();

  // Starts a fiber, or a native task if asked for one. The result carries one reference for the
  // handle. `parent`, if any, is whom it inherits from. Throws when the loop has ended, or there is
  // no memory, stack or thread.
  detail::TaskState* spawn(std::move_only_function<void()>&& body, const SpawnOptions& how,
                           std::source_location site, const detail::TaskState* parent);
  detail::TaskState* spawn_native(std::move_only_function<void()> body, const SpawnOptions& how,
                                  const detail::TaskState* parent);
  // A native task has ended.
  void forget(detail::NativeTask& task);
  // Cancels every task there is, and those spawned from now on until the next run.
  void stop();
  [[noreturn]] static void ended();

  // How many there are: what a test puts in the place of time and chance comes before them.
  static std::atomic<int> alive;

  Runtime& runtime;
  const RuntimeOptions options;
  detail::ThreadStarter starter;
  detail::Loop loop;
  detail::CarrierPool carriers;  // its threads look at the loop
  // Tasks placed on native threads, and the two offload pools.
  detail::NativePool native;
  detail::NativePool cpu;
  detail::NativePool blocking;
  // stop() was called: tasks that are spawned now are cancelled at once. stop() sets it, then looks
  // for tasks; who spawns makes the task, then looks at it: Loop::meet_spawners(), natives_mutex.
  std::atomic<bool> stopping{false};
  std::mutex natives_mutex;
  std::set<detail::NativeTask*> natives;  // alive; GUARDED_BY(natives_mutex)
  // Last: its thread looks at all of the above.
  detail::Monitor monitor;
};

}  // namespace saola::runtime
