#include "json/json_reader.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>

namespace saola::web {
namespace {

namespace json = boost::json;

// Builds the value from the parser's events. Stops it by an error code of ours, with the reason in
// `refused`.
class Builder {
 public:
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  std::string refused;

  Builder() { stack_.reset(); }
  json::value release() { return stack_.release(); }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    keys_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t n, json::error_code&) {
    keys_.pop_back();
    stack_.push_object(n);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t n, json::error_code&) {
    stack_.push_array(n);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key_ += part;
    stack_.push_chars(part);
    return true;
  }
  bool on_key(json::string_view rest, std::size_t, json::error_code& error) {
    key_ += rest;
    if (!keys_.back().insert(key_).second) {
      refused = fmt::format("the name '{}' is there twice in one object", key_);
      error = json::error::syntax;
      return false;
    }
    key_.clear();
    stack_.push_key(rest);
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_string(json::string_view rest, std::size_t, json::error_code&) {
    stack_.push_string(rest);
    return true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t i, json::string_view, json::error_code&) {
    stack_.push_int64(i);
    return true;
  }
  bool on_uint64(std::uint64_t u, json::string_view, json::error_code&) {
    stack_.push_uint64(u);
    return true;
  }
  bool on_double(double d, json::string_view, json::error_code& error) {
    if (!std::isfinite(d)) {
      refused = "a number is too large";
      error = json::error::syntax;
      return false;
    }
    stack_.push_double(d);
    return true;
  }
  bool on_bool(bool b, json::error_code&) {
    stack_.push_bool(b);
    return true;
  }
  bool on_null(json::error_code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  json::value_stack stack_;
  std::string key_;
  // Of the objects being read. Ordered: a hash could be attacked with colliding names.
  std::vector<std::set<std::string, std::less<>>> keys_;
};

std::string place(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::ranges::count(before, '\n') + 1;
  const auto last = before.rfind('\n');
  const std::size_t column = last == std::string_view::npos ? offset + 1 : offset - last;
  return fmt::format("line {}, column {}", line, column);
}

std::string reason(const json::error_code& error, std::size_t max_depth) {
  if (error == json::error::incomplete) return "it ends too early";
  if (error == json::error::too_deep) {
    return fmt::format("arrays and objects are nested more than {} deep", max_depth);
  }
  if (error == json::error::illegal_leading_surrogate ||
      error == json::error::illegal_trailing_surrogate ||
      error == json::error::expected_utf16_escape) {
    return "a \\u escape is half of a surrogate pair";
  }
  if (error == json::error::expected_hex_digit) return "a \\u escape needs four hexadecimal digits";
  return error.message();
}

}  // namespace

Result<json::value> read_json(std::string_view text, std::size_t max_depth) {
  constexpr std::string_view kBlank = " \t\r\n";
  if (text.find_first_not_of(kBlank) == std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument,
                "The body is empty where JSON is due. Send a JSON value.");
  }
  json::parse_options options;
  options.max_depth = max_depth;
  json::basic_parser<Builder> parser(options);
  json::error_code error;
  std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) {
    read += std::min(text.substr(read).find_first_not_of(kBlank), text.size() - read);
    if (read < text.size()) {
      return fail(ErrorCode::kInvalidArgument,
                  "The body is not JSON: something follows the value at {}. Send one JSON value.",
                  place(text, read));
    }
  }
  if (error) {
    const std::string& refused = parser.handler().refused;
    return fail(ErrorCode::kInvalidArgument,
                "The body is not valid JSON: {} at {}. Send one JSON value (RFC 8259) in UTF-8.",
                refused.empty() ? reason(error, max_depth) : refused, place(text, read));
  }
  return parser.handler().release();
}

}  // namespace saola::web
