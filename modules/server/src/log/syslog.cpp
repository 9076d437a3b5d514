#include "log/syslog.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <ctime>
#include <system_error>

#include <fmt/core.h>

#include <saola/base/text.hpp>

namespace saola::server {
namespace {

// A report about lost lines that is lost itself must not cause the next report.
constexpr std::string_view kLostReport = "syslog took too few of the log's lines";
constexpr Duration kReportEvery = std::chrono::seconds(10);
constexpr int kInfoSeverity = 6;

int severity_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return 7;
    case LogLevel::kInfo:
      return kInfoSeverity;
    case LogLevel::kWarning:
      return 4;
    case LogLevel::kError:
      return 3;
    case LogLevel::kCritical:
      return 2;
  }
  std::unreachable();
}

// "Nov  4 01:02:03", local time (RFC 3164 §4.1.2).
std::string timestamp() {
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  return fmt::format("{} {:2} {:02}:{:02}:{:02}", kMonths[static_cast<std::size_t>(parts.tm_mon)],
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

// Without the domain (RFC 3164 §4.1.2).
std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return std::string(name.data(), ::strcspn(name.data(), "."));
}

}  // namespace

Result<std::vector<Syslog::Place>> Syslog::resolve(const SyslogAddress& to) {
  std::vector<Place> places;
  if (to.kind == SyslogAddress::Kind::kUnix) {
    Place& place = places.emplace_back();
    auto& name = reinterpret_cast<sockaddr_un&>(place.address);
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, to.path.c_str(), to.path.size() + 1);
    place.length = sizeof name;
    return places;
  }
  addrinfo hints{};
  hints.ai_socktype = to.kind == SyslogAddress::Kind::kUdp ? SOCK_DGRAM : SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int failed =
          ::getaddrinfo(to.host.c_str(), fmt::format("{}", to.port).c_str(), &hints, &list);
      failed != 0) {
    return fail(ErrorCode::kNotFound, "--log-syslog-to {}: the host cannot be looked up: {}",
                to.to_string(), ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    Place& place = places.emplace_back();
    std::memcpy(&place.address, entry->ai_addr, entry->ai_addrlen);
    place.length = entry->ai_addrlen;
  }
  return places;
}

Result<std::unique_ptr<Syslog>> Syslog::open(SyslogOptions options) {
  auto places = resolve(options.to);
  if (!places) return fail(places);
  return std::unique_ptr<Syslog>(new Syslog(std::move(options), std::move(*places)));
}

Syslog::Syslog(SyslogOptions options, std::vector<Place> places)
    : options_(std::move(options)),
      places_(std::move(places)),
      host_(options_.to.kind == SyslogAddress::Kind::kUnix ? "" : host_name() + ' ') {}

Syslog::~Syslog() {
  send_all();
  take_arrived();
}

void Syslog::write(LogLevel level, std::string_view record) {
  add(severity_of(level), "", options_.role, record);
}

void Syslog::write_access(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  add(kInfoSeverity, ".access", "", line);
}

void Syslog::add(int severity, std::string_view tag_suffix, std::string_view role,
                 std::string_view record) {
  auto frame = std::make_unique<Frame>();
  frame->bytes = fmt::format("<{}>{} {}{}{}[{}]: ", options_.facility * 8 + severity, timestamp(),
                             host_, options_.tag, tag_suffix, ::getpid());
  if (!role.empty()) frame->bytes += fmt::format("[{}] ", role);
  frame->bytes += utf8_prefix(record, kLongest - 1 - std::min(frame->bytes.size(), kLongest - 1));
  const std::size_t size = frame->bytes.size();
  if (waiting_bytes_.fetch_add(size, std::memory_order_relaxed) + size > kRoom) {
    waiting_bytes_.fetch_sub(size, std::memory_order_relaxed);
    if (record.find(kLostReport) == std::string_view::npos) ++lost_;
  } else {
    frame->next = arrived_.load(std::memory_order_relaxed);
    while (!arrived_.compare_exchange_weak(frame->next, frame.get(), std::memory_order_release,
                                           std::memory_order_relaxed)) {
    }
    static_cast<void>(frame.release());  // the stack's now
  }
  send_all();
}

void Syslog::send_all() {
  // Again when a frame came while this thread sent: its writer may have found the mutex taken.
  do {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;
    take_arrived();
    pump();
  } while (arrived_.load(std::memory_order_relaxed) != nullptr);
}

