#include <algorithm>
#include <utility>

#include <saola/objects/memory_store.hpp>

namespace saola::objects {
namespace {

// Small, so that tests of progress and cancelling see more than one step.
constexpr std::uint64_t kBlock = 64 * 1024;

}  // namespace

Result<std::shared_ptr<const MemoryStore::Object>> MemoryStore::find(const ObjectName& name) const {
  const NativeLock lock(mutex_);
  const auto found = objects_.find(name);
  if (found == objects_.end()) {
    return fail(ErrorCode::kNotFound, "{} does not exist", name.to_string());
  }
  return found->second;
}

Result<ObjectInfo> MemoryStore::stat(const ObjectName& name, const CallOptions& options) {
  if (auto ok = still_wanted(options, "looking up " + name.to_string()); !ok) {
    return fail(ok);
  }
  auto object = find(name);
  if (!object) return fail(object);
  return (*object)->info;
}

Result<ObjectInfo> MemoryStore::get(const ObjectName& name, const ByteSink& sink,
                                    const GetOptions& options) {
  const std::string doing = "reading " + name.to_string();
  if (auto ok = still_wanted(options, doing); !ok) return fail(ok);
  auto object = find(name);
  if (!object) return fail(object);
  const ObjectInfo& info = (*object)->info;
  if (!options.if_match.empty() && options.if_match != info.etag) {
    return fail(ErrorCode::kConflict, "{} was changed since it was last seen", name.to_string());
  }
  auto range = wanted_range(name, options, info.size);
  if (!range) return fail(range);
  for (std::uint64_t at = range->first; at < range->end;) {
    if (auto ok = still_wanted(options, doing); !ok) return fail(ok);
    const std::uint64_t n = std::min(kBlock, range->end - at);
    const std::span bytes((*object)->bytes);
    if (auto ok = sink(std::as_bytes(bytes.subspan(at, n))); !ok) {
      return fail(ok);
    }
    at += n;
    if (options.progress) options.progress(at - range->first, range->end - range->first);
  }
  return info;
}

Result<ObjectInfo> MemoryStore::put(const ObjectName& name, const ByteSource& source,
                                    const CallOptions& options) {
  const std::string doing = "writing " + name.to_string();
  auto object = std::make_shared<Object>();
  object->bytes.resize(source.size());
  for (std::uint64_t done = 0; done < source.size();) {
    if (auto ok = still_wanted(options, doing); !ok) return fail(ok);
    const std::uint64_t n = std::min(kBlock, source.size() - done);
    const std::span part(object->bytes.data() + done, n);
    if (auto ok = source.read(done, std::as_writable_bytes(part)); !ok) {
      return fail(ok);
    }
    done += n;
    if (options.progress) options.progress(done, source.size());
  }
  if (auto ok = still_wanted(options, doing); !ok) return fail(ok);
  const NativeLock lock(mutex_);
  object->info = {.size = object->bytes.size(),
                  .etag = fmt::format("\"v{}\"", ++versions_),
                  .modified = real_clock().system_now()};
  objects_.insert_or_assign(name, object);
  return object->info;
}

Result<void> MemoryStore::remove(const ObjectName& name, const CallOptions& options) {
  if (auto ok = still_wanted(options, "removing " + name.to_string()); !ok) return ok;
  const NativeLock lock(mutex_);
  objects_.erase(name);
  return {};
}

}  // namespace saola::objects
