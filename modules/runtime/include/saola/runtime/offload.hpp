// Running a piece of code on a native pool while only the calling fiber waits.
//
//   const std::string hash = offload_cpu([&] { return bcrypt(password); });       // computes
//   const auto config = offload_blocking([&] { return load(path); });           // waits for a disk
//
// `body` runs in the caller's name: it is inside the caller's Scope, sees its InheritedLocals, and
// may refer to its stack, as the caller waits. It must not use the caller's TaskLocals: a pool's
// thread has its own.
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace saola::runtime {

namespace detail {
enum class Pool { kCpu, kBlocking };
// Runs `body` on the pool (or here, when the caller is not on a fiber) and waits for it,
// uncancellably. Rethrows what it throws.
void offload(Pool pool, std::move_only_function<void()> body);

template <typename F>
auto offload_and_return(Pool pool, F&& body) {
  using R = std::invoke_result_t<F>;
  if constexpr (std::is_void_v<R>) {
    offload(pool, [&] { std::forward<F>(body)(); });
  } else {
    std::optional<R> result;
    offload(pool, [&] { result.emplace(std::forward<F>(body)()); });
    return std::move(*result);
  }
}
}  // namespace detail

// Runs `body` on a native thread for computation (one thread per allowed core, or
// RuntimeOptions::cpu_threads; at lowered priority) and returns its result; rethrows what it
// throws. Queues when all are busy. SUSPENDS the fiber for as long as it takes; on a plain thread
// it simply calls `body`. Cancelling the caller does not stop `body`; the cancel is seen at the
// next suspending call.
template <typename F>
auto offload_cpu(F&& body) {
  return detail::offload_and_return(detail::Pool::kCpu, std::forward<F>(body));
}

// The same for calls that wait in the kernel (files, fsync, name resolution, a library's own
// sockets): a pool that grows to RuntimeOptions::blocking_threads.
template <typename F>
auto offload_blocking(F&& body) {
  return detail::offload_and_return(detail::Pool::kBlocking, std::forward<F>(body));
}

}  // namespace saola::runtime
