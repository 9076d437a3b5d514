// The command that makes API tokens: `saola token`, and `token` of every service.
#pragma once

#include <string_view>

namespace saola::server {

// `program token new NAME [--role ROLE] [--file FILE]`; argv[0] is "token". Prints the token, which
// is kept nowhere, and the line for the server's tokens file; with --file adds the line to that file
// (made with mode 0600). Returns the exit status: 0 done, 1 the file cannot be written, 2 not
// understood.
int run_token(std::string_view program, int argc, char** argv);

}  // namespace saola::server
