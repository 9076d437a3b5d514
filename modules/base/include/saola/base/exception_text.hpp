// What an exception says of itself.
#pragma once

#include <exception>
#include <string>

namespace saola {

// what() of a std::exception, or a phrase that says it is none. REQUIRES: not null.
std::string exception_text(const std::exception_ptr& error);

}  // namespace saola
