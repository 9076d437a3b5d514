#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <deque>
#include <string_view>

#include <saola/base/trusted_path.hpp>

namespace saola {
namespace {

constexpr int kMostLinks = 40;  // as the kernel's

std::deque<std::string> parts_of(std::string_view path) {
  std::deque<std::string> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) parts.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

unique_fd start_of(std::string_view path) {
  return unique_fd(::open(path.starts_with('/') ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

bool is_proc(int folder) {
  struct statfs info{};
  return ::fstatfs(folder, &info) == 0 && info.f_type == PROC_SUPER_MAGIC;
}

// Whether what others could do in the folder cannot lead its entries of ours elsewhere.
bool only_ours(int folder) {
  struct stat info{};
  if (::fstat(folder, &info) != 0) return false;
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) return false;
  return (info.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (info.st_mode & S_ISVTX) != 0;
}

}  // namespace

Result<Place> find_place(const std::string& path) {
  const auto failed = [&](int error) { return fail(errno_error(error, path)); };
  std::deque<std::string> rest = parts_of(path);
  unique_fd folder = start_of(path);
  bool ours = true;
  for (int links = 0; folder && !rest.empty();) {
    ours = ours && only_ours(folder.get());
    const std::string name = std::move(rest.front());
    rest.pop_front();
    unique_fd there(::openat(folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!there && errno == ENOENT && rest.empty())
      return Place{std::move(folder), name, false, ours};
    struct stat info{};
    if (!there || ::fstat(there.get(), &info) != 0) return failed(errno);
    if (!S_ISLNK(info.st_mode)) {
      if (rest.empty()) return Place{std::move(folder), name, false, ours};
      folder = std::move(there);
      continue;
    }
    if (rest.empty() && is_proc(folder.get())) return Place{std::move(folder), name, true, ours};
    if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
      return fail(ErrorCode::kPermissionDenied,
                  "{}: '{}' is a link that another user has made, and is not followed", path, name);
    }
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlinkat(there.get(), "", target.data(), target.size());
    if (length < 0) return failed(errno);
    if (++links > kMostLinks) return failed(ELOOP);
    const std::string_view text(target.data(), static_cast<std::size_t>(length));
    if (text.starts_with('/')) folder = start_of(text);
    const std::deque<std::string> inner = parts_of(text);
    rest.insert(rest.begin(), inner.begin(), inner.end());
  }
  return failed(folder ? EISDIR : errno);
}

Result<unique_fd> open_to_append(const std::string& path) {
  auto place = find_place(path);
  if (!place) return fail(place);
  const int follow = place->is_descriptor ? 0 : O_NOFOLLOW;
  unique_fd fd(::openat(place->folder.get(), place->name.c_str(),
                        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | follow,
                        0644));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return fail(errno_error(errno, path));
  if (::geteuid() == 0 && S_ISREG(info.st_mode) && info.st_nlink > 1) {
    return fail(ErrorCode::kPermissionDenied,
                "{} has a second name (a hard link), which may be one that another user has given "
                "to a file of the system; it is not written to",
                path);
  }
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
  return fd;
}

Result<bool> make_folders(const std::string& path) {
  bool made = false;
  std::string so_far = path.starts_with('/') ? "/" : "";
  for (const std::string& part : parts_of(path)) {
    so_far += part;
    const auto place = find_place(so_far);
    if (!place) return fail(place);
    made = ::mkdirat(place->folder.get(), place->name.c_str(), 0777) == 0;
    if (!made && errno != EEXIST) return fail(errno_error(errno, so_far));
    so_far += '/';
  }
  return made;
}

}  // namespace saola
