// Who asks and what they may: the words that a server and its application share.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <saola/http/method.hpp>

namespace saola::http {

// What somebody may do. Each role includes those before it.
enum class Role : std::uint8_t {
  kNone,     // what everybody may: health, the page to log in
  kRead,     // look at everything
  kSubmit,   // start work, and whatever else changes something
  kOperate,  // steer the work of others
};

// "none", "read", "submit", "operate".
std::string_view to_string(Role role);
// The role spelled so; "none" is one.
std::optional<Role> parse_role(std::string_view text);

// What a request of this method needs where nobody says otherwise: kRead for those that change
// nothing (RFC 9110 §9.2.1), kSubmit for the others.
Role role_for(Method method);
// GET, HEAD, OPTIONS, TRACE.
bool is_safe(Method method);

// Who sent a request, as far as the server knows.
struct Caller {
  // Of the token, or of the user that a trusted proxy names. Empty: nobody was asked, or nobody
  // said.
  std::string_view name = {};
  // kOperate where the server asks nobody.
  Role role = Role::kOperate;
};

// The cookie that stands for a token in a browser.
inline constexpr std::string_view kSessionCookie = "saola_session";

}  // namespace saola::http
