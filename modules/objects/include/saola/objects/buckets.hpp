// The configured buckets, each bound to its store; nothing else can be reached.
//
//   Buckets buckets;
//   auto data = DirectoryStore::open("/srv/data");
//   if (!data) return data.error();
//   buckets.add("samples", *std::move(data), {.writable = true, .prefix = "results/"});
//   buckets.get_bytes(*ObjectName::parse("s3://samples/a.csv"), 1 << 20, {});
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <saola/objects/object_store.hpp>

namespace saola::objects {

// What may be written to a bucket. By default nothing.
struct BucketRights {
  bool writable = false;
  // The keys of what is written begin with this: empty, or "results/".
  std::string prefix;
  // What jobs have written there goes when the jobs are pruned.
  bool prune = false;
};

// An ObjectStore of all configured buckets: each call goes to the store its bucket is bound to. A
// name in another bucket is kNotFound; the text lists the configured ones. What the bucket's rights
// do not allow is kPermissionDenied: only put() and remove() ask them, everything may be read.
// add() everything before the first call from another thread; the calls are thread-safe.
class Buckets final : public ObjectStore {
 public:
  // Binds `name` to `store`. kInvalidArgument: not a bucket's name; kAlreadyExists: bound before.
  Result<void> add(std::string name, std::unique_ptr<ObjectStore> store, BucketRights rights = {});

  // Whether `bucket` is configured: lets a request be refused before work starts. kNotFound lists
  // those that are.
  Result<void> check(std::string_view bucket) const;
  // The same for writing objects under `prefix`; kPermissionDenied says where they may be written.
  Result<void> check_writable(const ObjectPrefix& prefix) const;
  // Whether the object is one that goes when the job that wrote it is pruned: its bucket says so, and
  // it lies where results may be written.
  bool prunes(const ObjectName& name) const;
  // Whether there is a bucket that says so.
  bool prunes_any() const;
  // Sorted.
  std::vector<std::string> names() const;

  Result<ObjectInfo> stat(const ObjectName& name, const CallOptions& options) override;
  Result<ObjectInfo> get(const ObjectName& name, const ByteSink& sink,
                         const GetOptions& options) override;
  Result<ObjectInfo> put(const ObjectName& name, const ByteSource& source,
                         const CallOptions& options) override;
  Result<void> remove(const ObjectName& name, const CallOptions& options) override;
  Result<void> clear_unfinished(const ObjectName& beginning, const CallOptions& options) override;

 private:
  struct Bound {
    std::unique_ptr<ObjectStore> store;
    BucketRights rights;
  };
  // Not null.
  Result<const Bound*> find(std::string_view bucket) const;
  // The same for writing a key that begins with `key`.
  Result<const Bound*> find_writable(std::string_view bucket, std::string_view key) const;

  std::map<std::string, Bound, std::less<>> buckets_;
};

}  // namespace saola::objects
