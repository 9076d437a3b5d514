#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include <saola/objects/directory_store.hpp>

#include "atomic_file.hpp"

namespace saola::objects {
namespace {

constexpr std::size_t kBlock = 256 * 1024;

// open() of `path` that cannot leave the directory `root`, through no link and no "..".
unique_fd open_beneath(int root, const std::string& path, unsigned flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: somebody renamed along the path meanwhile, so the kernel cannot tell. Give up after a
  // while rather than let a renaming loop hold us.
  for (int i = 0; i < 64; ++i) {
    const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    if (fd >= 0) return unique_fd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return unique_fd();
}

std::unexpected<Error> open_failed(const ObjectName& name) {
  const int error = errno;
  const std::string object = name.to_string();
  switch (error) {
    case EXDEV:
    case ELOOP:
      return fail(ErrorCode::kPermissionDenied,
                  "{} is reached through a symbolic link that leads outside the bucket's directory "
                  "or in a circle; only what lies inside can be used",
                  object);
    case ENOENT:
    case ENOTDIR:
      return fail(ErrorCode::kNotFound,
                  "{} does not exist: there is no such file in the bucket's directory", object);
    case ENXIO:
    case ENODEV:
      return fail(ErrorCode::kInvalidArgument, "{} is a special file, not an object", object);
    case ENAMETOOLONG:
      return fail(ErrorCode::kInvalidArgument,
                  "{} cannot be held in a directory: a part of the key is too long for a file name",
                  object);
    case EACCES:
      return fail(ErrorCode::kPermissionDenied,
                  "{} cannot be opened: the server's user has no permission; check the mode and "
                  "owner of the file and its directories",
                  object);
    case ENOSYS:
      return fail(ErrorCode::kUnsupported,
                  "{} cannot be opened safely: this kernel has no openat2 (Linux 5.6)", object);
    default:
      return fail(errno_error(error, fmt::format("open {}", object)));
  }
}

// A directory cannot hold every key (see ObjectName).
Result<void> check_fits(const ObjectName& name) {
  const std::string& key = name.key();
  if (key.starts_with('/') || key.ends_with('/') || key.find("//") != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument,
                "{} has an empty part between slashes; a bucket bound to a directory cannot hold "
                "such a key",
                name.to_string());
  }
  return {};
}

ObjectInfo info_of(const struct stat& status) {
  const auto modified = std::chrono::seconds(status.st_mtim.tv_sec) +
                        std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return {
      .size = static_cast<std::uint64_t>(status.st_size),
      .etag = fmt::format("\"{:x}-{:x}-{:x}\"", status.st_ino, modified.count(), status.st_size),
      .modified = SystemTime(modified)};
}

Result<ObjectInfo> info_of(int fd, const ObjectName& name) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    return fail(errno_error(errno, fmt::format("stat {}", name.to_string())));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kInvalidArgument, "{} is a {}, not an object", name.to_string(),
                S_ISDIR(status.st_mode) ? "directory" : "special file");
  }
  return info_of(status);
}

}  // namespace

Result<std::unique_ptr<DirectoryStore>> DirectoryStore::open(const std::string& directory) {
  unique_fd root(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) {
    return fail(errno_error(
        errno, fmt::format("a bucket cannot be bound to the directory '{}'", directory)));
  }
  return std::unique_ptr<DirectoryStore>(new DirectoryStore(std::move(root)));
}

