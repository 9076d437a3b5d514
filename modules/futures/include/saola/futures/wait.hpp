// Waiting for several futures, as concurrent.futures.wait() and as_completed() do.
//
//   const auto [done, not_done] = wait(futures, Deadline::after(5s));
//   for (const Future<Page>& late : not_done) late.cancel();
//
//   for (const Future<Page>& page : as_completed(futures)) index(page.result());
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <saola/base/time.hpp>
#include <saola/futures/future.hpp>

namespace saola::futures {

// What wait() waits for, by the names of concurrent.futures: FIRST_COMPLETED, FIRST_EXCEPTION,
// ALL_COMPLETED. A cancelled future is done; it does not count as an exception.
enum class ReturnWhen {
  kAllCompleted,
  kFirstCompleted,  // one is done, cancelled ones included
  kFirstException,  // one finished with an exception (or, if none does, all are done)
};

namespace detail {

// Waits until `when` holds of `states` or the deadline passes: wait() without the types. Throws
// runtime::Cancelled. SUSPENDS.
void wait_for(std::span<StateBase* const> states, Deadline deadline, ReturnWhen when);

// Hands out the places of futures as they end: the part of AsCompleted that is the same for all
// results. Movable, for the part that watches the futures stays where it is.
class Completions {
 public:
  // REQUIRES: the states outlive it.
  explicit Completions(std::vector<StateBase*> states);
  Completions(Completions&&) noexcept;
  ~Completions();
  // nullopt when all were handed out. Throws TimeoutError at the deadline, with futures left, and
  // runtime::Cancelled. SUSPENDS.
  std::optional<std::size_t> next(Deadline deadline);

 private:
  class Watch;
  std::unique_ptr<Watch> watch_;
};

// Without repetitions, in order: two handles of one future are one. Sorts, so that many futures
// cost little more than few.
template <typename T>
std::vector<Future<T>> distinct(std::span<const Future<T>> futures) {
  std::vector<Future<T>> out(futures.begin(), futures.end());
  std::vector<std::pair<StateBase*, std::size_t>> order;
  for (std::size_t i = 0; i < out.size(); ++i)
    order.emplace_back(&FutureAccess<T>::state(out[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<bool> again(out.size(), false);
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i].first == order[i - 1].first) again[order[i].second] = true;
  }
  std::size_t i = 0;
  std::erase_if(out, [&](const Future<T>&) { return again[i++]; });
  return out;
}

// What the futures share, for the code that does not know their type. Valid as long as the futures
// are held.
template <typename T>
std::vector<StateBase*> states_of(const std::vector<Future<T>>& futures) {
  std::vector<StateBase*> out;
  for (const Future<T>& future : futures) out.push_back(&FutureAccess<T>::state(future));
  return out;
}

}  // namespace detail

// Every future of the call, in one list or the other:
//
//   const auto [done, rest] = wait(futures, Deadline::after(1s), ReturnWhen::kFirstCompleted);
template <typename T>
struct WaitResult {
  std::vector<Future<T>> done;      // cancelled ones included
  std::vector<Future<T>> not_done;  // the others; both in the order given, without repetitions
};

// Waits until `when` holds or the deadline passes, and returns which futures are done then; the
// deadline is no error. An empty set returns at once. The futures go on and keep their results.
// REQUIRES: all valid(). SUSPENDS; throws runtime::Cancelled when the waiting task is cancelled.
// Linear in their number, but for a sort that finds repetitions.
template <typename T>
WaitResult<T> wait(std::span<const Future<T>> futures, Deadline deadline = Deadline::never(),
                   ReturnWhen when = ReturnWhen::kAllCompleted) {
  std::vector<Future<T>> all = detail::distinct(futures);
  detail::wait_for(detail::states_of(all), deadline, when);
  WaitResult<T> result;
  for (Future<T>& future : all) {
    (future.done() ? result.done : result.not_done).push_back(std::move(future));
  }
  return result;
}
template <typename T>
WaitResult<T> wait(const std::vector<Future<T>>& futures, Deadline deadline = Deadline::never(),
                   ReturnWhen when = ReturnWhen::kAllCompleted) {
  return wait(std::span(futures), deadline, when);
}

// Futures in the order in which they end; those already done come first, each once, however often
// it was given. Used by one task at a time; dropped early, it leaves the futures as they are.
//
// Moving to the next SUSPENDS, throws TimeoutError once the deadline (an absolute time) has passed
// with futures left, and runtime::Cancelled. Either may be caught, and the next asked for again:
//
//   auto ended = as_completed(futures, Deadline::after(5s));
//   try {
//     while (auto page = ended.next()) index(page->result());
//   } catch (const TimeoutError&) {
//     log_warning("some pages are missing");              // their downloads go on
//   }
template <typename T>
class AsCompleted {
 public:
  AsCompleted(std::span<const Future<T>> futures, Deadline deadline)
      : futures_(detail::distinct(futures)),
        completions_(detail::states_of(futures_)),
        deadline_(deadline) {}

  // The next that ends; nullopt when there are no more.
  std::optional<Future<T>> next() {
    const auto place = completions_.next(deadline_);
    if (!place) return std::nullopt;
    return futures_[*place];
  }

  // One pass over them: advancing it waits.
  class iterator {
   public:
    using value_type = Future<T>;
    using difference_type = std::ptrdiff_t;
    explicit iterator(AsCompleted& from) : from_(&from), current_(from.next()) {}
    const Future<T>& operator*() const { return *current_; }
    iterator& operator++() {
      current_ = from_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !current_; }

   private:
    AsCompleted* from_;
    std::optional<Future<T>> current_;
  };
  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  std::vector<Future<T>> futures_;
  detail::Completions completions_;
  Deadline deadline_;
};

// The deadline is for all of them together. REQUIRES: all valid().
template <typename T>
AsCompleted<T> as_completed(const std::vector<Future<T>>& futures,
                            Deadline deadline = Deadline::never()) {
  return AsCompleted<T>(std::span(futures), deadline);
}

}  // namespace saola::futures
