// Status codes (RFC 9110 §15) and what they mean for a message's body.
//
//   reason_phrase(404)                       // "Not Found"
//   reason_phrase(499)                       // "Client Error"
//   response_has_body(Method::kHead, 200)    // false
#pragma once

#include <string_view>

#include <saola/http/method.hpp>

namespace saola::http {

// "Not Found", …; for a code without a registered phrase that of its class ("Client Error").
std::string_view reason_phrase(int status);

// Whether a response with this status to this method may carry a body (RFC 9112 §6.3): none for
// HEAD, 1xx, 204, 304 and a successful CONNECT. One without may still say its length.
bool response_has_body(Method method, int status);

}  // namespace saola::http
