#include <algorithm>
#include <stdexcept>

#include <fmt/core.h>

#include <saola/http/headers.hpp>

#include "grammar.hpp"

namespace saola::http {

bool iequals(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return to_lower(x) == to_lower(y);
         });
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is(c, kTokenChar); });
}

bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return is(c, kValueChar); });
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<std::string_view> HeaderView::get(std::string_view name) const {
  for (const Field& field : fields_) {
    if (iequals(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::string_view HeaderView::get_or(std::string_view name, std::string_view fallback) const {
  return get(name).value_or(fallback);
}

std::string HeaderView::joined(std::string_view name) const {
  std::string all;
  bool first = true;
  for (const Field& field : fields_) {
    if (!iequals(field.name, name)) continue;
    if (!first) all += ", ";
    all += field.value;
    first = false;
  }
  return all;
}

std::size_t HeaderView::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields_, [name](const Field& f) { return iequals(f.name, name); }));
}

bool HeaderView::list_contains(std::string_view name, std::string_view token) const {
  for (const Field& field : fields_) {
    if (!iequals(field.name, name)) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (iequals(trim(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

Field take_line(std::string_view& lines) {
  const auto colon = lines.find(':');
  const auto end = lines.find("\r\n", colon);
  const Field field{lines.substr(0, colon), lines.substr(colon + 2, end - colon - 2)};
  lines.remove_prefix(end + 2);
  return field;
}

void Headers::add(std::string_view name, std::string_view value) {
  value = trim(value);
  if (!is_token(name)) {
    throw std::invalid_argument(
        fmt::format("'{}' is no HTTP field name: it was not added; use letters, digits and '-'",
                    is_field_value(name) ? name : "(control bytes)"));
  }
  if (!is_field_value(value)) {
    throw std::invalid_argument(fmt::format(
        "the value for the field '{}' holds a control byte, which could split the response: it was "
        "not added; encode the value",
        name));
  }

  lines_.append(name).append(": ").append(value).append("\r\n");
}

void Headers::set(std::string_view name, std::string_view value) {
  // Added first: when it throws nothing has changed, and the value may point into lines_.
  const std::size_t kept = lines_.size();
  Headers line;
  line.add(name, value);
  if (kept > 0) remove(name);
  lines_ += line.lines_;
}

void Headers::set_default(std::string_view name, std::string_view value) {
  if (!contains(name)) add(name, value);
}

std::size_t Headers::remove(std::string_view name) {
  std::size_t removed = 0;
  std::size_t at = 0;
  while (at < lines_.size()) {
    std::string_view rest = std::string_view(lines_).substr(at);
    const std::size_t before = rest.size();
    const Field field = take_line(rest);
    const std::size_t length = before - rest.size();
    if (iequals(field.name, name)) {
      lines_.erase(at, length);
      ++removed;
    } else {
      at += length;
    }
  }
  return removed;
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  std::string_view rest = lines_;
  while (!rest.empty()) {
    const Field field = take_line(rest);
    if (iequals(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::string_view Headers::get_or(std::string_view name, std::string_view fallback) const {
  return get(name).value_or(fallback);
}

std::vector<Field> Headers::fields() const {
  std::vector<Field> all;
  std::string_view rest = lines_;
  while (!rest.empty()) all.push_back(take_line(rest));
  return all;
}

}  // namespace saola::http
