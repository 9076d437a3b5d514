// ThreadPool: an executor of a service's web workers, counted in its metrics.
//
//   auto pool = service.thread_pool("thumbnails", 5);
//   service.post("/thumbnail", [pool](saola::Request& request) {
//     auto image = pool.submit(shrink, request.text());
//     return web::text(image.result());                      // only this request waits
//   });
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <saola/futures/executor.hpp>
#include <saola/observe/metrics.hpp>

namespace saola {

// A handle; copy it into views. Made by Service::thread_pool(), which says what a restart loses.
// Its threads start with the first use in a process and give way to requests on the same cores;
// when the process ends, what waits is cancelled.
class ThreadPool {
 public:
  // As futures::Executor::submit(): returns the future of function(args…), or of
  // function(stop_token, args…) when it takes one. Never waits: the queue has no limit, so refuse
  // work yourself when saola_pool_queued gets too long. Any thread or fiber of a web worker. Throws
  // futures::ShutdownError when the process ends.
  template <typename F, typename... Args>
  auto submit(F&& function, Args&&... args) const {
    using Function = std::decay_t<F>;
    if constexpr (std::is_invocable_v<Function&, std::stop_token, std::decay_t<Args>&&...>) {
      return executor().submit([ticket = Ticket(state_), f = Function(std::forward<F>(function)),
                                a = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)](
                                   std::stop_token stop) mutable {
        ticket.start();
        return std::apply(f, std::tuple_cat(std::tuple(std::move(stop)), std::move(a)));
      });
    } else {
      return executor().submit(
          [ticket = Ticket(state_), f = Function(std::forward<F>(function)),
           a = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)]() mutable {
            ticket.start();
            return std::apply(f, std::move(a));
          });
    }
  }

  // For wait(), map() and whatever else takes an executor; what goes there is not counted. Starts
  // its threads in the process that calls it.
  //
  //   for (const Image& image : pool.executor().map(load, paths)) add(image);
  futures::Executor& executor() const;

  // Shared by the service and every copy of the handle.
  struct State;
  explicit ThreadPool(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  // Counts one piece of work: queued until start(), then running, until it is destroyed.
  class Ticket {
   public:
    explicit Ticket(std::shared_ptr<State> state);
    Ticket(Ticket&& other) noexcept = default;
    ~Ticket();
    void start();

   private:
    std::shared_ptr<State> state_;
    bool running_ = false;
  };

  std::shared_ptr<State> state_;
};

}  // namespace saola
