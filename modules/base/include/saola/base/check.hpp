// CHECK: our own bug ends the process, by abort() at the place where it shows. Never for what a
// peer, a disk or a user can cause: those are a Result.
//
//   SAOLA_CHECK(state_ == State::kStarted, "stop() before start()");
//
// The condition is evaluated once and in every build type. `text` is a string literal that says
// what is wrong in words.
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
