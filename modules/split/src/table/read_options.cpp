// The names of the reader's options.
#include <array>
#include <cctype>
#include <utility>

#include <saola/split/read.hpp>

#include "table/quoted.hpp"

namespace saola::split {

Result<char> parse_delimiter(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kNames = {
      {{"comma", ','}, {"semicolon", ';'}, {"tab", '\t'}, {"pipe", '|'}, {"space", ' '}}};
  for (const auto& [name, character] : kNames) {
    if (text == name) return character;
  }
  if (text == "\\t") return '\t';
  constexpr std::string_view kNever = "\"\r\n.-+";
  if (text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x80 &&
      kNever.find(text[0]) == std::string_view::npos &&
      !std::isalnum(static_cast<unsigned char>(text[0]))) {
    return text[0];
  }
  return fail(ErrorCode::kInvalidArgument,
              "delimiter: {} is none; use comma, semicolon, tab, pipe, space or one character",
              quoted(text));
}

Result<char> parse_decimal(std::string_view text) {
  if (text == "." || text == "point") return '.';
  if (text == "," || text == "comma") return ',';
  return fail(ErrorCode::kInvalidArgument, "decimal: {} is not known; use '.' or ','",
              quoted(text));
}

Result<char> parse_thousands(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 10> kNames = {{{",", ','},
                                                                         {"comma", ','},
                                                                         {".", '.'},
                                                                         {"point", '.'},
                                                                         {" ", ' '},
                                                                         {"space", ' '},
                                                                         {"'", '\''},
                                                                         {"apostrophe", '\''},
                                                                         {"none", '\0'},
                                                                         {"", '\0'}}};
  for (const auto& [name, character] : kNames) {
    if (text == name) return character;
  }
  return fail(ErrorCode::kInvalidArgument,
              "thousands: {} is not known; use ',', '.', 'space', 'apostrophe' or 'none'",
              quoted(text));
}

Result<Percent> parse_percent(std::string_view text) {
  if (text == "fraction") return Percent::kFraction;
  if (text == "points") return Percent::kPoints;
  return fail(ErrorCode::kInvalidArgument,
              "percent: {} is not known; use 'fraction' (4% is 0.04) or 'points' (4% is 4)",
              quoted(text));
}

}  // namespace saola::split
