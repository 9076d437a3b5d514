// Name resolution. getaddrinfo(3) blocks for as long as name servers are silent (tens of seconds)
// and cannot be interrupted, so it runs on threads of its own, a few for the process: names that do
// not resolve hold up names, and never a pool that others need. Whoever gives up leaves at once; a
// look-up that has begun then ends for nobody.
#include <netdb.h>
#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include <saola/runtime/socket.hpp>
#include <saola/runtime/sync/event.hpp>

#include "io/fd_watch.hpp"
#include "testing/virtual_clock.hpp"

namespace saola::runtime {
namespace {

constexpr std::size_t kMostThreads = 8;

// Shared by the caller, who may give up, and the thread that works on it.
struct LookUp {
  const std::string host;
  const std::string port;
  // Written before `ended` is set, read after.
  int status = 0;
  addrinfo* list = nullptr;
  Event ended{WaitKind::kResolve};

  LookUp(std::string h, std::string p) : host(std::move(h)), port(std::move(p)) {}
  ~LookUp() {
    if (list != nullptr) ::freeaddrinfo(list);
  }
  LookUp(const LookUp&) = delete;
  LookUp& operator=(const LookUp&) = delete;
};

class Resolver {
 public:
  // Throws std::system_error when there is no thread to be had.
  void begin(std::shared_ptr<LookUp> look_up) {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(look_up));
    if (threads_ == kMostThreads) return;
    try {
      // Not joined: at the end of the process it may be in getaddrinfo().
      std::thread([this] { serve(); }).detach();
      ++threads_;
    } catch (const std::system_error&) {
      if (threads_ > 0) return;
      waiting_.pop_back();
      throw;
    }
  }

  // Nobody waits for it any more.
  void forget(const std::shared_ptr<LookUp>& look_up) {
    std::lock_guard lock(mutex_);
    std::erase(waiting_, look_up);
  }

 private:
  void serve() {
    ::pthread_setname_np(::pthread_self(), "saola-resolve");
    std::unique_lock lock(mutex_);
    while (!waiting_.empty()) {
      const std::shared_ptr<LookUp> look_up = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      addrinfo hints{};
      hints.ai_socktype = SOCK_STREAM;
      hints.ai_flags = AI_ADDRCONFIG;
      look_up->status =
          ::getaddrinfo(look_up->host.c_str(), look_up->port.c_str(), &hints, &look_up->list);
      look_up->ended.set();
      lock.lock();
    }
    --threads_;
  }

  std::mutex mutex_;
  // All GUARDED_BY(mutex_).
  std::deque<std::shared_ptr<LookUp>> waiting_;
  std::size_t threads_ = 0;
};

// One for the process, as the name servers are: it serves tasks of every Runtime and plain threads.
// Never destroyed, for its threads may outlive main().
Resolver& resolver() {
  static auto* const resolver = new Resolver;
  return *resolver;
}

}  // namespace

Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port,
                                           Deadline deadline) {
  // A numeric address needs nobody ("localhost" does: it may have several).
  if (host != "localhost") {
    const bool v6 = host.find(':') != std::string::npos;
    const std::string text =
        v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
    if (auto numeric = SocketAddress::parse(text)) return std::vector<SocketAddress>{*numeric};
  }
  const auto look_up = std::make_shared<LookUp>(host, std::to_string(port));
  try {
    resolver().begin(look_up);
  } catch (const std::system_error& e) {
    return fail(ErrorCode::kResourceExhausted, "cannot resolve '{}': no thread for it ({})", host,
                e.what());
  }
  // The name servers' time is not a test's: its clock stands for as long as somebody waits.
  const detail::VirtualClock::Hold until_it_ends(detail::VirtualClock::current());
  if (const Wake wake = look_up->ended.wait_result(deadline); wake != Wake::kNotified) {
    resolver().forget(look_up);
    return fail(detail::wait_error(wake, fmt::format("while '{}' was being resolved", host)));
  }
  if (const int status = look_up->status; status != 0) {
    const bool unknown = status == EAI_NONAME || status == EAI_NODATA;
    return fail(unknown ? ErrorCode::kNotFound : ErrorCode::kUnavailable, "cannot resolve '{}': {}",
                host, ::gai_strerror(status));
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* a = look_up->list; a != nullptr; a = a->ai_next) {
    SocketAddress& address = addresses.emplace_back();
    std::memcpy(&address.storage, a->ai_addr, a->ai_addrlen);
    address.length = a->ai_addrlen;
  }
  return addresses;
}

}  // namespace saola::runtime
