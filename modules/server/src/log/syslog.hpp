// The log, and the access log, sent to a syslog daemon; RFC 3164's format (docs/decisions/0024).
//
// Lines wait in a queue of at most kRoom bytes while the daemon is away or slow, and are lost
// beyond it. Nothing here blocks: sockets do not, and of several threads that write at the same
// time one sends for all, so none waits for a lock.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/log.hpp>
#include <saola/base/time.hpp>
#include <saola/base/unique_fd.hpp>

#include "settings/syslog_address.hpp"

namespace saola::server {

struct SyslogOptions {
  SyslogAddress to;
  int facility = 1;
  // Names the program; the access log's lines have ".access" behind it.
  std::string tag;
  // In front of each record, "web 1"; empty: nothing.
  std::string role;
  friend bool operator==(const SyslogOptions&, const SyslogOptions&) = default;
};

class Syslog final : public LogSink {
 public:
  static constexpr std::size_t kRoom = 256 * 1024;
  // rsyslog's largest message, unless it is told otherwise.
  static constexpr std::size_t kLongest = 8 * 1024;
  static constexpr Duration kTryAgain = std::chrono::seconds(1);

  // Looks the host up, which may block; kNotFound when there is none. A daemon that is away is no
  // error: it is tried again and again.
  static Result<std::unique_ptr<Syslog>> open(SyslogOptions options);
  // Sends what can be sent at once.
  ~Syslog() override;

  const SyslogOptions& options() const { return options_; }
  // Any thread.
  void write(LogLevel level, std::string_view record) override;
  void write_access(std::string_view line);
  // Connects anew, sends what waits, logs when the daemon goes and comes and what was lost. Returns
  // how many lines were lost since the call before. Call it every second or so, from one thread.
  std::uint64_t tick();

 private:
  struct Frame {
    std::string bytes;
    Frame* next = nullptr;
  };
  struct Place {
    sockaddr_storage address{};
    socklen_t length = 0;
  };
  Syslog(SyslogOptions options, std::vector<Place> places);
  static Result<std::vector<Place>> resolve(const SyslogAddress& to);
  void add(int severity, std::string_view tag_suffix, std::string_view role,
           std::string_view record);
  // Sends for all, unless somebody does already.
  void send_all();
  void take_arrived();
  void pump();
  bool connect();
  bool connected();
  void disconnect(int error);

  const SyslogOptions options_;
  const std::vector<Place> places_;  // a host's addresses, tried in turn
  const std::string host_;           // "" on this machine's own sockets

  // Frames that no sender has taken yet, the latest first: a stack that writers push onto (release)
  // and the sender takes whole (acquire).
  std::atomic<Frame*> arrived_{nullptr};
  std::atomic<std::size_t> waiting_bytes_{0};
  std::atomic<std::uint64_t> lost_{0};

  std::mutex mutex_;  // only ever tried
  // Guarded by mutex_.
  std::deque<std::string> queue_;
  std::size_t sent_ = 0;  // bytes of the queue's first frame, on a stream
  std::size_t place_ = 0;
  unique_fd fd_;
  int good_ = 0;  // datagrams sent since fd_ was opened
  bool stream_ = false;
  bool connecting_ = false;
  SteadyTime next_try_{};
  std::string trouble_;  // why there is no connection; empty: there is one, or none was needed yet

  // Used by tick() only.
  bool told_trouble_ = false;
  std::uint64_t told_lost_ = 0;
  std::uint64_t returned_lost_ = 0;
  SteadyTime told_at_{};
};

}  // namespace saola::server
