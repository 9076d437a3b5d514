// Names of objects and of the places results go to: "s3://bucket/key" and "s3://bucket/prefix/".
//
//   const auto source = ObjectName::parse("s3://samples/us_states.csv");   // Result<ObjectName>
//   const auto results = ObjectPrefix::parse("s3://results/2026/");
//   if (!source || !results) return bad_request();
//   const auto target = results->object("groups.csv");          // s3://results/2026/groups.csv
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <utility>

#include <saola/base/error.hpp>

namespace saola::objects {

// The name of one object. A value; always valid.
//
// bucket: 1–63 letters, digits, '.', '_' and '-', the first and last a letter or digit, no "..".
//         It is the name configured in Saola; a store may hold it under another one.
// key:    1–1024 bytes of UTF-8 without control characters, and without a segment that is "." or
//         "..": on their way such keys are rewritten by clients and proxies and would name another
//         object. Everything else is taken literally: "a//b", "a b", "a+b", "a%20b", "a?b" and
//         "a#b" are keys of their own, nothing is decoded. A directory cannot hold all of them:
//         see DirectoryStore.
class ObjectName {
 public:
  // Reads "s3://bucket/key". kInvalidArgument says which part is wrong.
  static Result<ObjectName> parse(std::string_view text);
  // The name of `key` in `bucket`. kInvalidArgument says which part is wrong.
  static Result<ObjectName> make(std::string_view bucket, std::string_view key);

  const std::string& bucket() const { return bucket_; }
  const std::string& key() const { return key_; }
  // "s3://bucket/key"; parse() of it gives an equal name.
  std::string to_string() const;

  friend auto operator<=>(const ObjectName&, const ObjectName&) = default;

 private:
  ObjectName(std::string bucket, std::string key)
      : bucket_(std::move(bucket)), key_(std::move(key)) {}

  std::string bucket_;
  std::string key_;
};

// Where results go: "s3://bucket/" or "s3://bucket/a/b/". A value; always valid. Not the name of an
// object: object() makes one.
class ObjectPrefix {
 public:
  // Reads "s3://bucket", "s3://bucket/" or "s3://bucket/a/b" with or without the final slash.
  static Result<ObjectPrefix> parse(std::string_view text);

  const std::string& bucket() const { return bucket_; }
  // Empty, or ends in '/'.
  const std::string& key() const { return key_; }
  // With the final slash.
  std::string to_string() const;
  // The object `leaf` under this prefix; `leaf` may itself have slashes. kInvalidArgument: the key
  // would be none.
  Result<ObjectName> object(std::string_view leaf) const;

  friend auto operator<=>(const ObjectPrefix&, const ObjectPrefix&) = default;

 private:
  ObjectPrefix(std::string bucket, std::string key)
      : bucket_(std::move(bucket)), key_(std::move(key)) {}

  std::string bucket_;
  std::string key_;
};

// Whether `name` may name a bucket (see ObjectName); the error says why not.
Result<void> check_bucket_name(std::string_view name);

}  // namespace saola::objects
