#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include <saola/base/time.hpp>
#include <saola/http/conditional.hpp>
#include <saola/web/files.hpp>

namespace saola::web {
namespace {

constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
    {"html", "text/html; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"xml", "application/xml"},
    {"pdf", "application/pdf"},
    {"gz", "application/gzip"},
    {"zip", "application/zip"},
    {"wasm", "application/wasm"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"ico", "image/x-icon"},
    {"woff2", "font/woff2"},
};

// Opens `name` below `directory`, refusing every way out of it.
int open_beneath(int directory, const std::string& name) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // a FIFO in the folder must not block the open
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: something was renamed meanwhile and the kernel could not rule out an escape.
  for (int tries = 0; tries < 8; ++tries) {
    const auto fd = ::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how);
    if (fd >= 0 || errno != EAGAIN) return static_cast<int>(fd);
  }
  return -1;
}

std::unexpected<Error> no_such_file(std::string_view name) {
  return fail(ErrorCode::kNotFound, "There is no file '{}' here. Check the name.", name);
}

}  // namespace

std::string_view content_type_of(std::string_view file_name) {
  const auto dot = file_name.rfind('.');
  if (dot != std::string_view::npos) {
    for (const auto& [suffix, type] : kTypes) {
      if (http::iequals(file_name.substr(dot + 1), suffix)) return type;
    }
  }
  return "application/octet-stream";
}

Result<Directory> Directory::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return fail(
        errno_error(errno, path)
            .wrap(fmt::format(
                "The folder '{}' cannot be served. Check that it exists and may be read", path)));
  }
  return Directory(unique_fd(fd));
}

Result<http::Response> Directory::send(const http::Request& request, std::string_view name) const {
  if (name.empty() || name.contains('\0')) return no_such_file(name);
  unique_fd fd(open_beneath(fd_.get(), std::string(name)));
  if (!fd) {
    // Out of descriptors or memory is ours to tell; for the client all else is a missing file.
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      return fail(errno_error(errno, "A file could not be opened"));
    }
    return no_such_file(name);
  }
  struct stat facts{};
  if (::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return no_such_file(name);

  const auto now = std::chrono::floor<std::chrono::seconds>(real_clock().system_now());
  http::Response response = http::file_response(
      request,
      http::FileContent{.fd = std::move(fd),
                        .size = static_cast<std::uint64_t>(facts.st_size),
                        .content_type = std::string(content_type_of(name)),
                        // Inode and nanoseconds: a file replaced within a second is another one.
                        .validators = {.etag = fmt::format("\"{:x}-{:x}-{:x}{:08x}\"", facts.st_ino,
                                                           facts.st_size, facts.st_mtim.tv_sec,
                                                           facts.st_mtim.tv_nsec),
                                       .last_modified = std::chrono::sys_seconds(
                                           std::chrono::seconds(facts.st_mtim.tv_sec))}},
      now);
  response.headers.set_default("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace saola::web
