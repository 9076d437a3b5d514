// AWS Signature Version 4 for S3: "Authenticating Requests: Using the Authorization Header".
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <saola/base/time.hpp>
#include <saola/objects_s3/s3_store.hpp>

namespace saola::objects_s3 {

using NameValues = std::vector<std::pair<std::string, std::string>>;

// Percent-encodes all but A–Z a–z 0–9 - . _ ~ (and '/', where `keep` has it).
std::string uri_encode(std::string_view text, std::string_view keep = "");
// "a=1&b=" with names and values encoded and sorted, as both the URL and the signature need it.
std::string query_string(const NameValues& query);

// "20130524T000000Z".
std::string amz_date(SystemTime time);

struct SigningInput {
  std::string_view method;
  // Encoded, from the first '/' on.
  std::string_view path;
  // As query_string() gives it.
  std::string_view query;
  // All headers to sign; names in lower case, x-amz-date among them.
  NameValues headers;
  // Of the body.
  std::string_view payload_sha256;
  std::string_view region;
  SystemTime time;
  std::string_view service = "s3";
};

// The value of the Authorization header.
std::string sign(SigningInput input, const S3Credentials& credentials);

}  // namespace saola::objects_s3
