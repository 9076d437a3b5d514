// Executor: runs submitted functions somewhere else and hands out their futures.
//
//   ThreadPoolExecutor pool({.max_workers = 4, .name = "thumbnails"});
//   Future<Image> small = pool.submit(shrink, photo, 200);      // shrink(photo, 200) on a worker
//   …
//   show(small.result());                     // waits; throws what shrink() threw
//
//   for (const Image& image : pool.map(load, paths)) show(image);   // in the order of `paths`
//
// After Python's concurrent.futures; docs/from-concurrent-futures.md says what differs.
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/futures/future.hpp>

namespace saola::futures {

// Results of map() in the order of the inputs. Its destructor cancels what has not begun. Used by
// one task at a time. Iterate it once, or call next() until it is empty:
//
//   auto sizes = pool.map([](const std::string& path) { return file_size(path); }, paths);
//   while (auto size = sizes.next()) total += *size;
template <typename R>
class Mapped {
 public:
  Mapped(std::vector<Future<R>> futures, Deadline deadline)
      : futures_(std::move(futures)), deadline_(deadline) {}
  Mapped(Mapped&& other) noexcept
      : futures_(std::exchange(other.futures_, {})), at_(other.at_), deadline_(other.deadline_) {}
  ~Mapped() { cancel_rest(); }

  // nullopt at the end. Throws what that call threw, or TimeoutError; the rest is then cancelled.
  // SUSPENDS.
  std::optional<R> next() {
    if (at_ == futures_.size()) return std::nullopt;
    try {
      return std::exchange(futures_[at_++], {}).take(deadline_);
    } catch (...) {
      cancel_rest();
      throw;
    }
  }

  // One pass over the results: advancing it waits.
  class iterator {
   public:
    using value_type = R;
    using difference_type = std::ptrdiff_t;
    explicit iterator(Mapped& from) : from_(&from), current_(from.next()) {}
    R& operator*() { return *current_; }
    iterator& operator++() {
      current_ = from_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !current_; }

   private:
    Mapped* from_;
    std::optional<R> current_;
  };
  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  void cancel_rest() {
    for (; at_ < futures_.size(); ++at_) futures_[at_].cancel();
  }

  std::vector<Future<R>> futures_;
  std::size_t at_ = 0;
  Deadline deadline_;
};

// What becomes of work that has not begun when an executor ends.
enum class OnShutdown {
  kFinishPending,  // what is queued still runs
  kCancelPending,  // it is cancelled; what runs is not touched
};

// How many workers, what they are called, and what may wait for them.
//
//   ThreadPoolExecutor pool({.max_workers = 4,
//                            .name = "render",
//                            .initializer = [] { load_fonts(); },      // once on each thread
//                            .max_queued = 100});
struct ExecutorOptions {
  // Workers at most, at least 1; they are started as needed and kept. 0: min(32, allowed cores +
  // 4).
  int max_workers = 0;
  // For thread names, reports and errors; a number is added.
  std::string name = "pool";
  // Runs first on every worker. When it throws the executor is broken.
  std::function<void()> initializer = {};
  // Work that may wait for a worker. submit() waits for room, try_submit() does not.
  std::size_t max_queued = static_cast<std::size_t>(-1);
};

// What an executor does now.
struct ExecutorStats {
  std::size_t workers = 0;
  std::size_t idle = 0;     // of the workers
  std::size_t queued = 0;   // waits for a worker, cancelled ones included until a worker meets them
  std::uint64_t grown = 0;  // workers added to end a deadlock, see Executor
};

// First in, first out. All calls from any fiber or thread. Work runs in the submitter's name: it
// sees the InheritedLocals that the submitter had. What it throws goes to its future;
// runtime::Cancelled becomes CancelledError.
//
// A worker that waits for a future of its own executor while every worker does so and work is
// queued would wait for ever (the deadlock that concurrent.futures documents). The executor sees
// this, logs it and adds one worker; the extra one ends when it is idle. Futures that wait for each
// other in a circle, or for another executor's, are not seen.
class Executor {
 public:
  // shutdown(): waits for all work. REQUIRES: not called by one of its workers.
  virtual ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Schedules function(args…), or function(stop_token, args…) when it takes one, see
  // Future::request_stop(). Function and arguments are moved or copied in, and destroyed before the
  // future is done; pass what is to be shared with std::ref. Throws ShutdownError or
  // BrokenExecutor. SUSPENDS only while the queue is full, and then throws runtime::Cancelled when
  // the task is cancelled.
  template <typename F, typename... Args>
  auto submit(F&& function, Args&&... args) {
    auto [work, future] = make(std::forward<F>(function), std::forward<Args>(args)...);
    enqueue(std::move(work));
    return std::move(future);
  }
  // As submit(), but never waits, and returns why not: kResourceExhausted (the queue is full),
  // kClosed (shut down), kUnavailable (broken).
  //
  //   auto queued = pool.try_submit(work);
  //   if (!queued) return busy(queued.error());
  template <typename F, typename... Args>
  auto try_submit(F&& function, Args&&... args) {
    auto [work, future] = make(std::forward<F>(function), std::forward<Args>(args)...);
    using Returned = Result<std::remove_cvref_t<decltype(future)>>;
    auto queued = try_enqueue(std::move(work));
    if (!queued) return Returned(fail(queued));
    return Returned(std::move(future));
  }
  // function(input) for every input, all submitted at once. The deadline is for all results
  // together. Throws as submit().
  template <std::ranges::input_range Inputs, typename F>
  auto map(F function, Inputs&& inputs, Deadline deadline = Deadline::never()) {
    using R = std::invoke_result_t<F&, std::ranges::range_value_t<Inputs>>;
    static_assert(!std::is_void_v<R>, "map() collects results; give its function one");
    std::vector<Future<R>> futures;
    for (auto&& input : inputs) futures.push_back(submit(function, input));
    return Mapped<R>(std::move(futures), deadline);
  }

