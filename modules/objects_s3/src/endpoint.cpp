#include "endpoint.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <curl/curl.h>

#include "credentials/credentials.hpp"
#include "sigv4.hpp"

namespace saola::objects_s3 {
namespace {

// A part of the URL; empty when it has none.
std::string url_part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string out(text);
  curl_free(text);
  return out;
}

// A name that can stand before the endpoint's in a host name and under a wildcard certificate.
bool is_dns_label(std::string_view bucket) {
  return std::all_of(bucket.begin(), bucket.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

Result<Endpoint> Endpoint::make(const S3Options& options) {
  Endpoint out;
  out.bucket_ = options.bucket;
  out.addressing_ = options.addressing;
  out.region_ = region_in_use(options);
  const std::string given = endpoint_in_use(options);
  out.is_amazon_ = given.empty();
  // Others name their regions as they like: RegionOne, GRA, us_east.
  if (out.is_amazon_ && !is_dns_label(out.region_)) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' cannot be a region of Amazon's S3: they look like eu-central-1", out.region_);
  }
  if (!std::ranges::all_of(out.region_,
                           [](char c) { return c > ' ' && c < 0x7F && c != '/' && c != ','; })) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' cannot be an S3 region: it has a space, a slash, a comma or a character that "
                "is not ASCII",
                out.region_);
  }
  const std::string text =
      out.is_amazon_ ? fmt::format("https://s3.{}.amazonaws.com", out.region_) : given;

  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  const bool parsed = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  out.scheme_ = url_part(url.get(), CURLUPART_SCHEME);
  if (!parsed || (out.scheme_ != "http" && out.scheme_ != "https") ||
      !url_part(url.get(), CURLUPART_USER).empty() ||
      !url_part(url.get(), CURLUPART_PASSWORD).empty() ||
      !url_part(url.get(), CURLUPART_QUERY).empty() ||
      !url_part(url.get(), CURLUPART_FRAGMENT).empty()) {
    // The text is not repeated: someone may have put a password into it.
    return fail(ErrorCode::kInvalidArgument,
                "the S3 endpoint is not a URL of the form http[s]://host[:port][/path] (without "
                "user, password, query or fragment)");
  }
  out.host_ = url_part(url.get(), CURLUPART_HOST);
  const std::string port = url_part(url.get(), CURLUPART_PORT);
  if (!port.empty() && port != (out.scheme_ == "http" ? "80" : "443")) out.host_ += ":" + port;
  out.base_path_ = url_part(url.get(), CURLUPART_PATH);
  while (out.base_path_.ends_with('/')) out.base_path_.pop_back();
  return out;
}

Target Endpoint::target(const objects::ObjectName& name) const {
  return target(bucket_of(name), uri_encode(name.key(), "/"));
}

Target Endpoint::bucket_target(const objects::ObjectName& name) const {
  return target(bucket_of(name), "");
}

Target Endpoint::target(const std::string& bucket, const std::string& encoded_key) const {
  const bool virtual_host =
      addressing_ == S3Addressing::kVirtualHost ||
      (addressing_ == S3Addressing::kAuto && is_amazon_ && is_dns_label(bucket));
  Target out;
  out.host = virtual_host ? bucket + "." + host_ : host_;
  out.origin = scheme_ + "://" + out.host;
  out.path = base_path_ + (virtual_host ? "/" : "/" + uri_encode(bucket) + "/") + encoded_key;
  return out;
}

}  // namespace saola::objects_s3
