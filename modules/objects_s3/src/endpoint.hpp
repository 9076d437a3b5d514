// Where requests go: the endpoint, the region, and how a bucket and key become a URL.
#pragma once

#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/objects/object_name.hpp>
#include <saola/objects_s3/s3_store.hpp>

namespace saola::objects_s3 {

struct Target {
  // "https://host:port"
  std::string origin;
  // The Host header: the port only when it is not the scheme's own.
  std::string host;
  // Encoded, from the first '/' on.
  std::string path;
};

class Endpoint {
 public:
  // kInvalidArgument: the endpoint is no URL we can use.
  static Result<Endpoint> make(const S3Options& options);

  Target target(const objects::ObjectName& name) const;
  // Of the object's bucket itself.
  Target bucket_target(const objects::ObjectName& name) const;
  // The bucket's name at the endpoint.
  const std::string& bucket_of(const objects::ObjectName& name) const {
    return bucket_.empty() ? name.bucket() : bucket_;
  }
  const std::string& region() const { return region_; }
  // "https://host:port/path", for messages.
  std::string to_string() const { return scheme_ + "://" + host_ + base_path_; }

 private:
  Target target(const std::string& bucket, const std::string& encoded_key) const;

  std::string scheme_;
  // With the port when it is not the scheme's own.
  std::string host_;
  // Empty, or "/…" without a final slash.
  std::string base_path_;
  std::string region_;
  std::string bucket_;
  S3Addressing addressing_ = S3Addressing::kAuto;
  bool is_amazon_ = false;
};

}  // namespace saola::objects_s3
