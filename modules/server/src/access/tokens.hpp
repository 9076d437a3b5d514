// API tokens: 256 random bits each, of which the server keeps only a SHA-256. A slow hash, made for
// passwords, would add nothing: nobody can try 2^256 tokens, and every request pays for it.
//
// A line of the tokens file, which `token new` writes:
//   NAME ROLE sha256:HEX        NAME: 1 … 64 of A-Z a-z 0-9 _ . @ -    ROLE: read, submit, operate
// Empty lines and those that begin with # are comments. A name may have several tokens, so that a
// new one can be handed out before the old one is deleted.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/http/access.hpp>

namespace saola::server {

using TokenHash = std::array<std::uint8_t, 32>;

struct Token {
  std::string name;
  http::Role role = http::Role::kNone;
  TokenHash hash{};

  // Whether it is a token's line; the error says what is wrong with it.
  static Result<Token> parse(std::string_view line);
  std::string line() const;
};

// What is handed out, once, and what stays here.
struct NewToken {
  std::string text;  // "saola_" and 43 characters of base64url
  Token token;
};
// Fails when `name` is none.
Result<NewToken> make_token(std::string name, http::Role role);

// The lines of a tokens file. Fails for one that cannot be read, that everybody may write, or that
// has a line which is none; the error names the line.
Result<std::vector<Token>> read_tokens_file(const std::string& path);

// The token that `text` is, or null. Takes the same time whichever it is and however much of it is
// right: it compares the hash with every token's, and each to the end.
const Token* find_token(std::span<const Token> tokens, std::string_view text);

// Random bytes as base64url without padding.
std::string random_text(std::size_t bytes);
std::string to_hex(std::span<const std::uint8_t> bytes);

}  // namespace saola::server
