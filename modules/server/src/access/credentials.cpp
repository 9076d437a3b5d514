#include "access/credentials.hpp"

#include <algorithm>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <saola/server/server_settings.hpp>

#include "access/sessions.hpp"
#include "settings/bind_address.hpp"

namespace saola::server {
namespace {

bool is_local(const std::string& address) {
  if (address.starts_with("unix:")) return true;  // one without a file's name is none to parse
  const auto parsed = BindAddress::parse(address);
  return parsed && reaches_this_machine_only(*parsed);
}

}  // namespace

Result<Credentials> read_credentials(const Settings& settings) {
  Credentials out;
  for (const std::string& line : settings.get(setting::kAuthTokens)) {
    auto token = Token::parse(line);
    if (!token) {
      return fail(
          std::move(token).error().wrap(fmt::format("auth-tokens: '{}' is no token's line", line)));
    }
    out.tokens.push_back(*std::move(token));
  }
  if (const std::string& path = settings.get(setting::kAuthTokensFile); !path.empty()) {
    auto tokens = read_tokens_file(path);
    if (!tokens) return fail(tokens);
    out.tokens.insert(out.tokens.end(), tokens->begin(), tokens->end());
  }
  const std::string& auth = settings.get(setting::kAuth);
  // A file whose last line was deleted lets nobody in, not everybody.
  const bool known_by_something = !out.tokens.empty() ||
                                  !settings.get(setting::kAuthTokensFile).empty() ||
                                  !settings.get(setting::kAuthUserHeader).empty() ||
                                  settings.get(setting::kAuthCertificateRole) != "none";
  if (auth == "required" && !known_by_something) {
    return fail(ErrorCode::kInvalidArgument,
                "auth is required, but there is no token and no --auth-user-header, so nobody "
                "could ever be let in. `token new NAME --role operate` makes a token and the line "
                "for --auth-tokens-file");
  }
  out.asks_who = auth != "none" && known_by_something;
  return out;
}

Result<Credentials> open_credentials(const Settings& settings) {
  auto out = read_credentials(settings);
  if (!out || !out->asks_who || out->tokens.empty()) return out;
  auto keys = session_keys(session_key_path(settings));
  if (!keys) return fail(keys);
  out->session_keys = *std::move(keys);
  return out;
}

Result<void> check_exposure(const Settings& settings, const Credentials& credentials,
                            std::span<const std::string> addresses) {
  if (credentials.asks_who || settings.get(setting::kAuth) == "none") return {};
  const auto open = std::ranges::find_if_not(addresses, is_local);
  if (open == addresses.end()) return {};
  return fail(ErrorCode::kPermissionDenied,
              "others than this machine can reach {}, and nobody would be asked who they are. "
              "Make a token with `token new NAME --role operate` and give the file with its line "
              "as --auth-tokens-file; or name the header in which a proxy says who was let in "
              "(--auth-user-header); or, when everybody who can reach that address may start, see "
              "and cancel every job, say so: --auth none",
              *open);
}

std::string session_key_path(const Settings& settings) {
  return settings.get(setting::kStateDir) + "/session.key";
}

std::vector<std::string> describe_trust(const Settings& settings, const Credentials& credentials,
                                        std::span<const std::string> addresses) {
  if (!credentials.asks_who) {
    const bool local = std::ranges::all_of(addresses, is_local);
    return {local ? "trusts everybody on this machine who can connect: no token is asked for (auth)"
                  : "trusts EVERYBODY who can connect, because of auth = none"};
  }
  std::vector<std::string> lines;
  std::vector<std::string> names;
  for (const Token& token : credentials.tokens) {
    names.push_back(fmt::format("{} ({})", token.name, http::to_string(token.role)));
  }
  if (!names.empty()) {
    lines.push_back(fmt::format("trusts whoever has a token: {}", fmt::join(names, ", ")));
  }
  if (const std::string& header = settings.get(setting::kAuthUserHeader); !header.empty()) {
    lines.push_back(fmt::format("trusts {} from {}{}", header,
                                fmt::join(settings.get(setting::kForwardedAllowIps), ", "),
                                " and from unix sockets to name the user"));
  }
  if (const std::string& role = settings.get(setting::kAuthCertificateRole); role != "none") {
    lines.push_back(fmt::format("trusts whoever shows a certificate signed by {} ({})",
                                settings.get(setting::kCaCerts), role));
  }
  return lines;
}

}  // namespace saola::server
