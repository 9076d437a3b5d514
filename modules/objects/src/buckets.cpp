#include <utility>

#include <fmt/ranges.h>

#include <saola/objects/buckets.hpp>

namespace saola::objects {

Result<void> Buckets::add(std::string name, std::unique_ptr<ObjectStore> store) {
  if (auto ok = check_bucket_name(name); !ok) return ok;
  const auto [place, is_new] = stores_.try_emplace(std::move(name), std::move(store));
  if (!is_new) {
    return fail(ErrorCode::kAlreadyExists, "bucket '{}' is bound twice; bind each name once",
                place->first);
  }
  return {};
}

std::vector<std::string> Buckets::names() const {
  std::vector<std::string> out;
  for (const auto& [name, store] : stores_) out.push_back(name);
  return out;
}

Result<ObjectStore*> Buckets::store_of(std::string_view bucket) const {
  const auto found = stores_.find(bucket);
  if (found != stores_.end()) return found->second.get();
  if (stores_.empty()) {
    return fail(ErrorCode::kNotFound,
                "bucket '{}' is not configured, and no other is: bind it to a directory or an S3 "
                "endpoint in the server's configuration",
                bucket);
  }
  return fail(ErrorCode::kNotFound,
              "bucket '{}' is not configured; configured buckets: {}. Only these can be reached",
              bucket, fmt::join(names(), ", "));
}

Result<void> Buckets::check(std::string_view bucket) const {
  if (auto store = store_of(bucket); !store) return std::unexpected(std::move(store).error());
  return {};
}

Result<ObjectInfo> Buckets::stat(const ObjectName& name, const CallOptions& options) {
  auto store = store_of(name.bucket());
  if (!store) return std::unexpected(std::move(store).error());
  return (*store)->stat(name, options);
}

Result<ObjectInfo> Buckets::get(const ObjectName& name, const ByteSink& sink,
                                const GetOptions& options) {
  auto store = store_of(name.bucket());
  if (!store) return std::unexpected(std::move(store).error());
  return (*store)->get(name, sink, options);
}

Result<ObjectInfo> Buckets::put(const ObjectName& name, const ByteSource& source,
                                const CallOptions& options) {
  auto store = store_of(name.bucket());
  if (!store) return std::unexpected(std::move(store).error());
  return (*store)->put(name, source, options);
}

}  // namespace saola::objects
