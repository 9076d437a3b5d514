// ObjectStore: read and write whole objects by name, whatever holds them.
//
//   const CallOptions call{.deadline = Deadline::after(30s), .stop = context.stop_token()};
//   const auto text = store.get_bytes(name, 1 << 20, {call});
//   if (!text) return text.error();
//   store.put_bytes(*results.object("summary.txt"), summarise(*text), call);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/objects/object_name.hpp>

namespace saola::objects {

// What a store says of an object without its bytes.
struct ObjectInfo {
  // Bytes.
  std::uint64_t size = 0;
  // Changes when the object's content does; opaque (never a checksum). Empty: the store has none.
  std::string etag;
  // When it was last written; the epoch when the store does not say.
  SystemTime modified{};
};

// Bytes moved so far and in all. Called from the calling thread, never with a lock held; `done`
// never decreases and reaches `total` on success.
using ProgressCallback = std::function<void(std::uint64_t done, std::uint64_t total)>;

// What every call takes: when to give up, and whom to inform.
struct CallOptions {
  // When to give up with kTimedOut. Waiting for a network ends at it; a disk access under way does
  // not.
  Deadline deadline = Deadline::never();
  // Ends the call early with kCancelled.
  std::stop_token stop;
  // May be empty.
  ProgressCallback progress;
};

// What get() reads.
struct GetOptions : CallOptions {
  // First byte wanted, from 0. At the object's end: nothing is read; past it: kInvalidArgument.
  std::uint64_t offset = 0;
  // Bytes wanted; cut at the object's end. Unset: up to the end.
  std::optional<std::uint64_t> length;
  // When not empty: kConflict unless the object still has this etag.
  std::string if_match;
  // kTooLarge, before a byte is read, when more are wanted and there.
  std::uint64_t max_bytes = std::numeric_limits<std::uint64_t>::max();
};

// Takes the next bytes of an object, in order and without gaps, each once. An error ends the
// transfer and is returned as it is.
using ByteSink = std::function<Result<void>(std::span<const std::byte> bytes)>;

// Bytes to be written, readable more than once (a store may have to try again), from any offset.
// Used by one thread at a time.
//
//   struct Zeros final : ByteSource {
//     std::uint64_t size() const override { return 1 << 20; }
//     Result<void> read(std::uint64_t, std::span<std::byte> into) const override {
//       std::ranges::fill(into, std::byte{0});
//       return {};
//     }
//   };
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t size() const = 0;
  // Fills `into` from byte `offset` on. An error ends the put and is returned as it is. REQUIRES:
  // offset + into.size() <= size().
  virtual Result<void> read(std::uint64_t offset, std::span<std::byte> into) const = 0;
};

// What holds objects. Calls block the calling thread, are thread-safe, start no thread, and end at
// the deadline or soon after the stop token says so. Errors name the object:
//   kNotFound           no such object (or bucket)
//   kConflict           the object was changed while it was read, or is not the one in if_match
//   kPermissionDenied, kUnauthenticated   the store refuses
//   kUnavailable, kResourceExhausted      later may work (unreachable; disk or quota full)
//   kInvalidArgument    the store cannot hold such a name, or the range starts past the end
//   kTimedOut, kCancelled
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // What get() would report, without the bytes.
  virtual Result<ObjectInfo> stat(const ObjectName& name, const CallOptions& options) = 0;

  // Passes the object's bytes, or a range, to `sink`. All bytes come from one version of the
  // object; a change under way ends in kConflict, and the sink may then have seen a part.
  //
  //   std::uint64_t lines = 0;
  //   auto info = store.get(name, [&](std::span<const std::byte> bytes) -> Result<void> {
  //     lines += std::ranges::count(bytes, std::byte{'\n'});
  //     return {};
  //   }, {});
  virtual Result<ObjectInfo> get(const ObjectName& name, const ByteSink& sink,
                                 const GetOptions& options) = 0;

  // Writes the object, replacing one of that name. Atomic: readers see the old one or all of the
  // new one, also after a crash; a failure leaves the old one. Repeating it is harmless, but the
  // last of two that run at one time wins.
  virtual Result<ObjectInfo> put(const ObjectName& name, const ByteSource& source,
                                 const CallOptions& options) = 0;

  // Removes the object. One that is not there is no error, so that it may be repeated.
  virtual Result<void> remove(const ObjectName& name, const CallOptions& options) = 0;

  // Clears away what interrupted puts of objects whose keys begin with that of `beginning` have left
  // behind where no reader sees it, such as the parts of an upload. For names that nobody writes
  // any more: a put that is under way may end in kConflict.
  virtual Result<void> clear_unfinished(const ObjectName& beginning, const CallOptions& options);

  // get() into the local file `path`, which appears (or is replaced) only when it is complete and
  // on disk; its directory must exist. A full disk is kResourceExhausted and leaves nothing.
  Result<ObjectInfo> get_file(const ObjectName& name, const std::string& path,
                              const GetOptions& options);
  // get() into memory; kTooLarge when there are more than `max_bytes`.
  Result<std::string> get_bytes(const ObjectName& name, std::uint64_t max_bytes,
                                const GetOptions& options);
  // put() of `bytes`, which must stay until it returns.
  Result<ObjectInfo> put_bytes(const ObjectName& name, std::string_view bytes,
                               const CallOptions& options);
  // put() of the local regular file `path`; kConflict when it shrinks meanwhile.
  Result<ObjectInfo> put_file(const ObjectName& name, const std::string& path,
                              const CallOptions& options);
};

// For stores: an error when the deadline has passed or a stop was asked for; `doing` says what is
// given up ("reading s3://bucket/key").
Result<void> still_wanted(const CallOptions& options, std::string_view doing);

// For stores: the bytes [first, end) of an object of `size` bytes that `options` ask for; kTooLarge
// when these are more than its max_bytes.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
};
Result<ByteRange> wanted_range(const ObjectName& name, const GetOptions& options,
                               std::uint64_t size);

}  // namespace saola::objects
