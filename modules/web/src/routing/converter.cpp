#include "routing/converter.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/text.hpp>
#include <saola/http/headers.hpp>
#include <saola/web/errors.hpp>

#include "json/json_number.hpp"

namespace saola::web {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

template <typename Number>
bool parse_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

}  // namespace

Converter Converter::parse(std::string_view text, std::string_view pattern) {
  Converter converter;
  const auto open = std::min(text.find('('), text.size());
  const std::string_view name = text.substr(0, open);
  static constexpr std::string_view kNames[] = {"any", "uuid", "int", "float", "string", "path"};
  if (name == "any") {
    converter.kind_ = Kind::kAny;
  } else if (name == "uuid") {
    converter.kind_ = Kind::kUuid;
  } else if (name == "int") {
    converter.kind_ = Kind::kInt;
  } else if (name == "float") {
    converter.kind_ = Kind::kFloat;
  } else if (name == "string") {
    converter.kind_ = Kind::kString;
  } else if (name == "path") {
    converter.kind_ = Kind::kPath;
  } else {
    throw SetupError(fmt::format(
        "The pattern '{}' names the converter '{}', which does not exist, so the route was not "
        "added. Use one of string, int, float, uuid, any, path.{}",
        pattern, name, did_you_mean(name, kNames)));
  }
  converter.spelling_ = name;
  if (open < text.size()) {
    std::string_view rest = text.substr(open + 1);
    if (!rest.ends_with(')')) {
      throw SetupError(fmt::format(
          "The pattern '{}' has a converter without its closing ')', so the route was not added. "
          "Write <{}(…):name>.",
          pattern, name));
    }
    rest.remove_suffix(1);
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      converter.take_argument(http::trim(rest.substr(0, comma)), pattern);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    converter.spelling_ = text;
    std::erase(converter.spelling_, ' ');
  }
  if (converter.kind_ == Kind::kAny && converter.words_.empty()) {
    throw SetupError(fmt::format(
        "The pattern '{}' uses 'any' without words, so nothing would match and the route was not "
        "added. List the words: <any(red,green):colour>.",
        pattern));
  }
  return converter;
}

void Converter::take_argument(std::string_view argument, std::string_view pattern) {
  if (kind_ == Kind::kAny) {
    words_.emplace_back(argument);
    return;
  }
  const auto equals = std::min(argument.find('='), argument.size());
  const std::string_view name = http::trim(argument.substr(0, equals));
  const std::string_view value = http::trim(argument.substr(std::min(equals + 1, argument.size())));
  const bool is_number = kind_ == Kind::kInt || kind_ == Kind::kFloat;
  const bool is_string = kind_ == Kind::kString || kind_ == Kind::kLimitedString;
  bool good = false;
  std::size_t length = 0;
  if (is_number && name == "min") {
    good = parse_number(value, min_);
    is_signed_ = is_signed_ || min_ < 0;
  } else if (is_number && name == "max") {
    good = parse_number(value, max_);
  } else if (is_number && name == "signed") {
    good = value == "True" || value == "true" || value == "False" || value == "false";
    is_signed_ = value == "True" || value == "true";
  } else if (is_string && parse_number(value, length)) {
    kind_ = Kind::kLimitedString;
    good = name == "length" || name == "minlength" || name == "maxlength";
    if (name != "maxlength") min_length_ = std::max<std::size_t>(1, length);
    if (name != "minlength") max_length_ = length;
  }
  if (!good) {
    throw SetupError(fmt::format(
        "The pattern '{}' has a converter argument '{}' that its converter does not take, so the "
        "route was not added. string takes length, minlength, maxlength; int and float take min, "
        "max, signed=True.",
        pattern, argument));
  }
}

bool Converter::accepts(std::string_view text, PathParam& out) const {
  out.text = text;
  switch (kind_) {
    case Kind::kAny:
      return std::ranges::find(words_, text) != words_.end();
    case Kind::kUuid:
      return is_uuid(text);
    case Kind::kInt: {
      std::string_view digits = text;
      if (is_signed_ && digits.starts_with('-')) digits.remove_prefix(1);
      if (!all_digits(digits) || !parse_number(text, out.integer)) return false;
      const auto value = static_cast<double>(out.integer);
      return value >= min_ && value <= max_;
    }
    case Kind::kFloat: {
      std::string_view digits = text;
      if (is_signed_ && digits.starts_with('-')) digits.remove_prefix(1);
      const auto dot = digits.find('.');
      if (dot == std::string_view::npos || !all_digits(digits.substr(0, dot)) ||
          !all_digits(digits.substr(dot + 1)) || !parse_number(text, out.number)) {
        return false;
      }
      return out.number >= min_ && out.number <= max_;
    }
    case Kind::kString:
    case Kind::kPath:
      return !text.empty();
    case Kind::kLimitedString: {
      const std::size_t length = character_count(text);
      return length >= min_length_ && length <= max_length_;
    }
  }
  std::unreachable();
}

ParamType Converter::type() const {
  if (kind_ == Kind::kInt) return ParamType::kInt;
  return kind_ == Kind::kFloat ? ParamType::kFloat : ParamType::kText;
}

boost::json::object Converter::schema() const {
  boost::json::object schema;
  schema["type"] = kind_ == Kind::kInt ? "integer" : kind_ == Kind::kFloat ? "number" : "string";
  if (kind_ == Kind::kInt || kind_ == Kind::kFloat) {
    const double low = std::isfinite(min_) || is_signed_ ? min_ : 0;
    if (std::isfinite(low)) schema["minimum"] = json_number(low);
    if (std::isfinite(max_)) schema["maximum"] = json_number(max_);
  }
  if (kind_ == Kind::kUuid) schema["format"] = "uuid";
  if (kind_ == Kind::kAny) schema["enum"] = boost::json::value_from(words_);
  if (kind_ == Kind::kLimitedString) {
    schema["minLength"] = min_length_;
    if (max_length_ != std::numeric_limits<std::size_t>::max()) schema["maxLength"] = max_length_;
  }
  return schema;
}

}  // namespace saola::web
