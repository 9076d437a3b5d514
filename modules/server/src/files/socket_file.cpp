// Where only root and this user can change the path, the socket is bound there: its name is what
// people see (ss -x). Elsewhere a path may lead somewhere else from one call to the next, and the
// kernel binds by path only. So the socket is bound in a new folder inside the wanted one, which
// nobody else may enter, through its descriptor; gets its access there; and is then moved to its
// name, folder by folder:
//
//   FOLDER/.saola-1a2b3c4d/socket  ->  FOLDER/NAME        renameat2(RENAME_NOREPLACE)
//
// Whoever may write in FOLDER can move the new folder, or put another in its place: the descriptor
// is of one that is this user's and closed to others, whichever that is.
#include "files/socket_file.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include <fmt/core.h>

#include <saola/base/trusted_path.hpp>

namespace saola::server {
namespace {

Result<unique_fd> bind_at(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail(errno_error(errno, "socket"));
  // Nobody can connect before listen(), but its access is complete from the first moment on.
  const mode_t before = ::umask(0777);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
  const int error = errno;
  ::umask(before);
  if (bound != 0) return fail(errno_error(error, fmt::format("cannot listen on unix:{}", path)));
  return fd;
}

// Removes a socket that was left over by a dead server.
Result<void> make_way(const std::string& path) {
  const OwnFile there = OwnFile::at(path);
  if (there.path().empty()) return {};
  if (!there.is_socket()) {
    return fail(ErrorCode::kAlreadyExists,
                "{} exists and is no socket; remove it or choose another --bind", path);
  }
  if (there.has_listener()) {
    return fail(ErrorCode::kAlreadyExists,
                "unix:{} is in use: another server listens there, so this one cannot. Stop it "
                "(ss -lxp shows who it is) or choose another --bind",
                path);
  }
  there.remove();  // unless another server has replaced it meanwhile
  return {};
}

// A folder that only this user may enter, with the socket in it.
class ClosedFolder {
 public:
  explicit ClosedFolder(int parent) : parent_(parent) {}
  ~ClosedFolder() {
    if (folder_) ::unlinkat(folder_.get(), kSocket, 0);
    if (!name_.empty()) ::unlinkat(parent_, name_.c_str(), AT_REMOVEDIR);
  }
  ClosedFolder(const ClosedFolder&) = delete;
  ClosedFolder& operator=(const ClosedFolder&) = delete;

  Result<void> make() {
    std::uint64_t random = 0;
    [[maybe_unused]] const auto got = ::getrandom(&random, sizeof random, 0);
    std::string name = fmt::format(".saola-{:016x}", random);
    if (::mkdirat(parent_, name.c_str(), 0700) != 0) return fail(errno_error(errno, "mkdir"));
    name_ = std::move(name);
    unique_fd folder(
        ::openat(parent_, name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info{};
    if (!folder || ::fstat(folder.get(), &info) != 0) return fail(errno_error(errno, "open"));
    if (info.st_uid != ::geteuid() || (info.st_mode & 077) != 0) {
      return fail(ErrorCode::kPermissionDenied, "another user has replaced what was made there");
    }
    folder_ = std::move(folder);
    return {};
  }

  // To bind at.
  std::string socket() const { return fmt::format("/proc/self/fd/{}/{}", folder_.get(), kSocket); }
  OwnFile file(const std::string& path) const { return OwnFile::in(folder_.get(), kSocket, path); }

  Result<void> move_socket_to(const Place& place) {
    if (::renameat2(folder_.get(), kSocket, place.folder.get(), place.name.c_str(),
                    RENAME_NOREPLACE) != 0) {
      return fail(errno_error(errno, "rename"));
    }
    return {};
  }

 private:
  static constexpr const char* kSocket = "socket";
  const int parent_;
  std::string name_;
  unique_fd folder_;
};

Result<SocketFile> bind_elsewhere_and_move(const std::string& path, const Place& place,
                                           const SocketAccess& access) {
  ClosedFolder closed(place.folder.get());
  if (auto made = closed.make(); !made) return fail(made);
  auto fd = bind_at(closed.socket());
  if (!fd) return fail(fd);
  OwnFile file = closed.file(path);
  if (auto set = file.set_access(access.user, access.group, access.mode); !set) return fail(set);
  if (auto moved = closed.move_socket_to(place); !moved) return fail(moved);
  return SocketFile{std::move(*fd), std::move(file)};
}

Result<SocketFile> bind_in_place(const std::string& path, const SocketAccess& access) {
  auto fd = bind_at(path);
  if (!fd) return fail(fd);
  OwnFile file = OwnFile::at(path);
  if (auto set = file.set_access(access.user, access.group, access.mode); !set) {
    file.remove();
    return fail(set);
  }
  return SocketFile{std::move(*fd), std::move(file)};
}

bool anybody_can_replace(int folder) {
  struct stat info{};
  return ::fstat(folder, &info) != 0 ||
         ((info.st_mode & S_IWOTH) != 0 && (info.st_mode & S_ISVTX) == 0);
}

Result<Place> place_for_socket(const std::string& path) {
  auto place = find_place(path);
  if (!place) return fail(std::move(place).error().wrap("cannot listen on unix:" + path));
  if (::geteuid() == 0 && anybody_can_replace(place->folder.get())) {
    return fail(ErrorCode::kPermissionDenied,
                "unix:{} is not made as root: everybody may write to its folder, and could put "
                "another socket in its place; take that right away (chmod o-w, or +t), or choose "
                "another folder",
                path);
  }
  return place;
}

}  // namespace

Result<void> check_socket_folder(const std::string& path) {
  const auto place = place_for_socket(path);
  if (!place) return fail(place);
  if (::faccessat(place->folder.get(), ".", W_OK, AT_EACCESS) == 0) return {};
  return fail(errno_error(errno, fmt::format("cannot listen on unix:{}", path)));
}

Result<SocketFile> make_socket_file(const std::string& path, const SocketAccess& access) {
  const auto place = place_for_socket(path);
  if (!place) return fail(place);
  if (auto free = make_way(path); !free) return fail(free);
  if (place->only_ours) return bind_in_place(path, access);
  auto made = bind_elsewhere_and_move(path, *place, access);
  if (!made) return fail(std::move(made).error().wrap("cannot listen on unix:" + path));
  return made;
}

}  // namespace saola::server
