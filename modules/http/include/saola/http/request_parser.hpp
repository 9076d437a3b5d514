// The strict HTTP/1.1 request parser: bytes in, a Request and its body's framing out.
//
//   RequestParser parser(limits);
//   while (parser.parse(buffer) == RequestParser::State::kNeedMore) buffer = read_more();
//   if (parser.parse(buffer) == RequestParser::State::kRefused) return answer(parser.refusal());
//   RequestHead& head = parser.head();                 // views into `buffer`
//   BodyDecoder body(head.framing, head.content_length, limits);
//   body.step(buffer.substr(parser.head_size()));
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <saola/http/headers.hpp>
#include <saola/http/limits.hpp>
#include <saola/http/request.hpp>

namespace saola::http {

// Why a message is refused. The connection must close after the answer: where the next request
// would begin is unknown. `reason` is fit to be shown to the client, as it quotes nothing that came
// from it.
struct Refusal {
  int status = 0;           // 400, 413, 414, 417, 431, 501 or 505
  std::string_view reason;  // static text: what is wrong and what to send instead

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

// How the end of a message's body is found (RFC 9112 §6): there is none, by its length, by its
// chunks.
enum class Framing { kNone, kLength, kChunked };

// A request without its body.
struct RequestHead {
  // body, remote_address, scheme and request_id are the connection's to fill in.
  Request request;
  Framing framing = Framing::kNone;
  std::uint64_t content_length = 0;  // bytes; of kLength
  bool keep_alive = true;            // what version and Connection ask for
  bool expect_continue = false;      // "Expect: 100-continue" in HTTP/1.1
};

// Parses one request head after the other. Incremental: however the bytes are cut, the result is
// the same. Refuses everything that two HTTP implementations could understand differently, which is
// how requests are smuggled past a proxy; the list is in docs/formats/http-corpus.md and
// tests/corpus/http. Bounded by Limits. Not thread-safe.
class RequestParser {
 public:
  // kNeedMore: so far so good. kDone: head() and head_size() hold. kRefused: refusal() says why.
  enum class State { kNeedMore, kDone, kRefused };

  // REQUIRES: `limits` outlives the parser.
  explicit RequestParser(const Limits& limits) : limits_(limits) { reset(); }
  explicit RequestParser(Limits&&) = delete;
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // `bytes` is all that came from the first byte of the request on: after kNeedMore call again with
  // the same bytes and more behind them. kDone and kRefused stay until reset(). Looks at every byte
  // once, however often it is called, unless the bytes have moved to another address.
  State parse(std::string_view bytes);

  // After kDone. Views point into the `bytes` of the last parse() and into this parser: keep both
  // until the request is answered. After kRefused what was understood: method_name and target are
  // empty when the request line was not.
  RequestHead& head() { return head_; }
  // After kDone: how many of the bytes were the head.
  std::size_t head_size() const { return next_; }
  // After kRefused.
  const Refusal& refusal() const { return refusal_; }

  // Whether more than empty lines came: the client means to send a request.
  bool begun() const { return stage_ != Stage::kStart; }

  // Ready for the next request; keeps its memory. release() gives that back too, for a connection
  // that may wait long. head() and its views are gone.
  void reset();
  void release();

 private:
  enum class Stage { kStart, kRequestLine, kFields, kDone, kRefused };

  // Each of these looks at one part; false: it has refused, with status and reason.
  State refuse(int status, std::string_view reason);
  bool parse_request_line(std::string_view line);
  bool parse_target(std::string_view target);
  bool parse_absolute_form(std::string_view target, std::size_t colon);
  bool parse_path_and_query(std::string_view text);
  bool parse_field(std::string_view line);
  bool note_field(const Field& field);
  bool note_transfer_encoding(std::string_view value);
  bool note_content_length(std::string_view value);
  State finish();

  const Limits& limits_;
  Stage stage_ = Stage::kStart;
  const char* base_ = nullptr;  // where the bytes of the last call began
  std::size_t next_ = 0;        // where the current line begins
  std::size_t scanned_ = 0;     // no line feed between next_ and here
  RequestHead head_;
  Refusal refusal_;
  std::size_t field_lines_ = 0;  // those left out of fields_ included
  std::vector<Field> fields_;
  std::string decoded_path_;
  std::string_view host_field_;
  bool absolute_form_ = false;
  bool has_host_ = false;
  bool has_length_ = false;
  bool has_transfer_encoding_ = false;
  bool has_content_type_ = false;
  bool asks_close_ = false;
  bool asks_keep_alive_ = false;
  bool unknown_expectation_ = false;
  bool unknown_coding_ = false;
};

}  // namespace saola::http
