#include <utility>

#include <saola/http/access.hpp>

namespace saola::http {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kNone:
      return "none";
    case Role::kRead:
      return "read";
    case Role::kSubmit:
      return "submit";
    case Role::kOperate:
      return "operate";
  }
  std::unreachable();
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::kNone, Role::kRead, Role::kSubmit, Role::kOperate}) {
    if (text == to_string(role)) return role;
  }
  return std::nullopt;
}

bool is_safe(Method method) {
  return method == Method::kGet || method == Method::kHead || method == Method::kOptions ||
         method == Method::kTrace;
}

Role role_for(Method method) {
  return is_safe(method) ? Role::kRead : Role::kSubmit;
}

}  // namespace saola::http
