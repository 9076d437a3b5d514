#include <algorithm>
#include <cstddef>

#include <saola/base/text.hpp>
#include <saola/objects/object_name.hpp>

namespace saola::objects {
namespace {

constexpr std::string_view kScheme = "s3://";
constexpr std::size_t kMaxBucket = 63;
constexpr std::size_t kMaxKey = 1024;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// For messages: short, and without bytes that would break a log line.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 120)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte >= 0x7f ? '?' : c;
  }
  if (text.size() > 120) out += "…";
  return out;
}

Result<void> check_key(std::string_view key) {
  if (key.size() > kMaxKey) {
    return fail(ErrorCode::kInvalidArgument,
                "the object key is {} bytes long, the longest allowed is {}", key.size(), kMaxKey);
  }
  if (std::any_of(key.begin(), key.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return fail(ErrorCode::kInvalidArgument,
                "the object key '{}' contains a control character, which no key may", shown(key));
  }
  if (!is_utf8(key)) {
    return fail(ErrorCode::kInvalidArgument, "the object key '{}' is not UTF-8", shown(key));
  }
  for (std::string_view rest = key;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (segment == "." || segment == "..") {
      return fail(ErrorCode::kInvalidArgument,
                  "the object key '{}' has the segment '{}', which names nothing in a bucket; "
                  "write the key without it",
                  shown(key), segment);
    }
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

struct Parts {
  std::string_view bucket;
  std::string_view key;
};

// Splits "s3://bucket[/key]" and checks both parts; an empty key passes.
Result<Parts> split_name(std::string_view text) {
  if (!text.starts_with(kScheme)) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' does not name an object: names look like s3://bucket/key", shown(text));
  }
  const std::string_view rest = text.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  const Parts parts{rest.substr(0, slash),
                    slash == std::string_view::npos ? "" : rest.substr(slash + 1)};
  if (auto ok = check_bucket_name(parts.bucket); !ok) return fail(ok);
  if (auto ok = check_key(parts.key); !ok) return fail(ok);
  return parts;
}

}  // namespace

Result<void> check_bucket_name(std::string_view name) {
  const bool sound = !name.empty() && name.size() <= kMaxBucket && is_alnum(name.front()) &&
                     is_alnum(name.back()) && name.find("..") == std::string_view::npos &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return is_alnum(c) || c == '.' || c == '_' || c == '-';
                     });
  if (!sound) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' cannot name a bucket: use 1 to {} letters, digits, '.', '_' or '-', the "
                "first and last a letter or digit",
                shown(name), kMaxBucket);
  }
  return {};
}

Result<ObjectName> ObjectName::parse(std::string_view text) {
  auto parts = split_name(text);
  if (!parts) return fail(parts);
  if (parts->key.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' names a bucket, not an object: add the key, as in s3://{}/data.csv",
                shown(text), parts->bucket);
  }
  return ObjectName(std::string(parts->bucket), std::string(parts->key));
}

Result<ObjectName> ObjectName::make(std::string_view bucket, std::string_view key) {
  return parse(fmt::format("{}{}/{}", kScheme, bucket, key));
}

std::string ObjectName::to_string() const {
  return fmt::format("{}{}/{}", kScheme, bucket_, key_);
}

Result<ObjectPrefix> ObjectPrefix::parse(std::string_view text) {
  auto parts = split_name(text);
  if (!parts) return fail(parts);
  std::string key(parts->key);
  if (!key.empty() && !key.ends_with('/')) key += '/';
  return ObjectPrefix(std::string(parts->bucket), std::move(key));
}

std::string ObjectPrefix::to_string() const {
  return fmt::format("{}{}/{}", kScheme, bucket_, key_);
}

Result<ObjectName> ObjectPrefix::object(std::string_view leaf) const {
  return ObjectName::make(bucket_, fmt::format("{}{}", key_, leaf));
}

}  // namespace saola::objects
