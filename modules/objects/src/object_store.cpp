#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include <saola/base/unique_fd.hpp>
#include <saola/objects/object_store.hpp>

#include "atomic_file.hpp"

namespace saola::objects {
namespace {

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(std::as_bytes(std::span(bytes))) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Result<void> read(std::uint64_t offset, std::span<std::byte> into) const override {
    std::ranges::copy(bytes_.subspan(offset, into.size()), into.begin());
    return {};
  }

 private:
  std::span<const std::byte> bytes_;
};

class FileSource final : public ByteSource {
 public:
  static Result<FileSource> open(const std::string& path) {
    // O_NONBLOCK: a FIFO must not hold the caller; it changes nothing for a regular file.
    unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) return fail(errno_error(errno, fmt::format("open '{}'", path)));
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) {
      return fail(errno_error(errno, fmt::format("stat '{}'", path)));
    }
    if (!S_ISREG(status.st_mode)) {
      return fail(ErrorCode::kInvalidArgument,
                  "'{}' is not a regular file, so it cannot be sent as an object", path);
    }
    return FileSource(path, std::move(fd), static_cast<std::uint64_t>(status.st_size));
  }

  std::uint64_t size() const override { return size_; }
  Result<void> read(std::uint64_t offset, std::span<std::byte> into) const override {
    while (!into.empty()) {
      const ssize_t n = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(errno_error(errno, fmt::format("read '{}'", path_)));
      if (n == 0) {
        return fail(ErrorCode::kConflict,
                    "'{}' became shorter while it was being sent; send it again once it is no "
                    "longer written to",
                    path_);
      }
      into = into.subspan(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    }
    return {};
  }

 private:
  FileSource(std::string path, unique_fd fd, std::uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}

  std::string path_;
  unique_fd fd_;
  std::uint64_t size_;
};

}  // namespace

// Most stores leave nothing.
Result<void> ObjectStore::clear_unfinished(const ObjectName&, const CallOptions&) {
  return {};
}

Result<ObjectInfo> ObjectStore::get_file(const ObjectName& name, const std::string& path,
                                         const GetOptions& options) {
  auto put_in_front = [&](Error error) {
    return fail(std::move(error).wrap(
        fmt::format("{} was not downloaded to '{}'", name.to_string(), path)));
  };
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : path.substr(0, slash);
  const std::string leaf = slash == std::string::npos ? path : path.substr(slash + 1);
  if (leaf.empty() || leaf == "." || leaf == ".." || path.find('\0') != std::string::npos) {
    return put_in_front(Error(ErrorCode::kInvalidArgument, "that path does not name a file"));
  }
  unique_fd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return put_in_front(errno_error(errno, fmt::format("open '{}'", folder)));
  auto file = AtomicFile::create(directory.get(), leaf);
  if (!file) return put_in_front(std::move(file).error());

  // The sink's own failure is told apart from the store's, to say which side failed.
  std::optional<Error> write_error;
  auto info = get(
      name,
      [&](std::span<const std::byte> bytes) -> Result<void> {
        auto written = file->write(bytes);
        if (!written) write_error = written.error();
        return written;
      },
      options);
  if (write_error) return put_in_front(std::move(*write_error));
  if (!info) return info;
  if (auto done = file->commit(); !done) return put_in_front(std::move(done).error());
  return info;
}

Result<std::string> ObjectStore::get_bytes(const ObjectName& name, std::uint64_t max_bytes,
                                           const GetOptions& options) {
  std::string out;
  GetOptions limited = options;
  limited.max_bytes = std::min(options.max_bytes, max_bytes);
  auto info = get(
      name,
      [&](std::span<const std::byte> bytes) -> Result<void> {
        out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
      },
      limited);
  if (!info) return fail(info);
  return out;
}

Result<ObjectInfo> ObjectStore::put_bytes(const ObjectName& name, std::string_view bytes,
                                          const CallOptions& options) {
  return put(name, MemorySource(bytes), options);
}

Result<ObjectInfo> ObjectStore::put_file(const ObjectName& name, const std::string& path,
                                         const CallOptions& options) {
  auto source = FileSource::open(path);
  if (!source) return fail(source);
  return put(name, *source, options);
}

Result<void> still_wanted(const CallOptions& options, std::string_view doing) {
  if (options.stop.stop_requested()) {
    return fail(ErrorCode::kCancelled, "{} was cancelled", doing);
  }
  if (options.deadline.passed()) {
    return fail(ErrorCode::kTimedOut, "{} did not end before its deadline", doing);
  }
  return {};
}

Result<ByteRange> wanted_range(const ObjectName& name, const GetOptions& options,
                               std::uint64_t size) {
  if (options.offset > size) {
    return fail(ErrorCode::kInvalidArgument, "the range starts at byte {}, but {} has only {}",
                options.offset, name.to_string(), size);
  }
  const std::uint64_t rest = size - options.offset;
  const std::uint64_t wanted = std::min(rest, options.length.value_or(rest));
  if (wanted > options.max_bytes) {
    return fail(ErrorCode::kTooLarge, "{} has {} bytes, more than the {} bytes allowed here",
                name.to_string(), wanted, options.max_bytes);
  }
  return ByteRange{options.offset, options.offset + wanted};
}

}  // namespace saola::objects
