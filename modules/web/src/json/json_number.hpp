// A number as people write it in JSON: without fraction when it has none.
#pragma once

#include <cmath>
#include <cstdint>

#include <boost/json.hpp>

namespace saola::web {

inline boost::json::value json_number(double number) {
  if (std::trunc(number) == number && std::abs(number) < 1e15) {
    return static_cast<std::int64_t>(number);
  }
  return number;
}

}  // namespace saola::web
