// open_loop_load PORT SECONDS RATE GET-PATH POST-PATH POST-BODY [PATIENCE-SECONDS]
// Sends RATE requests a second to 127.0.0.1:PORT for SECONDS, GETs and POSTs in turn, each when it
// is due. Prints one JSON object: for "get", "post" and "all" the count, how many were answered
// with 2xx, p50_ms, p99_ms, max_ms. Latency counts from the time a request was due. What is not
// answered PATIENCE-SECONDS (30) after the last was due counts as waiting until then.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <open_loop/client.hpp>
#include <open_loop/summary.hpp>

namespace {

using namespace std::chrono_literals;
using saola::Duration;
using saola::SteadyTime;

struct Sent {
  SteadyTime due;
  SteadyTime answered = SteadyTime::max();
  int status = 0;
};

std::string summary(const std::vector<Sent>& requests, SteadyTime end) {
  std::vector<Duration> latencies;
  std::size_t good = 0;
  std::size_t unanswered = 0;
  for (const Sent& request : requests) {
    latencies.push_back(std::min(request.answered, end) - request.due);
    if (request.status >= 200 && request.status < 300) ++good;
    if (request.status == 0) ++unanswered;
  }
  return fmt::format(
      R"({{"count": {}, "ok": {}, "unanswered": {}, "p50_ms": {:.3f}, "p99_ms": {:.3f}, )"
      R"("max_ms": {:.3f}}})",
      requests.size(), good, unanswered, open_loop::percentile_ms(latencies, 0.50),
      open_loop::percentile_ms(latencies, 0.99), open_loop::percentile_ms(latencies, 1));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) {
    fmt::print(stderr,
               "usage: open_loop_load PORT SECONDS RATE GET-PATH POST-PATH POST-BODY [PATIENCE]\n");
    return 2;
  }
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const double seconds = std::atof(argv[2]);
  const double rate = std::atof(argv[3]);
  const Duration patience = std::chrono::seconds(argc > 7 ? std::atoi(argv[7]) : 30);
  if (port == 0 || !(seconds > 0) || !(rate > 0)) {
    fmt::print(stderr, "open_loop_load: PORT, SECONDS and RATE must be above 0\n");
    return 2;
  }
  const std::string get = open_loop::get_request(argv[4]);
  const std::string post = open_loop::post_request(argv[5], argv[6]);

  const open_loop::InstrumentThread instrument;
  const auto count = static_cast<std::size_t>(seconds * rate);
  const auto every = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / rate));
  std::vector<Sent> sent(count);
  open_loop::Client client(port);
  const SteadyTime start = std::chrono::steady_clock::now() + 100ms;
  for (std::size_t i = 0; i < count; ++i) {
    sent[i].due = start + static_cast<int>(i) * every;
    client.run_until(sent[i].due);
    client.send(i % 2 == 0 ? get : post, sent[i].due, open_loop::WhenBroken::kTell,
                [&sent, i](const open_loop::Answer& answer) {
                  sent[i].answered = answer.at;
                  sent[i].status = answer.status;
                });
  }
  client.run_until_answered(sent.back().due + patience);
  const SteadyTime end = std::chrono::steady_clock::now();

  std::vector<Sent> gets;
  std::vector<Sent> posts;
  for (std::size_t i = 0; i < count; ++i) (i % 2 == 0 ? gets : posts).push_back(sent[i]);
  fmt::print("{{\"get\": {}, \"post\": {}, \"all\": {}}}\n", summary(gets, end),
             summary(posts, end), summary(sent, end));
  return 0;
}
