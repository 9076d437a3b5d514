#include <algorithm>
#include <utility>

#include <fmt/ranges.h>

#include <saola/objects/buckets.hpp>

namespace saola::objects {

Result<void> Buckets::add(std::string name, std::unique_ptr<ObjectStore> store,
                          BucketRights rights) {
  if (auto ok = check_bucket_name(name); !ok) return ok;
  const auto [place, is_new] =
      buckets_.try_emplace(std::move(name), Bound{std::move(store), std::move(rights)});
  if (!is_new) {
    return fail(ErrorCode::kAlreadyExists, "bucket '{}' is bound twice; bind each name once",
                place->first);
  }
  return {};
}

std::vector<std::string> Buckets::names() const {
  std::vector<std::string> out;
  for (const auto& [name, bound] : buckets_) out.push_back(name);
  return out;
}

Result<const Buckets::Bound*> Buckets::find(std::string_view bucket) const {
  const auto found = buckets_.find(bucket);
  if (found != buckets_.end()) return &found->second;
  if (buckets_.empty()) {
    return fail(ErrorCode::kNotFound,
                "bucket '{}' is not configured, and no other is: bind it to a directory or an S3 "
                "endpoint in the server's configuration",
                bucket);
  }
  return fail(ErrorCode::kNotFound,
              "bucket '{}' is not configured; configured buckets: {}. Only these can be reached",
              bucket, fmt::join(names(), ", "));
}

Result<const Buckets::Bound*> Buckets::find_writable(std::string_view bucket,
                                                     std::string_view key) const {
  auto found = find(bucket);
  if (!found) return found;
  const BucketRights& rights = (*found)->rights;
  if (!rights.writable) {
    return fail(ErrorCode::kPermissionDenied,
                "bucket '{}' may only be read; name a destination in another bucket, or bind this "
                "one with writable = true",
                bucket);
  }
  if (!key.starts_with(rights.prefix)) {
    return fail(ErrorCode::kPermissionDenied,
                "in bucket '{}' results must lie under s3://{}/{}; name a destination there",
                bucket, bucket, rights.prefix);
  }
  return found;
}

Result<void> Buckets::check(std::string_view bucket) const {
  if (auto found = find(bucket); !found) return fail(found);
  return {};
}

Result<void> Buckets::check_writable(const ObjectPrefix& prefix) const {
  auto found = find_writable(prefix.bucket(), prefix.key());
  if (!found) return fail(found);
  return {};
}

bool Buckets::prunes(const ObjectName& name) const {
  const auto found = find_writable(name.bucket(), name.key());
  return found && (*found)->rights.prune;
}

bool Buckets::prunes_any() const {
  return std::ranges::any_of(buckets_, [](const auto& bound) { return bound.second.rights.prune; });
}

Result<ObjectInfo> Buckets::stat(const ObjectName& name, const CallOptions& options) {
  auto found = find(name.bucket());
  if (!found) return fail(found);
  return (*found)->store->stat(name, options);
}

Result<ObjectInfo> Buckets::get(const ObjectName& name, const ByteSink& sink,
                                const GetOptions& options) {
  auto found = find(name.bucket());
  if (!found) return fail(found);
  return (*found)->store->get(name, sink, options);
}

Result<ObjectInfo> Buckets::put(const ObjectName& name, const ByteSource& source,
                                const CallOptions& options) {
  auto found = find_writable(name.bucket(), name.key());
  if (!found) return fail(found);
  return (*found)->store->put(name, source, options);
}

Result<void> Buckets::remove(const ObjectName& name, const CallOptions& options) {
  auto found = find_writable(name.bucket(), name.key());
  if (!found) return fail(found);
  return (*found)->store->remove(name, options);
}

Result<void> Buckets::clear_unfinished(const ObjectName& beginning, const CallOptions& options) {
  auto found = find_writable(beginning.bucket(), beginning.key());
  if (!found) return fail(found);
  return (*found)->store->clear_unfinished(beginning, options);
}

}  // namespace saola::objects
