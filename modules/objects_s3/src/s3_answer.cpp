#include "s3_answer.hpp"

#include <algorithm>
#include <array>

#include "xml_text.hpp"

namespace saola::objects_s3 {
namespace {

struct Meaning {
  std::string_view s3_code;
  ErrorCode code;
  bool retryable;
  std::string_view advice;
};

constexpr std::string_view kKeysAdvice =
    "The keys are wrong, or not those of this endpoint: check the access key id and the secret "
    "access key";
constexpr std::string_view kTokenAdvice =
    "The session token is wrong or has expired: get new temporary credentials";
constexpr std::string_view kAccessAdvice =
    "The keys are known but may not do this: check the policies of the user and the bucket (a "
    "missing object looks the same to who may not list the bucket)";
constexpr std::string_view kRegionAdvice =
    "The bucket lives in another region or at another endpoint: set the bucket's region and "
    "endpoint";
constexpr std::string_view kBusyAdvice = "The endpoint is busy or failing: try again later";

constexpr std::array kMeanings = {
    Meaning{"NoSuchBucket", ErrorCode::kNotFound, false,
            "The endpoint has no such bucket: check the bucket's name and the endpoint"},
    Meaning{"NoSuchKey", ErrorCode::kNotFound, false,
            "The bucket has no object with this key: check the key's spelling and case"},
    Meaning{"NoSuchUpload", ErrorCode::kConflict, false,
            "The upload was aborted by someone else or expired: write the object again"},
    Meaning{"InvalidAccessKeyId", ErrorCode::kUnauthenticated, false, kKeysAdvice},
    Meaning{"SignatureDoesNotMatch", ErrorCode::kUnauthenticated, false, kKeysAdvice},
    Meaning{"AuthorizationHeaderMalformed", ErrorCode::kUnauthenticated, false, kRegionAdvice},
    Meaning{"ExpiredToken", ErrorCode::kUnauthenticated, false, kTokenAdvice},
    Meaning{"InvalidToken", ErrorCode::kUnauthenticated, false, kTokenAdvice},
    Meaning{"TokenRefreshRequired", ErrorCode::kUnauthenticated, false, kTokenAdvice},
    Meaning{"RequestTimeTooSkewed", ErrorCode::kUnauthenticated, false,
            "This machine's clock and the endpoint's differ too much: set the clock"},
    Meaning{"AccessDenied", ErrorCode::kPermissionDenied, false, kAccessAdvice},
    Meaning{"AccountProblem", ErrorCode::kPermissionDenied, false, kAccessAdvice},
    Meaning{"AllAccessDisabled", ErrorCode::kPermissionDenied, false, kAccessAdvice},
    Meaning{"UserSuspended", ErrorCode::kPermissionDenied, false, kAccessAdvice},
    Meaning{"InvalidObjectState", ErrorCode::kPermissionDenied, false,
            "The object is archived: restore it first"},
    Meaning{"PermanentRedirect", ErrorCode::kInvalidArgument, false, kRegionAdvice},
    Meaning{"TemporaryRedirect", ErrorCode::kInvalidArgument, false, kRegionAdvice},
    Meaning{"PreconditionFailed", ErrorCode::kConflict, false,
            "The object was changed while it was being read: read it again"},
    Meaning{"InvalidRange", ErrorCode::kConflict, false,
            "The object became shorter while it was being read: read it again"},
    Meaning{"EntityTooLarge", ErrorCode::kTooLarge, false,
            "The endpoint takes no object this large"},
    Meaning{"QuotaExceeded", ErrorCode::kResourceExhausted, false,
            "The quota of the user or bucket is used up: free some space or raise it"},
    Meaning{"InvalidBucketName", ErrorCode::kInvalidArgument, false,
            "The endpoint does not allow this bucket name"},
    Meaning{"SlowDown", ErrorCode::kUnavailable, true, kBusyAdvice},
    Meaning{"RequestTimeout", ErrorCode::kUnavailable, true, kBusyAdvice},
    Meaning{"RequestThrottled", ErrorCode::kUnavailable, true, kBusyAdvice},
    Meaning{"Throttling", ErrorCode::kUnavailable, true, kBusyAdvice},
    Meaning{"ThrottlingException", ErrorCode::kUnavailable, true, kBusyAdvice},
    Meaning{"TooManyRequests", ErrorCode::kUnavailable, true, kBusyAdvice},
    Meaning{"BandwidthLimitExceeded", ErrorCode::kUnavailable, true, kBusyAdvice},
    Meaning{"InternalError", ErrorCode::kUnavailable, true, kBusyAdvice},
    Meaning{"ServiceUnavailable", ErrorCode::kUnavailable, true, kBusyAdvice},
    Meaning{"OperationAborted", ErrorCode::kUnavailable, true, kBusyAdvice},
};

// What the status says when no code does (answers to HEAD have no body; proxies have their own).
Meaning meaning_of_status(long status) {
  switch (status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return {"", ErrorCode::kInvalidArgument, false, kRegionAdvice};
    case 401:
      return {"", ErrorCode::kUnauthenticated, false, kKeysAdvice};
    case 403:
      return {"", ErrorCode::kPermissionDenied, false, kAccessAdvice};
    case 404:
      return {"", ErrorCode::kNotFound, false,
              "There is no such object or no such bucket: check both names and the endpoint"};
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return {"", ErrorCode::kUnavailable, true, kBusyAdvice};
    case 409:
      return {"", ErrorCode::kConflict, false, "Something else is changing the same object"};
    case 412:
      return {"", ErrorCode::kConflict, false,
              "The object was changed while it was being read: read it again"};
    case 413:
      return {"", ErrorCode::kTooLarge, false, "The endpoint takes no object this large"};
    case 416:
      return {"", ErrorCode::kConflict, false,
              "The object became shorter while it was being read: read it again"};
    case 501:
      return {"", ErrorCode::kUnsupported, false, "The endpoint does not offer this operation"};
    case 507:
      return {"", ErrorCode::kResourceExhausted, false, "The endpoint has no room left"};
    default:
      if (status >= 500) return {"", ErrorCode::kUnavailable, true, kBusyAdvice};
      return {"", status >= 400 ? ErrorCode::kInvalidArgument : ErrorCode::kInternal, false,
              "Is this the address of an S3 endpoint? Check it and the region"};
  }
}

}  // namespace

std::string_view S3Answer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

Failure failure_of(const S3Answer& answer, const Endpoint& endpoint,
                   const objects::ObjectName& name, std::string_view doing,
                   std::string_view credential_source) {
  const std::string s3_code = xml_text(answer.body, "Code", 64);
  const auto* known =
      std::ranges::find_if(kMeanings, [&](const Meaning& m) { return m.s3_code == s3_code; });
  const Meaning meaning = known != kMeanings.end()
                              ? *known
                              : meaning_of_status(answer.is_success() ? 500 : answer.status);

  std::string text = fmt::format("{} failed: {} (bucket '{}') answered {}", doing,
                                 endpoint.to_string(), endpoint.bucket_of(name), answer.status);
  if (!s3_code.empty()) text += ' ' + s3_code;
  if (const std::string said = xml_text(answer.body, "Message", 200);
      !said.empty() && said != s3_code) {
    text += fmt::format(" (\"{}\")", said);
  }
  text += fmt::format(". {}", meaning.advice);
  if (meaning.code == ErrorCode::kUnauthenticated || meaning.code == ErrorCode::kPermissionDenied) {
    text += fmt::format("; the keys came from {}", credential_source);
  }
  std::string region(answer.header("x-amz-bucket-region").substr(0, 64));
  if (region.empty()) region = xml_text(answer.body, "Region", 64);
  if (!region.empty() && region != endpoint.region()) {
    text +=
        fmt::format("; the bucket's region is '{}', configured is '{}'", region, endpoint.region());
  }
  if (const std::string other = xml_text(answer.body, "Endpoint", 200); !other.empty()) {
    text += fmt::format("; the endpoint it names is {}", other);
  }
  return {Error(meaning.code, std::move(text)), meaning.retryable, meaning.advice == kTokenAdvice};
}

}  // namespace saola::objects_s3
