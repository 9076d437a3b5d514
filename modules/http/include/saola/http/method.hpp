// Request methods (RFC 9110 §9): the ones that matter to a server by name, any other as its token.
//
//   method_from("GET")    // Method::kGet
//   method_from("get")    // Method::kOther
#pragma once

#include <string_view>

namespace saola::http {

// In the order of RFC 9110 §9.3, then PATCH (RFC 5789).
enum class Method {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kConnect,
  kOptions,
  kTrace,
  kPatch,
  kOther,  // a valid token that is none of the above; Request::method_name has it
};

// The method named exactly so (methods are case-sensitive), else kOther.
Method method_from(std::string_view name);
// "GET", …; empty for kOther, whose name is in Request::method_name.
std::string_view to_string(Method method);

}  // namespace saola::http
