#include <algorithm>
#include <stdexcept>
#include <system_error>

#include <saola/base/check.hpp>
#include <saola/base/cores.hpp>
#include <saola/base/exception_text.hpp>
#include <saola/base/log.hpp>
#include <saola/runtime/offload.hpp>
#include <saola/runtime/placed.hpp>
#include <saola/runtime/runtime.hpp>

#include "runtime_impl.hpp"
#include "testing/virtual_clock.hpp"

namespace saola::runtime {
namespace {

std::size_t cpu_threads(const RuntimeOptions& options) {
  return options.cpu_threads > 0 ? static_cast<std::size_t>(options.cpu_threads) : allowed_cores();
}

constexpr int kLeastSideCarriers = 16;

RuntimeOptions completed(RuntimeOptions options) {
  options.max_rescued = std::max(1, options.max_rescued);
  if (options.side_carriers <= 0) {
    options.side_carriers = std::max(kLeastSideCarriers, 2 * static_cast<int>(allowed_cores()));
  }
  options.side_carriers = std::min(options.side_carriers, options.max_rescued);
  return options;
}

}  // namespace

Runtime::Impl::Impl(Runtime& r, RuntimeOptions o)
    : runtime(r),
      options(completed(o)),
      starter([this] { carriers.top_up(); }),
      loop(options, *this, carriers),
      carriers(starter, options.max_rescued),
      native(starter, {.name = "saola-native"}),
      cpu(starter,
          {.name = "saola-cpu", .max_threads = cpu_threads(options), .nice = options.rescued_nice}),
      blocking(starter,
               {.name = "saola-blocking",
                .max_threads = static_cast<std::size_t>(std::max(1, options.blocking_threads))}),
      monitor(*this) {
  alive.fetch_add(1);
}

Runtime::Impl::~Impl() {
  alive.fetch_sub(1);
}

std::atomic<int> Runtime::Impl::alive{0};

detail::TaskState* Runtime::Impl::spawn(std::move_only_function<void()>&& body,
                                        const SpawnOptions& how, std::source_location site,
                                        const detail::TaskState* parent) {
  if (how.placement == Placement::kNative) return spawn_native(std::move(body), how, parent);
  // A fiber of this loop keeps it alive for its children; others join them to the living first.
  detail::Carrier* const here = loop.callers_carrier();
  if (here == nullptr && !loop.join_the_living()) ended();
  detail::Fiber* fiber;
  try {
    fiber = loop.create_fiber(std::move(body), here);
  } catch (...) {
    if (here == nullptr) loop.send_away();
    throw;
  }
  if (parent != nullptr) fiber->inherit_from(*parent);
  fiber->priority.store(how.priority, std::memory_order_relaxed);
  fiber->name.set(how.name);
  // The loop's idea of time is coarse, but nobody is older than its parent.
  fiber->born_ns.store(
      here != nullptr
          ? std::max(loop.about_now(), here->fiber->born_ns.load(std::memory_order_relaxed))
          : detail::real_ns(),
      std::memory_order_relaxed);
  fiber->kind.set(how.kind);
  fiber->kind_hash.store(how.kind.empty() ? detail::hash_of_site(site.file_name(), site.line())
                                          : detail::hash_of_kind(how.kind),
                         std::memory_order_relaxed);
  fiber->learnable.store(options.learn_placement && how.placement == Placement::kLearned,
                         std::memory_order_relaxed);
  fiber->site_file.store(site.file_name(), std::memory_order_relaxed);
  fiber->site_line.store(site.line(), std::memory_order_relaxed);
  fiber->listed.store(fiber->id.load(std::memory_order_relaxed), std::memory_order_release);
  loop.start(*fiber, here);
  return fiber;
}

detail::TaskState* Runtime::Impl::spawn_native(std::move_only_function<void()> body,
                                               const SpawnOptions& how,
                                               const detail::TaskState* parent) {
  if (!loop.join_the_living()) ended();
  detail::NativeTask* task = nullptr;
  try {
    auto made = std::make_unique<detail::NativeTask>(&loop);
    made->prepare_task(std::move(body));
    made->name.set(how.name);
    made->born_ns.store(detail::real_ns(), std::memory_order_relaxed);
    if (parent != nullptr) made->inherit_from(*parent);
    {
      std::lock_guard lock(natives_mutex);
      natives.insert(made.get());
    }
    task = made.release();
    if (stopping.load()) task->request_cancel();
    native.submit([task] { task->run(); });
  } catch (...) {
    if (task != nullptr) {
      forget(*task);
      delete task;
    }
    loop.send_away();
    throw;
  }
  return task;
}

void Runtime::Impl::forget(detail::NativeTask& task) {
  std::lock_guard lock(natives_mutex);
  natives.erase(&task);
}

void Runtime::Impl::ended() {
  throw std::runtime_error(
      "The task cannot run: Runtime::run() has returned, so its loop runs nothing any more. Spawn "
      "from a task, or while run() is active.");
}

void Runtime::Impl::stop() {
  stopping.store(true);
  loop.meet_spawners();
  loop.for_each_fiber([](detail::Fiber& fiber) {
    if (!fiber.try_retain()) return;
    fiber.request_cancel();
    fiber.release();
  });
  std::lock_guard lock(natives_mutex);
  for (detail::NativeTask* task : natives) task->request_cancel();
}

Runtime::Runtime(RuntimeOptions options) : impl_(std::make_unique<Impl>(*this, options)) {}
Runtime::~Runtime() = default;

void Runtime::run(std::move_only_function<void()> main) {
  SAOLA_CHECK(detail::current_carrier() == nullptr, "Runtime::run() was called from a fiber");
  if (!impl_->carriers.top_up()) {
    throw std::system_error(EAGAIN, std::system_category(), "no thread to carry the event loop");
  }
  impl_->loop.open();
  Task first = spawn(
      [this, body = std::move(main)]() mutable {
        try {
          body();
        } catch (const Cancelled&) {
          throw;
        } catch (...) {
          // The others may run on for long: say it now, and let them end.
          log_error("the main task ended with an exception; its runtime stops",
                    {{"exception", exception_text(std::current_exception())}});
          impl_->stop();
          throw;
        }
      },
      {.name = "main", .placement = Placement::kFiber});
  impl_->monitor.watch(true);
  {
    const detail::VirtualClock::Carrying carrying(detail::VirtualClock::current(), impl_->loop);
    impl_->carriers.carry_to_end(impl_->loop);
  }
  impl_->stopping = false;
  first.join();
}

void Runtime::stop() {
  impl_->stop();
}

Task Runtime::spawn(std::move_only_function<void()> body, SpawnOptions options,
                    std::source_location site) {
  return Task(impl_->spawn(std::move(body), options, site, nullptr));
}

bool Runtime::shedding() const {
  return impl_->monitor.late();
}

RuntimeStats Runtime::stats() const {
  RuntimeStats stats = impl_->monitor.stats();
  stats.switches = impl_->loop.switches.load(std::memory_order_relaxed);
  stats.spawned = impl_->loop.spawned();
  stats.fibers = impl_->loop.living();
  stats.placed_aside = impl_->loop.moved_aside.load(std::memory_order_relaxed);
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
void run_on(detail::NativePool& pool, WaitKind what, std::move_only_function<void()>& body) {
  std::exception_ptr error;
  Waiter waiter(what);
  detail::TaskState& caller = detail::current_task();
  pool.submit([&] {
    {
      const detail::WorksFor listed(caller);
      try {
        const detail::InTheNameOf lent(caller);
        body();
      } catch (...) {
        error = std::current_exception();
      }
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
        hash_(fiber.kind_hash.exchange(detail::hash_of_kind(kind), std::memory_order_relaxed)),
        learnable_(fiber.learnable.exchange(fiber.loop.host.options.learn_placement,
                                            std::memory_order_relaxed)) {
    fiber.kind.set(kind);
  }
  ~KindScope() {
    fiber_.kind.set(kind_);
    fiber_.kind_hash.store(hash_, std::memory_order_relaxed);
    fiber_.learnable.store(learnable_, std::memory_order_relaxed);
  }

 private:
  detail::Fiber& fiber_;
  const std::string kind_;
  const std::uint64_t hash_;
  const bool learnable_;
};

}  // namespace

void run_placed(std::string_view kind, std::move_only_function<void()> body) {
  if (!this_task::on_fiber()) {
    body();
    return;
  }
  auto& fiber = static_cast<detail::Fiber&>(detail::current_task());
  std::exception_ptr error;
  {
    const KindScope scope(fiber, kind);
    fiber.loop.go_where_it_belongs(fiber);
    try {
      body();
    } catch (...) {
      error = std::current_exception();
    }
    fiber.loop.side.judge_caller(fiber);
  }
  fiber.loop.go_where_it_belongs(fiber);
  if (error != nullptr) std::rethrow_exception(std::move(error));
}

namespace detail {

void offload(Pool pool, std::move_only_function<void()> body) {
  Runtime* runtime = Runtime::current();
  if (runtime == nullptr) {
    body();
    return;
  }
  Runtime::Impl& impl = runtime->impl();
  if (pool == Pool::kCpu) {
    run_on(impl.cpu, WaitKind::kOffloadCpu, body);
  } else {
    run_on(impl.blocking, WaitKind::kOffloadBlocking, body);
  }
}

}  // namespace detail

}  // namespace saola::runtime
