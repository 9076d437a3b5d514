#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include <saola/base/process_stat.hpp>
#include <saola/base/unique_fd.hpp>

namespace saola {

ProcessStat ProcessStat::read(const std::string& path) {
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text;
  const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  return ProcessStat({text.data(), size > 0 ? static_cast<std::size_t>(size) : 0});
}

ProcessStat::ProcessStat(std::string_view text) {
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 > text.size()) return;
  fields_ = text.substr(name_end + 2);
  if (fields_.ends_with('\n')) fields_.pop_back();
}

std::string_view ProcessStat::field(int number) const {
  constexpr int kFirst = 3;
  std::string_view rest = fields_;
  for (int i = kFirst; i < number; ++i) {
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos) return {};
    rest.remove_prefix(space + 1);
  }
  return rest.substr(0, rest.find(' '));
}

std::uint64_t ProcessStat::number(int field_number) const {
  const std::string_view text = field(field_number);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

}  // namespace saola
