// Finds the body of a message in the bytes that follow its head, and its trailers (RFC 9112 §6,
// §7).
//
//   BodyDecoder decoder(head.framing, head.content_length, limits);
//   for (;;) {
//     const BodyDecoder::Step step = decoder.step(buffer);
//     use(step.data);                                 // empty unless kData
//     buffer.remove_prefix(step.consumed);
//     if (step.state == BodyDecoder::State::kNeedMore) buffer = read_more();
//     if (step.state == BodyDecoder::State::kDone) break;
//     if (step.state == BodyDecoder::State::kRefused) return answer(decoder.refusal());
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <saola/http/headers.hpp>
#include <saola/http/limits.hpp>
#include <saola/http/request_parser.hpp>

namespace saola::http {

// Incremental and bounded like RequestParser; copies no body bytes. Strict: a chunked body that two
// implementations could read differently is refused. Not thread-safe.
class BodyDecoder {
 public:
  // kNeedMore: all was consumed, the body goes on. kData: a piece of the body; call again. kDone,
  // kRefused: for good.
  enum class State { kNeedMore, kData, kDone, kRefused };

  // What one call of step() came to.
  struct Step {
    State state;
    std::size_t consumed;   // bytes to take off the front, those of `data` included
    std::string_view data;  // kData: the next bytes of the body, never empty
  };

  // A body of no bytes.
  BodyDecoder() = default;
  // REQUIRES: `limits` outlives the decoder. A content_length over the limit was refused before.
  BodyDecoder(Framing framing, std::uint64_t content_length, const Limits& limits);

  // Decodes from the front of `bytes` up to the next piece of the body; call until it is not kData.
  // Each byte is looked at once: take off what was consumed.
  Step step(std::string_view bytes);

  // How many bytes of body come next for certain, without anything between them: so many may be
  // read straight into a buffer of the caller's.
  std::uint64_t data_left() const {
    return stage_ == Stage::kLength || stage_ == Stage::kData ? left_ : 0;
  }
  // The body has ended, trailers included; what follows is the next request.
  bool done() const { return stage_ == Stage::kDone; }
  // After kRefused: 400 (broken framing), 413 (over Limits::body_size) or 431 (trailers over the
  // limits).
  const Refusal& refusal() const { return refusal_; }
  // After kDone. Fields that may not be trailers (RFC 9110 §6.5.1) have been left out.
  HeaderView trailers() const { return HeaderView(trailers_); }

 private:
  enum class Stage {
    kLength,       // left_ bytes to come
    kSize,         // inside chunk-size
    kAfterSize,    // white space that only ";" may follow
    kExtension,    // after ";", before the name
    kName,         // inside chunk-ext-name
    kAfterName,    // white space that only "=" or ";" may follow
    kBeforeValue,  // after "="
    kValue,        // inside a token
    kQuoted,       // inside a quoted-string
    kQuotedPair,   // after "\" inside it
    kQuotedEnd,    // after the closing quote
    kAfterValue,   // white space that only ";" may follow
    kSizeLf,       // CR seen
    kData,         // left_ bytes of the chunk to come
    kDataCr,
    kDataLf,
    kTrailer,  // trailer_text_ holds what came of the trailers
    kDone,
    kRefused,
  };

  Step refuse(int status, std::string_view reason);
  // One byte of a chunk-size line; false when it may not stand there.
  bool size_line_byte(char c);
  bool end_size_line();
  // One line of the trailers, without CRLF.
  bool trailer_line(std::string_view line);

  const Limits* limits_ = nullptr;
  Stage stage_ = Stage::kDone;
  std::uint64_t left_ = 0;
  std::uint64_t total_ = 0;  // body bytes of all chunks so far, announced ones included
  int size_digits_ = 0;
  std::size_t extension_bytes_ = 0;  // of all chunks
  std::size_t trailer_count_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string trailer_line_;       // an unfinished line
  std::vector<std::string> kept_;  // trailer lines kept, without CRLF
  std::vector<Field> trailers_;    // views into kept_
  Refusal refusal_;
};

}  // namespace saola::http
