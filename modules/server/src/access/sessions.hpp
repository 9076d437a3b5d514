// Sessions: what a browser shows instead of a token after somebody has logged in with one. Nothing
// is kept of them: a cookie says whose token it stands for and until when, under a signature.
//
//   1:NAME:UNTIL:TOKEN:MAC     UNTIL seconds since 1970; TOKEN the first 16 digits of the token's
//                              hash; MAC HMAC-SHA256 in hex of all before it
//
// A session ends at its time, with its token's line, and with the key it was signed by. It has the
// role that the token has now. Downside: to log out is to forget the cookie; one that was copied
// works until it ends.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

#include "access/tokens.hpp"

namespace saola::server {

class Sessions {
 public:
  // The first of `keys` signs, all are believed. REQUIRES: there is one.
  Sessions(std::vector<std::string> keys, Duration length, const Clock& clock = real_clock())
      : keys_(std::move(keys)), length_(length), clock_(&clock) {}

  std::string open(const Token& token) const;
  // The token of `tokens` that the cookie stands for; null when it stands for none (now).
  const Token* find(std::span<const Token> tokens, std::string_view cookie) const;

 private:
  std::vector<std::string> keys_;
  Duration length_;
  const Clock* clock_;
};

// The keys of `path`, the newest first, one a line; makes the file (mode 0600) with a first one when
// there is none. Fails when it is somebody else's, a link, or open to others.
Result<std::vector<std::string>> session_keys(const std::string& path);

// Puts a new key in front and keeps the one before, so that nobody is logged out yet: twice logs
// everybody out. Used from the next reload on.
Result<void> rotate_session_key(const std::string& path);

}  // namespace saola::server
