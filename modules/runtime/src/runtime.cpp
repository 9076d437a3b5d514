#include <system_error>

#include <saola/base/check.hpp>
#include <saola/base/cores.hpp>
#include <saola/runtime/offload.hpp>
#include <saola/runtime/placed.hpp>
#include <saola/runtime/runtime.hpp>

#include "runtime_impl.hpp"

namespace saola::runtime {
namespace {

std::size_t cpu_threads(const RuntimeOptions& options) {
  return options.cpu_threads > 0 ? static_cast<std::size_t>(options.cpu_threads) : allowed_cores();
}

std::string key_of(const SpawnOptions& how, const std::source_location& site) {
  if (!how.kind.empty()) return std::string(how.kind);
  return std::string(site.file_name()) + ":" + std::to_string(site.line());
}

}  // namespace

Runtime::Impl::Impl(Runtime& r, RuntimeOptions o)
    : runtime(r),
      options(o),
      placement(o.placement_memory),
      loop(o, *this),
      native({.name = "saola-native", .nice = o.rescued_nice}),
      cpu({.name = "saola-cpu", .max_threads = cpu_threads(o), .nice = o.rescued_nice}),
      blocking({.name = "saola-blocking",
                .max_threads = static_cast<std::size_t>(std::max(1, o.blocking_threads))}),
      monitor(*this) {}

detail::TaskState* Runtime::Impl::spawn(std::move_only_function<void()> body,
                                        const SpawnOptions& how, std::source_location site,
                                        const detail::TaskState* parent) {
  if (how.placement == Placement::kNative) return spawn_native(std::move(body), how, parent);
  if (how.placement == Placement::kLearned && options.learn_placement && placement.knows_any()) {
    const std::string kind = key_of(how, site);
    if (std::string why = placement.why_native(kind); !why.empty()) {
      monitor.report_placed(how.name, kind, std::move(why));
      return spawn_native(std::move(body), how, parent);
    }
  }
  detail::Fiber* fiber = loop.create_fiber(std::move(body));
  if (parent != nullptr) fiber->inherit_from(*parent);
  fiber->name.set(how.name);
  fiber->kind.set(how.kind);
  fiber->learnable.store(how.placement == Placement::kLearned, std::memory_order_relaxed);
  fiber->site_file.store(site.file_name(), std::memory_order_relaxed);
  fiber->site_line.store(site.line(), std::memory_order_relaxed);
  loop.spawned.fetch_add(1, std::memory_order_relaxed);
  loop.schedule(*fiber);
  return fiber;
}

detail::TaskState* Runtime::Impl::spawn_native(std::move_only_function<void()> body,
                                               const SpawnOptions& how,
                                               const detail::TaskState* parent) {
  auto* task = new detail::NativeTask(&loop);
  task->references.store(2, std::memory_order_relaxed);
  task->id = detail::next_task_id();
  task->name.set(how.name);
  task->activity.set({});
  if (parent != nullptr) task->inherit_from(*parent);
  task->body = std::move(body);
  loop.live.fetch_add(1, std::memory_order_relaxed);
  try {
    native.submit([task] { task->run(); });
  } catch (...) {
    // The loop counts it down: it may be asleep, with this task the last that it waits for.
    task->references.store(1, std::memory_order_relaxed);
    loop.send(task->ended_node);
    throw;
  }
  return task;
}

Runtime::Runtime(RuntimeOptions options) : impl_(std::make_unique<Impl>(*this, options)) {}
Runtime::~Runtime() = default;

void Runtime::run(std::move_only_function<void()> main) {
  SAOLA_CHECK(detail::current_carrier() == nullptr, "Runtime::run() was called from a fiber");
  if (!impl_->carriers.keep_spares(1 + detail::CarrierPool::kSpares)) {
    throw std::system_error(EAGAIN, std::system_category(), "no thread to carry the event loop");
  }
  Task first = spawn(std::move(main), {.name = "main", .placement = Placement::kFiber});
  impl_->monitor.watch(true);
  impl_->carriers.carry_to_end(impl_->loop);
  first.join();
}

Task Runtime::spawn(std::move_only_function<void()> body, SpawnOptions options,
                    std::source_location site) {
  return Task(impl_->spawn(std::move(body), options, site, nullptr));
}

bool Runtime::shedding() const {
  return impl_->monitor.at_cap();
}

RuntimeStats Runtime::stats() const {
  RuntimeStats stats = impl_->monitor.stats();
  stats.switches = impl_->loop.switches.load(std::memory_order_relaxed);
  stats.spawned = impl_->loop.spawned.load(std::memory_order_relaxed);
  stats.fibers = impl_->loop.live.load(std::memory_order_relaxed);
  stats.placed_native = impl_->placed_native.load(std::memory_order_relaxed);
  stats.threads = impl_->carriers.threads();
  return stats;
}

SteadyTime Runtime::last_pass() const {
  return impl_->loop.last_pass();
}

Runtime* Runtime::current() {
  detail::Carrier* carrier = detail::current_carrier();
  return carrier != nullptr && carrier->fiber != nullptr ? &carrier->loop->host.runtime : nullptr;
}

namespace {

// Runs `body` on a thread of `pool`, in the calling fiber's scope and with what its children would
// inherit, parking the fiber.
void run_on(detail::NativePool& pool, std::move_only_function<void()>& body) {
  std::exception_ptr error;
  Waiter waiter;
  const detail::TaskState& caller = detail::current_task();
  pool.submit([&] {
    try {
      const detail::InTheNameOf lent(caller);
      body();
    } catch (...) {
      error = std::current_exception();
    }
    waiter.notify();
  });
  waiter.park(Deadline::never(), Cancellable::kNo);
  if (error != nullptr) std::rethrow_exception(error);
}

// The fiber is of this kind, and may be learned from, while one lives.
class KindScope {
 public:
  KindScope(detail::Fiber& fiber, std::string_view kind)
      : fiber_(fiber),
        kind_(fiber.kind.get()),
        learnable_(fiber.learnable.exchange(true, std::memory_order_relaxed)) {
    fiber.kind.set(kind);
  }
  ~KindScope() {
    fiber_.kind.set(kind_);
    fiber_.learnable.store(learnable_, std::memory_order_relaxed);
  }

 private:
  detail::Fiber& fiber_;
  const std::string kind_;
  const bool learnable_;
};

}  // namespace

void run_placed(std::string_view kind, std::move_only_function<void()> body) {
  Runtime* runtime = Runtime::current();
  if (runtime == nullptr) {
    body();
    return;
  }
  Runtime::Impl& impl = runtime->impl();
  auto& fiber = static_cast<detail::Fiber&>(detail::current_task());
  if (impl.options.learn_placement && impl.placement.knows_any()) {
    if (std::string why = impl.placement.why_native(kind); !why.empty()) {
      impl.monitor.report_placed(fiber.name.get(), std::string(kind), std::move(why));
      run_on(impl.native, body);
      return;
    }
  }
  const KindScope scope(fiber, kind);
  body();
}

namespace detail {

void offload(Pool pool, std::move_only_function<void()> body) {
  Runtime* runtime = Runtime::current();
  if (runtime == nullptr) {
    body();
    return;
  }
  Runtime::Impl& impl = runtime->impl();
  run_on(pool == Pool::kCpu ? impl.cpu : impl.blocking, body);
}

}  // namespace detail

}  // namespace saola::runtime