void Syslog::take_arrived() {
  const std::size_t at = queue_.size();
  std::unique_ptr<Frame> frame(arrived_.exchange(nullptr, std::memory_order_acquire));
  while (frame) {
    queue_.push_back(std::move(frame->bytes));
    frame.reset(frame->next);
  }
  std::reverse(queue_.begin() + static_cast<std::ptrdiff_t>(at), queue_.end());
}

void Syslog::pump() {
  while (!queue_.empty()) {
    if (!connected()) return;
    // A daemon that went would let the first line after it vanish without an error.
    char nothing = 0;
    if (stream_ && ::recv(fd_.get(), &nothing, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
      return disconnect(ECONNRESET);
    }
    std::string& frame = queue_.front();
    // On a stream, lines end with a newline (RFC 6587 §3.4.2).
    if (stream_ && sent_ == 0 && !frame.ends_with('\n')) frame += '\n';
    const ssize_t sent =
        ::send(fd_.get(), frame.data() + sent_, frame.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == ENOBUFS) return;
      if (errno == EMSGSIZE) {
        ++lost_;
      } else {
        // Of UDP, it tells that the datagram before this one found nobody.
        if (options_.to.kind == SyslogAddress::Kind::kUdp) ++lost_;
        return disconnect(errno);
      }
    } else {
      // The error of a datagram that found nobody comes with the next one.
      if (options_.to.kind != SyslogAddress::Kind::kUdp || ++good_ > 1) trouble_.clear();
      sent_ += static_cast<std::size_t>(sent);
      if (stream_ && sent_ < frame.size()) continue;
    }
    sent_ = 0;
    waiting_bytes_.fetch_sub(frame.size() - (frame.ends_with('\n') ? 1 : 0),
                             std::memory_order_relaxed);
    queue_.pop_front();
  }
}

bool Syslog::connect() {
  const bool datagrams = options_.to.kind == SyslogAddress::Kind::kUdp ||
                         (options_.to.kind == SyslogAddress::Kind::kUnix &&
                          options_.to.type != SyslogAddress::Type::kStream);
  const Place& place = places_[place_];
  const auto attempt = [&](int type) {
    fd_.reset(::socket(place.address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    stream_ = type == SOCK_STREAM;
    return ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&place.address), place.length) ==
               0 ||
           errno == EINPROGRESS;
  };
  bool done = attempt(datagrams ? SOCK_DGRAM : SOCK_STREAM);
  if (!done && errno == EPROTOTYPE && options_.to.type == SyslogAddress::Type::kAny) {
    done = attempt(SOCK_STREAM);
  }
  good_ = 0;
  connecting_ = done && options_.to.kind == SyslogAddress::Kind::kTcp;
  if (!done) disconnect(errno);
  return done;
}

bool Syslog::connected() {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!fd_) {
    if (now < next_try_ || !connect()) return false;
    next_try_ = now + 5 * kTryAgain;
  }
  if (!connecting_) return true;
  pollfd polled{.fd = fd_.get(), .events = POLLOUT};
  if (::poll(&polled, 1, 0) == 0) {
    if (now >= next_try_) disconnect(ETIMEDOUT);
    return false;
  }
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    disconnect(error);
    return false;
  }
  connecting_ = false;
  return true;
}

void Syslog::disconnect(int error) {
  trouble_ = std::system_category().message(error);
  fd_.reset();
  place_ = (place_ + 1) % places_.size();
  connecting_ = false;
  sent_ = 0;  // a frame that was sent in part is sent again
  next_try_ = std::chrono::steady_clock::now() + kTryAgain;
}

std::uint64_t Syslog::tick() {
  send_all();
  std::string trouble;
  {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return 0;
    trouble = trouble_;
  }
  const std::uint64_t lost = lost_.load(std::memory_order_relaxed);
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::string where = options_.to.to_string();
  if (!trouble.empty() && !told_trouble_) {
    told_trouble_ = true;
    log_warning(
        fmt::format("syslog at {} cannot be reached: {}. Lines wait for it, and are lost "
                    "beyond {} KiB",
                    where, trouble, kRoom / 1024));
  } else if (trouble.empty() && told_trouble_) {
    told_trouble_ = false;
    log_info(fmt::format("syslog at {} is reached again", where), {{"lost", lost - told_lost_}});
    told_lost_ = lost;
  } else if (trouble.empty() && lost > told_lost_ && now - told_at_ >= kReportEvery) {
    log_warning(kLostReport, {{"to", where}, {"lost", lost - told_lost_}});
    told_lost_ = lost;
    told_at_ = now;
  }
  return lost - std::exchange(returned_lost_, lost);
}

}  // namespace saola::server
