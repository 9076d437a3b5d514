// Responses that are made while they are sent: a body of unknown length, and server-sent events. And
// a long poll that ends when its worker leaves.
//   curl -N http://127.0.0.1:8000/count/5
//   curl -N http://127.0.0.1:8000/ticks
#include <fmt/core.h>

#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/task.hpp>
#include <saola/service/service.hpp>
#include <saola/web/sse.hpp>

int main(int argc, char** argv) {
  saola::Service service("streaming");
  service.get("/count/<int:to>", [](saola::Request&, std::int64_t to) {
    return saola::web::stream("text/plain",
                              [to](saola::http::BodyWriter& out) -> saola::Result<void> {
                                for (std::int64_t n = 1; n <= to; ++n) {
                                  // Suspends this fiber only, while the client does not read. An error: the client is gone.
                                  if (auto sent = out.write(fmt::format("{}\n", n)); !sent)
                                    return sent;
                                }
                                return {};
                              });
  });
  service.get("/ticks", [] {
    return saola::web::event_stream([](saola::web::EventWriter& out) -> saola::Result<void> {
      for (int tick = 1; tick <= 3; ++tick) {
        if (auto sent = out.send({.data = std::to_string(tick), .event = "tick"}); !sent)
          return sent;
        saola::runtime::this_task::sleep_for(std::chrono::milliseconds(20));
      }
      return {};
    });
  });
  service.get("/next", [](saola::Request& request) {
    saola::runtime::Event wake;  // an application sets it when there is news, too
    const std::stop_callback on_leave(request.leaving(), [&] { wake.set(); });
    wake.wait(saola::Deadline::after(std::chrono::seconds(20)));
    return saola::web::text("nothing new\n");
  });
  return service.main(argc, argv);
}
