// The cost of web per request: routing alone, and a whole App::handle without a socket.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <saola/web/app.hpp>

#include "routing/router.hpp"

namespace saola::web {
namespace {

// About the size of a real service's table.
constexpr std::string_view kPatterns[] = {"/",
                                          "/hello",
                                          "/healthz",
                                          "/readyz",
                                          "/metrics",
                                          "/openapi.json",
                                          "/jobs",
                                          "/jobs/<uuid:id>",
                                          "/jobs/<uuid:id>/events",
                                          "/jobs/<uuid:id>/result",
                                          "/split",
                                          "/users/<int:id>/posts/<name>",
                                          "/static/<path:file>"};

void route(benchmark::State& state, std::string_view path) {
  Router router;
  for (std::size_t i = 0; i < std::size(kPatterns); ++i) {
    router.add(Pattern::parse(kPatterns[i]), {http::Method::kGet}, i);
  }
  for (auto _ : state) {
    Router::Match match;
    router.match(http::Method::kGet, path, match);
    benchmark::DoNotOptimize(match.outcome);
    if (match.outcome != Router::Outcome::kFound) state.SkipWithError("not found");
  }
}
BENCHMARK_CAPTURE(route, literal, "/hello");
BENCHMARK_CAPTURE(route, uuid, "/jobs/0192f0c1-2345-7890-abcd-ef0123456789/events");
BENCHMARK_CAPTURE(route, two_params, "/users/42/posts/first");
BENCHMARK_CAPTURE(route, escaped, "/users/42/posts/caf%C3%A9");
BENCHMARK_CAPTURE(route, path, "/static/js/vendor/app.js");

// A whole request: hooks, view, response, X-Request-Id.
void dispatch(benchmark::State& state, std::string_view path, bool counted) {
  App app;
  const auto hello = std::make_shared<const std::string>("Hello, World!");
  app.get("/hello", [hello](Request&) {
    Response response(200);
    response.headers.add("Content-Type", "text/plain");
    response.body = hello;
    return response;
  });
  app.get("/users/<int:id>", [](Request&, std::int64_t id) { return text(fmt::format("{}", id)); });
  observe::MetricTable table;
  std::vector<std::uint64_t> memory;
  std::optional<observe::MetricBlock> block;
  if (counted) {
    app.declare_metrics(table);
    memory.resize(observe::MetricBlock::bytes(table, 1) / 8 + 1);
    block.emplace(table, std::as_writable_bytes(std::span(memory)), 1);
    app.count_in({*block, 0});
  }
  const http::Field fields[] = {{"Host", "localhost"}, {"User-Agent", "bench"}, {"Accept", "*/*"}};
  for (auto _ : state) {
    http::Request raw;
    raw.raw_path = raw.path = raw.target = path;
    raw.headers = http::HeaderView(fields);
    raw.request_id = "0000002a-00000001";
    http::Response response = app.handle(raw);
    benchmark::DoNotOptimize(response.status);
  }
}
BENCHMARK_CAPTURE(dispatch, hello, "/hello", false);
BENCHMARK_CAPTURE(dispatch, hello_counted, "/hello", true);
BENCHMARK_CAPTURE(dispatch, int_param, "/users/42", false);
BENCHMARK_CAPTURE(dispatch, not_found, "/nothing", false);

}  // namespace
}  // namespace saola::web
