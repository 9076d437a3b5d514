#include "access/tokens.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <saola/base/check.hpp>

namespace saola::server {
namespace {

constexpr std::string_view kPrefix = "saola_";
constexpr std::string_view kHashPrefix = "sha256:";
constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kLongestName = 64;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.@-").contains(c);
  });
}

TokenHash hash_of(std::string_view text) {
  TokenHash hash{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
  return hash;
}

// False unless it is exactly 64 hexadecimal digits.
bool read_hash(std::string_view hex, TokenHash& into) {
  if (hex.size() != 2 * into.size()) return false;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const char c = hex[i];
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return false;
    into[i / 2] = static_cast<std::uint8_t>(into[i / 2] << 4 | digit);
  }
  return true;
}

}  // namespace

std::string to_hex(std::span<const std::uint8_t> bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

std::string random_text(std::size_t bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::vector<std::uint8_t> random(bytes);
  SAOLA_CHECK(::getrandom(random.data(), bytes, 0) == static_cast<ssize_t>(bytes),
              "the kernel gives no random bytes");
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const std::uint8_t byte : random) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 6; count -= 6) out += kDigits[bits >> (count - 6) & 63];
  }
  if (count > 0) out += kDigits[bits << (6 - count) & 63];
  return out;
}

Result<Token> Token::parse(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string name;
  std::string role;
  std::string hash;
  std::string more;
  words >> name >> role >> hash;
  Token token{.name = name};
  const auto known = http::parse_role(role);
  if (!is_name(name)) {
    return fail(ErrorCode::kInvalidArgument,
                "a token's name has 1 to 64 of the characters A-Z a-z 0-9 _ . @ -");
  }
  if (!known || *known == http::Role::kNone) {
    return fail(ErrorCode::kInvalidArgument, "a token's role is read, submit or operate");
  }
  if (!hash.starts_with(kHashPrefix) || words >> more ||
      !read_hash(std::string_view(hash).substr(kHashPrefix.size()), token.hash)) {
    return fail(ErrorCode::kInvalidArgument,
                "write NAME ROLE sha256:HEX, the line that `token new` prints");
  }
  token.role = *known;
  return token;
}

std::string Token::line() const {
  return fmt::format("{} {} {}{}", name, http::to_string(role), kHashPrefix, to_hex(hash));
}

Result<NewToken> make_token(std::string name, http::Role role) {
  NewToken out{.text = std::string(kPrefix) + random_text(kTokenBytes),
               .token = {.name = std::move(name), .role = role}};
  out.token.hash = hash_of(out.text);
  if (auto checked = Token::parse(out.token.line()); !checked) {
    return fail(checked);
  }
  return out;
}

Result<std::vector<Token>> read_tokens_file(const std::string& path) {
  std::ifstream file(path);
  struct stat info{};
  if (!file || ::stat(path.c_str(), &info) != 0) {
    return fail(errno_error(errno, fmt::format("the tokens file {}", path)));
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return fail(ErrorCode::kPermissionDenied,
                "the tokens file {} may be written by everybody, who could let themselves in; "
                "chmod 600 it",
                path);
  }
  std::vector<Token> tokens;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line[begin] == '#') continue;
    auto token = Token::parse(line);
    if (!token) {
      return fail(std::move(token).error().wrap(fmt::format("{}:{}", path, number)));
    }
    tokens.push_back(*std::move(token));
  }
  if (file.bad()) return fail(ErrorCode::kUnavailable, "the tokens file {} cannot be read", path);
  return tokens;
}

const Token* find_token(std::span<const Token> tokens, std::string_view text) {
  const TokenHash hash = hash_of(text);
  const Token* found = nullptr;
  for (const Token& token : tokens) {
    const bool same = ::CRYPTO_memcmp(token.hash.data(), hash.data(), hash.size()) == 0;
    if (same && found == nullptr) found = &token;
  }
  return found;
}

}  // namespace saola::server
