#include <array>

#include <saola/http/method.hpp>

namespace saola::http {
namespace {
constexpr std::array<std::string_view, 9> kNames = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                    "CONNECT", "OPTIONS", "TRACE", "PATCH"};
static_assert(kNames.size() == static_cast<std::size_t>(Method::kOther));
}  // namespace

Method method_from(std::string_view name) {
  if (name == "GET") return Method::kGet;
  for (std::size_t i = 1; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Method>(i);
  }
  return Method::kOther;
}

std::string_view to_string(Method method) {
  return method == Method::kOther ? std::string_view() : kNames[static_cast<std::size_t>(method)];
}

}  // namespace saola::http
