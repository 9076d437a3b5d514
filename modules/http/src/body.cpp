#include <algorithm>

#include <saola/http/body.hpp>

namespace saola::http {

Result<std::string> BodyReader::read_all(std::size_t limit) {
  std::string all;
  const auto announced = length();
  if (announced && *announced > limit) {
    return fail(ErrorCode::kTooLarge, "the body has {} bytes, more than the {} allowed here",
                *announced, limit);
  }
  // A byte more than allowed is asked for, so that a body that is just right ends with 0. Memory
  // grows with what came, not with what was announced.
  constexpr std::size_t kStep = 64 * 1024;
  std::size_t filled = 0;
  for (;;) {
    const std::size_t expected = announced ? static_cast<std::size_t>(*announced) : limit;
    const std::size_t room = std::min(kStep, expected - filled) + 1;
    all.resize(filled + room);
    auto count = read(std::span(all).subspan(filled, room));
    if (!count) return fail(count);
    filled += *count;
    if (*count == 0) break;
    if (filled > limit) {
      return fail(ErrorCode::kTooLarge, "the body has more than the {} bytes allowed here", limit);
    }
  }
  all.resize(filled);
  return all;
}

BodyReader& no_body() {
  // Never changes: reading an empty text leaves it empty.
  static StringBodyReader empty{std::string_view()};
  return empty;
}

Result<std::size_t> StringBodyReader::read(std::span<char> buffer) {
  const std::size_t count = std::min(buffer.size(), text_.size());
  if (count == 0) return 0;
  std::copy_n(text_.data(), count, buffer.data());
  text_.remove_prefix(count);
  return count;
}

}  // namespace saola::http
