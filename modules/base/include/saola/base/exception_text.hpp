// What an exception says of itself, for logs and for the error of a failed job.
//
//   try {
//     handler();
//   } catch (...) {
//     log_error("the handler failed", {{"error", exception_text(std::current_exception())}});
//   }
#pragma once

#include <exception>
#include <string>

namespace saola {

// what() of a std::exception, or "an exception that is not a std::exception". REQUIRES: not null.
std::string exception_text(const std::exception_ptr& error);

}  // namespace saola
