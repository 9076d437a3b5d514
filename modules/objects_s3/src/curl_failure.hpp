// What a failure of libcurl means to the caller.
#pragma once

#include <string>
#include <string_view>

#include "s3_answer.hpp"

namespace saola::objects_s3 {

// What a transfer that failed below HTTP with libcurl's `code` means; `detail` is libcurl's own
// text, or empty. Retryable unless repeating cannot help.
Failure failure_of_curl(int code, std::string_view detail, std::string_view doing,
                        const std::string& origin);

}  // namespace saola::objects_s3
