// Any bytes as a chunked body: the same however they are cut, never more than the limit.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <saola/http/body_decoder.hpp>
#include <saola/http/serialise.hpp>

namespace {

constexpr saola::http::Limits kLimits{
    .field_size = 100, .field_count = 5, .head_size = 300, .body_size = 200};

// What is written anew may be a little longer.
constexpr saola::http::Limits kWide;

using saola::http::BodyDecoder;

struct Decoded {
  std::string body;
  std::string trailers;
  int refused = 0;
  bool done = false;
  std::size_t consumed = 0;

  friend bool operator==(const Decoded&, const Decoded&) = default;
};

void require(bool holds) {
  if (!holds) std::abort();
}

// Feeds pieces of at most `piece` bytes.
Decoded decode(std::string_view bytes, std::size_t piece,
               const saola::http::Limits& limits = kLimits) {
  BodyDecoder decoder(saola::http::Framing::kChunked, 0, limits);
  Decoded result;
  for (std::size_t at = 0; at < bytes.size() && !result.done && result.refused == 0;) {
    const std::string part(bytes.substr(at, piece));
    std::string_view rest = part;
    at += part.size();
    for (bool more = true; more;) {
      const auto step = decoder.step(rest);
      require(step.consumed <= rest.size());
      result.body += step.data;
      result.consumed += step.consumed;
      rest.remove_prefix(step.consumed);
      more = step.state == BodyDecoder::State::kData;
      result.done = step.state == BodyDecoder::State::kDone;
      if (step.state == BodyDecoder::State::kRefused) result.refused = decoder.refusal().status;
    }
  }
  for (const auto& field : decoder.trailers()) {
    result.trailers.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  if (result.refused != 0) result.consumed = 0;  // means nothing then
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Decoded whole = decode(bytes, size + 1);
  require(whole.body.size() <= kLimits.body_size);
  require(decode(bytes, 1) == whole);
  if (size > 0) require(decode(bytes, 1 + data[0] % 16) == whole);
  if (!whole.done) return 0;

  std::string again;
  saola::http::append_chunk(again, whole.body);
  again += "0\r\n" + whole.trailers + "\r\n";
  const Decoded second = decode(again, again.size(), kWide);
  require(second.done && second.body == whole.body && second.trailers == whole.trailers);
  return 0;
}
