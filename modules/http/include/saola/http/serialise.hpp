// Responses as bytes (RFC 9112 §4–§7).
//
//   std::string out;
//   const ResponsePlan plan = append_head(out, response, {.method = Method::kGet, .date = date});
//   if (plan.delimiter == Delimiter::kChunked) {
//     append_chunk(out, "hello");
//     append_last_chunk(out, {});
//   }
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <saola/http/headers.hpp>
#include <saola/http/method.hpp>
#include <saola/http/request.hpp>
#include <saola/http/response.hpp>

namespace saola::http {

// How the client learns where the body of a response ends (RFC 9112 §6.3).
enum class Delimiter { kNoBody, kLength, kChunked, kClose };

// What of the request, the connection and the clock shapes a response.
struct ResponseContext {
  Method method = Method::kGet;
  Version version;
  bool keep_alive = true;  // as far as request and server are concerned
  std::string_view date;   // for the Date field, see format_http_date(); empty for none
};

// What append_head() promised the client, for whoever sends the body.
struct ResponsePlan {
  Delimiter delimiter = Delimiter::kNoBody;
  std::uint64_t length = 0;  // bytes; of kLength
  bool keep_alive = true;    // false: the connection closes after this response
};

// Bytes of the body when known beforehand: all but a stream without length.
std::optional<std::uint64_t> known_length(const Body& body);

// Appends status line, fields and the empty line to `out`, and says how the body must follow. The
// fields Connection, Keep-Alive, Transfer-Encoding and Content-Length of the response are replaced.
// REQUIRES: 200 ≤ response.status ≤ 999.
ResponsePlan append_head(std::string& out, const Response& response,
                         const ResponseContext& context);

// Appends one chunk; nothing for empty data, which would end the body.
void append_chunk(std::string& out, std::string_view data);
// The line before the data of a chunk of `size` > 0 bytes; CR LF must follow the data.
void append_chunk_size(std::string& out, std::uint64_t size);
// Appends the chunk that ends the body, with the trailers.
void append_last_chunk(std::string& out, const Headers& trailers);

// Fields that change framing, routing, authority or the meaning of a body do not belong into
// trailers (RFC 9110 §6.5.1).
bool may_be_trailer(std::string_view name);

}  // namespace saola::http
