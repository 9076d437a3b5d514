#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>

#include <boost/json.hpp>

#include <saola/base/unique_fd.hpp>
#include <saola/server/control.hpp>

namespace saola::server {
namespace json = boost::json;
namespace {

bool wait(int fd, short events, Deadline deadline) {
  pollfd polled{.fd = fd, .events = events};
  const auto ms = deadline.is_never()
                      ? -1
                      : std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining()).count();
  return ::poll(&polled, 1, static_cast<int>(ms)) > 0;
}

Result<unique_fd> connect_to(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) {
    return fail(ErrorCode::kInvalidArgument, "{} is too long for a socket's path", path);
  }
  std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    return fail(ErrorCode::kUnavailable,
                "no server answers at the control socket {} ({}): is it running, and is this its "
                "--control-socket?",
                path, std::strerror(errno));
  }
  return fd;
}

}  // namespace

Result<std::string> control_request(const std::string& path, std::string_view request,
                                    Deadline deadline) {
  auto fd = connect_to(path);
  if (!fd) return fail(fd);
  std::string out = std::string(request) + '\n';
  while (!out.empty()) {
    const ssize_t sent = ::send(fd->get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) out.erase(0, static_cast<std::size_t>(sent));
    if (sent < 0 && (errno != EAGAIN || !wait(fd->get(), POLLOUT, deadline))) {
      return fail(ErrorCode::kUnavailable, "the server at {} does not take the request", path);
    }
  }
  std::string in;
  while (!in.ends_with('\n')) {
    if (!wait(fd->get(), POLLIN, deadline)) {
      return fail(ErrorCode::kTimedOut, "the server at {} does not answer in time", path);
    }
    char buffer[16384];
    const ssize_t got = ::recv(fd->get(), buffer, sizeof buffer, 0);
    if (got <= 0) return fail(ErrorCode::kClosed, "the server at {} closed the connection", path);
    in.append(buffer, static_cast<std::size_t>(got));
  }
  boost::system::error_code error;
  const json::value answer = json::parse(in, error);
  if (error || !answer.is_object() || !answer.as_object().contains("ok")) {
    return fail(ErrorCode::kDataCorrupt, "the server at {} answers nonsense", path);
  }
  if (!answer.at("ok").as_bool()) {
    return fail(ErrorCode::kConflict, "{}", std::string(answer.at("error").as_string()));
  }
  return json::serialize(answer.at("result"));
}

}  // namespace saola::server