  // Takes no more work; returns when all workers have ended, for which running work must end: ask
  // it with Future::request_stop() first if it may be long. May be called again. SUSPENDS, not
  // ended by cancel. REQUIRES: not called by one of its workers.
  void shutdown(OnShutdown pending = OnShutdown::kFinishPending);
  // The same without waiting: submit() throws from now on. The destructor still waits.
  void begin_shutdown(OnShutdown pending = OnShutdown::kFinishPending);

  // Of one moment, old news when it returns.
  ExecutorStats stats() const;

 protected:
  // For the kinds below, which choose what the workers are.
  explicit Executor(std::shared_ptr<detail::WorkerPool> pool);

 private:
  // Binds the arguments: a function without any, which takes a stop_token if `function` does.
  template <typename F, typename... Args>
  auto make(F&& function, Args&&... args) {
    if constexpr (sizeof...(Args) == 0) {
      return make_work(std::decay_t<F>(std::forward<F>(function)));
    } else if constexpr (std::is_invocable_v<std::decay_t<F>&, std::stop_token,
                                             std::decay_t<Args>&&...>) {
      return make_work([f = std::decay_t<F>(std::forward<F>(function)),
                        a = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)](
                           std::stop_token stop) mutable {
        return std::apply(f, std::tuple_cat(std::tuple(std::move(stop)), std::move(a)));
      });
    } else {
      return make_work([f = std::decay_t<F>(std::forward<F>(function)),
                        a = std::tuple<std::decay_t<Args>...>(std::forward<Args>(
                            args)...)]() mutable { return std::apply(f, std::move(a)); });
    }
  }

  // The work and the future that gets its result, in one allocation.
  template <typename F>
  auto make_work(F function) {
    auto result_of = [](F& f) -> decltype(auto) {
      if constexpr (std::is_invocable_v<F&, std::stop_token>) {
        return f(std::stop_token());
      } else {
        return f();
      }
    };
    using R = std::decay_t<std::invoke_result_t<decltype(result_of), F&>>;
    auto state = std::make_shared<detail::Submitted<R, F>>(std::move(function), pool_);
    return std::pair<std::shared_ptr<detail::Work>, Future<R>>(state, Future<R>(state));
  }

  // As submit() and try_submit(); `work` is dropped when it is not taken.
  void enqueue(std::shared_ptr<detail::Work> work);
  Result<void> try_enqueue(std::shared_ptr<detail::Work> work);

  // Shared with the workers and the futures: they may look at it after the executor is gone.
  std::shared_ptr<detail::WorkerPool> pool_;
};

// Workers are native threads. For work that computes, and for calls that block: neither holds up an
// event loop.
//
//   ThreadPoolExecutor disk({.max_workers = 64, .name = "disk", .max_queued = 1000});
class ThreadPoolExecutor final : public Executor {
 public:
  // Starts no thread before there is work.
  explicit ThreadPoolExecutor(ExecutorOptions options = {});
};

}  // namespace saola::futures
