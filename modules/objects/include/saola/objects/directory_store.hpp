// A bucket held in a local directory: the object with key "a/b.csv" is the file a/b.csv in it.
//
//   auto store = DirectoryStore::open("/srv/samples");
//   if (!store) return store.error();                             // kNotFound: make it first
//   (*store)->put_file(*ObjectName::parse("s3://samples/a/b.csv"), "/tmp/b.csv", {});
#pragma once

#include <memory>
#include <string>

#include <saola/base/unique_fd.hpp>
#include <saola/objects/object_store.hpp>

namespace saola::objects {

// Nothing outside the directory can be read or written: the kernel resolves every key beneath it
// (openat2), whatever links there are. Links that stay inside are followed; one that leads outside
// is kPermissionDenied. A directory, FIFO, socket or device is not an object (kInvalidArgument,
// without waiting). Keys with an empty segment ("a//b", "/a", "a/") cannot be held.
//
// put() makes the directories a key needs. A kill while it writes leaves no file (where the file
// system has O_TMPFILE). The etag is made of inode, modification time and size.
// Disk accesses are not interruptible: deadline and stop are looked at between blocks of 256 KiB.
class DirectoryStore final : public ObjectStore {
 public:
  // The directory must exist; it stays the same one even if it is renamed later. kNotFound,
  // kPermissionDenied, others from errno.
  static Result<std::unique_ptr<DirectoryStore>> open(const std::string& directory);

  Result<ObjectInfo> stat(const ObjectName& name, const CallOptions& options) override;
  Result<ObjectInfo> get(const ObjectName& name, const ByteSink& sink,
                         const GetOptions& options) override;
  Result<ObjectInfo> put(const ObjectName& name, const ByteSource& source,
                         const CallOptions& options) override;
  Result<void> remove(const ObjectName& name, const CallOptions& options) override;

 private:
  explicit DirectoryStore(unique_fd root) : root_(std::move(root)) {}

  Result<unique_fd> open_object(const ObjectName& name) const;
  Result<unique_fd> open_folder_for(const ObjectName& name) const;

  unique_fd root_;
};

}  // namespace saola::objects
