// What a request costs before and after the handler.
#include <benchmark/benchmark.h>

#include <saola/http/request_parser.hpp>
#include <saola/http/serialise.hpp>

namespace saola::http {
namespace {

constexpr std::string_view kSmall = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";
constexpr std::string_view kBrowser =
    "GET /jobs/0192f0c1-5f3b-7c55-9d0e-1a2b3c4d5e6f?fields=state%2Cprogress HTTP/1.1\r\n"
    "Host: split.example.org:8000\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Sec-Fetch-Mode: navigate\r\n\r\n";

void parse(benchmark::State& state, std::string_view bytes) {
  const Limits limits;
  RequestParser parser(limits);
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.parse(bytes));
    benchmark::DoNotOptimize(parser.head());
    parser.reset();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK_CAPTURE(parse, small, kSmall);
BENCHMARK_CAPTURE(parse, browser, kBrowser);

void serialise(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    const Response response(200, "text/plain", "Hello, world!");
    benchmark::DoNotOptimize(append_head(out, response, {.date = "Sun, 06 Nov 1994 08:49:37 GMT"}));
  }
}
BENCHMARK(serialise);

}  // namespace
}  // namespace saola::http
