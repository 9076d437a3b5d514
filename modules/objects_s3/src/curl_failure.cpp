#include "curl_failure.hpp"

#include <utility>

#include <curl/curl.h>

namespace saola::objects_s3 {

Failure failure_of_curl(int code, std::string_view detail, std::string_view doing,
                        const std::string& origin) {
  const std::string_view what =
      !detail.empty() ? detail : curl_easy_strerror(static_cast<CURLcode>(code));
  auto failure = [&](ErrorCode error, bool retryable, std::string_view advice) {
    return Failure{Error(error, fmt::format("{} failed: no answer from {}: {}. {}", doing, origin,
                                            what, advice)),
                   retryable};
  };
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return failure(ErrorCode::kUnavailable, true, "Check the endpoint's name and the DNS");
    case CURLE_COULDNT_CONNECT:
      return failure(ErrorCode::kUnavailable, true,
                     "Check that the endpoint runs and that its address and port are right");
    case CURLE_COULDNT_RESOLVE_PROXY:
      return failure(ErrorCode::kUnavailable, true,
                     "Check the proxy named by the environment (https_proxy, http_proxy)");
    case CURLE_PEER_FAILED_VERIFICATION:
      return failure(ErrorCode::kUnavailable, false,
                     "The endpoint's certificate is not trusted: set the CA file it is signed by, "
                     "and check the host name");
    case CURLE_SSL_CACERT_BADFILE:
      return failure(ErrorCode::kInvalidArgument, false, "Check the configured CA file");
    case CURLE_SSL_CONNECT_ERROR:
      return failure(ErrorCode::kUnavailable, true, "Check whether the endpoint speaks https");
    case CURLE_OUT_OF_MEMORY:
      return failure(ErrorCode::kResourceExhausted, false, "");
    default:
      return failure(ErrorCode::kUnavailable, true,
                     "The connection broke or the answer was not sound");
  }
}

}  // namespace saola::objects_s3
