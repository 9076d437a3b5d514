// One parameter's rule for the text it takes: "int(min=1)". See route.hpp for the kinds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/web/route.hpp>

namespace saola::web {

class Converter {
 public:
  // In the order of specificity, most specific first.
  enum class Kind : std::uint8_t { kAny, kUuid, kInt, kFloat, kLimitedString, kString, kPath };

  // Throws SetupError; `pattern` is for its text.
  static Converter parse(std::string_view text, std::string_view pattern);

  // Whether `text` (decoded) fits; then `out` has the value.
  bool accepts(std::string_view text, PathParam& out) const;

  Kind kind() const { return kind_; }
  ParamType type() const;
  // The canonical spelling: equal for converters that take the same texts.
  const std::string& spelling() const { return spelling_; }
  // The JSON Schema of the value, for OpenAPI.
  boost::json::object schema() const;

 private:
  void take_argument(std::string_view argument, std::string_view pattern);

  Kind kind_ = Kind::kString;
  std::string spelling_;
  bool is_signed_ = false;
  double min_ = -std::numeric_limits<double>::infinity();
  double max_ = std::numeric_limits<double>::infinity();
  std::size_t min_length_ = 1;
  std::size_t max_length_ = std::numeric_limits<std::size_t>::max();
  std::vector<std::string> words_;
};

}  // namespace saola::web
