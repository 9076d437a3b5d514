// Objects in memory, for tests: any bucket, gone with the store.
//
//   MemoryStore store;
//   store.put_bytes(*ObjectName::parse("s3://any/key"), "content", {});
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <saola/base/guarded.hpp>
#include <saola/objects/object_store.hpp>

namespace saola::objects {

// Keeps the contract of ObjectStore, atomic puts and etags included, and passes the same suite.
// Takes blocks of 64 KiB, so that tests of progress and cancelling see more than one step. Never
// kUnavailable, kPermissionDenied or kUnauthenticated.
class MemoryStore final : public ObjectStore {
 public:
  // As ObjectStore says. A reader goes on with the version that it began with.
  Result<ObjectInfo> stat(const ObjectName& name, const CallOptions& options) override;
  Result<ObjectInfo> get(const ObjectName& name, const ByteSink& sink,
                         const GetOptions& options) override;
  Result<ObjectInfo> put(const ObjectName& name, const ByteSource& source,
                         const CallOptions& options) override;
  Result<void> remove(const ObjectName& name, const CallOptions& options) override;

 private:
  struct Object {
    ObjectInfo info;
    std::string bytes;
  };

  // Shared, because a reader goes on with the version it began with when a put replaces it.
  Result<std::shared_ptr<const Object>> find(const ObjectName& name) const;

  mutable NativeMutex mutex_;
  std::map<ObjectName, std::shared_ptr<const Object>> objects_ GUARDED_BY(mutex_);
  std::uint64_t versions_ GUARDED_BY(mutex_) = 0;
};

}  // namespace saola::objects
