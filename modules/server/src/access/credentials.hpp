// By what callers are known: read from the settings by the arbiter, before a start and at each
// reload, and handed to the web workers, which may not be able to read the files.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/server/settings.hpp>

#include "access/tokens.hpp"

namespace saola::server {

struct Credentials {
  bool asks_who = false;  // false: everybody may do everything
  std::vector<Token> tokens;
  std::vector<std::string> session_keys;  // the newest first; empty unless asks_who
};

// Tokens and whether callers are asked; makes no keys. kInvalidArgument, …: a token file or line
// that is none, or `auth = "required"` without anything to know a caller by.
Result<Credentials> read_credentials(const Settings& settings);

// read_credentials(), with the session keys, whose file it makes when it is missing.
Result<Credentials> open_credentials(const Settings& settings);

// Fails when others than this machine can reach one of `addresses` ("0.0.0.0:80", "unix:/x", …),
// callers are not asked, and nobody has said --auth none.
Result<void> check_exposure(const Settings& settings, const Credentials& credentials,
                            std::span<const std::string> addresses);

// The file of the session keys.
std::string session_key_path(const Settings& settings);

// Lines for the banner: whom the server trusts.
std::vector<std::string> describe_trust(const Settings& settings, const Credentials& credentials,
                                        std::span<const std::string> addresses);

}  // namespace saola::server
