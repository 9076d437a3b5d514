// Any bytes: cut or whole they mean the same; what is accepted and written anew is accepted again
// with the same meaning; and llhttp, an independent parser, accepts it too.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../fuzz/llhttp_oracle.hpp"
#include "corpus/http/drive.hpp"

namespace {

using saola::corpus::Drive;
using saola::corpus::Exchange;
using saola::corpus::Outcome;

// Small, so that the fuzzer reaches them.
constexpr saola::http::Limits kLimits{
    .request_line = 200, .field_size = 200, .field_count = 10, .head_size = 1000, .body_size = 300};

// What is written anew may be a little longer.
constexpr saola::http::Limits kWide;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string written(const Exchange& e) {
  std::string out =
      e.line.substr(0, e.line.size() - 3) + "HTTP/" + e.line.substr(e.line.size() - 3) + "\r\n";
  bool chunked = false;
  for (const std::string& field : *e.fields) {
    out += field + "\r\n";
    chunked |= saola::http::iequals(field.substr(0, field.find(':')), "Transfer-Encoding");
  }
  out += "\r\n";
  if (!chunked) return out + e.body;
  if (!e.body.empty()) out += fmt::format("{:x}\r\n{}\r\n", e.body.size(), e.body);
  out += "0\r\n";
  for (const std::string& trailer : e.trailers) out += trailer + "\r\n";
  return out + "\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Drive whole(kLimits);
  whole.feed(bytes);
  const Outcome outcome = whole.outcome();
  const std::string described = outcome.describe();

  // Two cuts chosen by the bytes themselves, and every byte alone.
  const std::size_t first = size == 0 ? 0 : data[0] * size / 256;
  Drive cut(kLimits);
  cut.feed(std::string(bytes.substr(0, first)));
  cut.feed(std::string(bytes.substr(first)));
  require(cut.outcome().describe() == described);
  if (size < 2000) {
    Drive single(kLimits);
    for (const char c : bytes) single.feed(std::string_view(&c, 1));
    require(single.outcome().describe() == described);
  }

  for (const Exchange& exchange : outcome.exchanges) {
    Drive again(kWide);
    again.feed(written(exchange));
    const Outcome second = again.outcome();
    require(second.exchanges.size() == 1 && second.refused == 0);
    Outcome alone;
    alone.exchanges = {exchange};
    require(second.describe() == alone.describe());
    saola::corpus::require_llhttp_agrees(written(exchange), exchange);
  }
  return 0;
}
