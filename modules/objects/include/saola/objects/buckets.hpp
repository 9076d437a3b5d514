// The configured buckets, each bound to its store; nothing else can be reached.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <saola/objects/object_store.hpp>

namespace saola::objects {

// An ObjectStore of all configured buckets: each call goes to the store its bucket is bound to. A
// name in another bucket is kNotFound; the text lists the configured ones.
// add() everything before the first call from another thread; the calls are thread-safe.
class Buckets final : public ObjectStore {
 public:
  // kInvalidArgument: not a bucket's name; kAlreadyExists: bound before.
  Result<void> add(std::string name, std::unique_ptr<ObjectStore> store);

  // Whether `bucket` is configured: lets a request be refused before work starts.
  Result<void> check(std::string_view bucket) const;
  // Sorted.
  std::vector<std::string> names() const;

  Result<ObjectInfo> stat(const ObjectName& name, const CallOptions& options) override;
  Result<ObjectInfo> get(const ObjectName& name, const ByteSink& sink,
                         const GetOptions& options) override;
  Result<ObjectInfo> put(const ObjectName& name, const ByteSource& source,
                         const CallOptions& options) override;

 private:
  // Not null.
  Result<ObjectStore*> store_of(std::string_view bucket) const;

  std::map<std::string, std::unique_ptr<ObjectStore>, std::less<>> stores_;
};

}  // namespace saola::objects
