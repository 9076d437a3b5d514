#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include <saola/base/check.hpp>

namespace saola::detail {
namespace {

void put(const char* text) {
  [[maybe_unused]] ssize_t n = ::write(STDERR_FILENO, text, std::strlen(text));
}

}  // namespace

void check_failed(const char* file, int line, const char* expression, const char* text) {
  char digits[16];
  char* p = digits + sizeof digits;
  *--p = '\0';
  do {
    *--p = static_cast<char>('0' + line % 10);
    line /= 10;
  } while (line != 0);
  for (const char* part : {file, ":", static_cast<const char*>(p), ": CHECK(", expression,
                           ") failed: ", text, ". This is a bug in Saola; please report it.\n"}) {
    put(part);
  }
  std::abort();
}

}  // namespace saola::detail
