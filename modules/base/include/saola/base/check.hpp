// CHECK: our own bug ends the process. Never for what a peer, a disk or a user can cause.
#pragma once

namespace saola::detail {
// Writes "file:line: CHECK(expression) failed: text" to stderr with write(2) and aborts. May be
// called anywhere, signal handlers included.
[[noreturn]] void check_failed(const char* file, int line, const char* expression,
                               const char* text);
}  // namespace saola::detail

#define SAOLA_CHECK(condition, text) \
  (static_cast<bool>(condition)      \
       ? static_cast<void>(0)        \
       : ::saola::detail::check_failed(__FILE__, __LINE__, #condition, text))