Result<unique_fd> DirectoryStore::open_object(const ObjectName& name) const {
  if (auto ok = check_fits(name); !ok) return fail(ok);
  // O_NONBLOCK: a FIFO must not hold the caller; it changes nothing for a regular file.
  unique_fd fd = open_beneath(root_.get(), name.key(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) return open_failed(name);
  return fd;
}

Result<unique_fd> DirectoryStore::open_folder_for(const ObjectName& name) const {
  const std::string& key = name.key();
  constexpr unsigned kFlags = O_RDONLY | O_DIRECTORY;
  unique_fd folder = open_beneath(root_.get(), ".", kFlags);
  for (std::size_t start = 0; folder;) {
    const std::size_t slash = key.find('/', start);
    if (slash == std::string::npos) return folder;
    unique_fd next = open_beneath(root_.get(), key.substr(0, slash), kFlags);
    if (!next && errno == ENOENT) {
      const std::string segment = key.substr(start, slash - start);
      if (::mkdirat(folder.get(), segment.c_str(), 0777) != 0 && errno != EEXIST) break;
      if (::fsync(folder.get()) != 0) break;
      next = open_beneath(root_.get(), key.substr(0, slash), kFlags);
    }
    folder = std::move(next);
    start = slash + 1;
  }
  if (errno == ENOTDIR) {
    return fail(ErrorCode::kInvalidArgument,
                "{} cannot be written: a part of its key names a file, where a directory is needed",
                name.to_string());
  }
  return open_failed(name);
}

Result<ObjectInfo> DirectoryStore::stat(const ObjectName& name, const CallOptions& options) {
  if (auto ok = still_wanted(options, "looking up " + name.to_string()); !ok) {
    return fail(ok);
  }
  auto fd = open_object(name);
  if (!fd) return fail(fd);
  return info_of(fd->get(), name);
}

Result<ObjectInfo> DirectoryStore::get(const ObjectName& name, const ByteSink& sink,
                                       const GetOptions& options) {
  const std::string doing = "reading " + name.to_string();
  if (auto ok = still_wanted(options, doing); !ok) return fail(ok);
  auto fd = open_object(name);
  if (!fd) return fail(fd);
  auto info = info_of(fd->get(), name);
  if (!info) return info;
  const auto changed = [&] {
    return fail(ErrorCode::kConflict,
                "{} was changed {}; read it again, and replace objects by renaming instead of "
                "writing into them",
                name.to_string(),
                options.if_match.empty() ? "while it was being read" : "since it was last seen");
  };
  if (!options.if_match.empty() && options.if_match != info->etag) return changed();
  auto range = wanted_range(name, options, info->size);
  if (!range) return fail(range);

  const std::uint64_t total = range->end - range->first;
  std::vector<std::byte> block(std::min<std::uint64_t>(kBlock, total));
  for (std::uint64_t done = 0; done < total;) {
    if (auto ok = still_wanted(options, doing); !ok) return fail(ok);
    const ssize_t n =
        ::pread(fd->get(), block.data(), std::min<std::uint64_t>(block.size(), total - done),
                static_cast<off_t>(range->first + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error(errno, doing));
    if (n == 0) return changed();
    if (auto ok = sink(std::span(block.data(), static_cast<std::size_t>(n))); !ok) {
      return fail(ok);
    }
    done += static_cast<std::uint64_t>(n);
    if (options.progress) options.progress(done, total);
  }
  auto after = info_of(fd->get(), name);
  if (!after) return after;
  if (after->etag != info->etag) return changed();
  return info;
}

Result<ObjectInfo> DirectoryStore::put(const ObjectName& name, const ByteSource& source,
                                       const CallOptions& options) {
  const std::string doing = "writing " + name.to_string();
  if (auto ok = still_wanted(options, doing); !ok) return fail(ok);
  if (auto ok = check_fits(name); !ok) return fail(ok);
  auto folder = open_folder_for(name);
  if (!folder) return fail(folder);
  const std::string leaf = name.key().substr(name.key().rfind('/') + 1);
  struct stat old{};
  if (::fstatat(folder->get(), leaf.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0 &&
      !S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode)) {
    return fail(ErrorCode::kInvalidArgument, "{} cannot be written: a {} has that name",
                name.to_string(), S_ISDIR(old.st_mode) ? "directory" : "special file");
  }

  auto in_front = [&](Error error) {
    return fail(std::move(error).wrap(name.to_string() + " was not written"));
  };
  auto file = AtomicFile::create(folder->get(), leaf);
  if (!file) return in_front(std::move(file).error());
  const std::uint64_t total = source.size();
  std::vector<std::byte> block(std::min<std::uint64_t>(kBlock, total));
  for (std::uint64_t done = 0; done < total;) {
    if (auto ok = still_wanted(options, doing); !ok) return fail(ok);
    const std::span part(block.data(), std::min<std::uint64_t>(block.size(), total - done));
    if (auto ok = source.read(done, part); !ok) return in_front(std::move(ok).error());
    if (auto ok = file->write(part); !ok) return in_front(std::move(ok).error());
    done += part.size();
    if (options.progress) options.progress(done, total);
  }
  if (auto ok = file->commit(); !ok) return in_front(std::move(ok).error());
  return info_of(file->fd(), name);
}

Result<void> DirectoryStore::remove(const ObjectName& name, const CallOptions& options) {
  if (auto ok = still_wanted(options, "removing " + name.to_string()); !ok) return ok;
  auto fd = open_object(name);
  if (!fd && fd.error().code() == ErrorCode::kNotFound) return {};
  if (!fd) return fail(fd);
  if (auto info = info_of(fd->get(), name); !info) return fail(info);
  const std::size_t slash = name.key().rfind('/');
  const unique_fd folder =
      open_beneath(root_.get(), slash == std::string::npos ? "." : name.key().substr(0, slash),
                   O_RDONLY | O_DIRECTORY);
  const std::string leaf = name.key().substr(slash == std::string::npos ? 0 : slash + 1);
  if (!folder || (::unlinkat(folder.get(), leaf.c_str(), 0) != 0 && errno != ENOENT)) {
    return fail(errno_error(errno, fmt::format("removing {}", name.to_string())));
  }
  return {};
}

}  // namespace saola::objects
