#include "worker/web_worker.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <random>

#include <fmt/core.h>

#include <saola/base/check.hpp>
#include <saola/base/log.hpp>
#include <saola/base/open_files.hpp>
#include <saola/http_conn/service.hpp>
#include <saola/http_conn/tls.hpp>
#include <saola/runtime/placed.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/runtime/socket.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/semaphore.hpp>
#include <saola/server/server_settings.hpp>

#include "access/gate.hpp"
#include "log/access_log.hpp"
#include "log/process_log.hpp"
#include "settings/parsed_settings.hpp"
#include "worker/handler_pool.hpp"
#include "worker/management.hpp"
#include "worker/stall_relay.hpp"

namespace saola::server {
namespace {

constexpr Duration kBeat = std::chrono::milliseconds(500);
// A quick stop gives connections this long to be torn down.
constexpr Duration kTearDown = std::chrono::seconds(1);

class Context final : public WebContext {
 public:
  Context(WorkerProcess& process, const Gate& gate)
      : WebContext(process.facts()), process_(process), gate_(gate) {}
  void set_ready(bool ready, std::string_view why) override { process_.set_ready(ready, why); }
  std::string metrics_text() const override { return process_.metrics_text(); }
  observe::StallLog& stalls() override { return stalls_; }
  std::vector<std::string> why_not_ready() const override {
    return server::why_not_ready(process_.state());
  }
  bool asks_who() const override { return process_.boot().credentials.asks_who; }
  std::optional<std::string> open_session(std::string_view token) const override {
    return gate_.open_session(token);
  }

 private:
  WorkerProcess& process_;
  const Gate& gate_;
  observe::StallLog stalls_;
};

// Counts and logs every request; asks for a successor after the last one this worker shall answer.
class RequestSink final : public http_conn::AccessSink {
 public:
  RequestSink(WorkerProcess& process, AccessLog* log)
      : process_(process),
        log_(log),
        proxies_(trusted_proxies(process.settings(), setting::kForwardedAllowIps)) {
    const observe::MetricSlot slot = process.facts().metrics;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      requests_[i] = slot.counter(process.metrics().requests[i]);
    }
    time_ = slot.histogram(process.metrics().request_time);
    const Settings& settings = process.settings();
    last_ = static_cast<std::uint64_t>(settings.get(setting::kMaxRequests));
    const auto jitter = static_cast<std::uint64_t>(settings.get(setting::kMaxRequestsJitter));
    if (last_ > 0 && jitter > 0) {
      std::random_device random;
      last_ += std::uniform_int_distribution<std::uint64_t>(0, jitter)(random);
    }
  }

  void on_access(const http_conn::Access& access) override {
    requests_[static_cast<std::size_t>(std::clamp(access.status / 100, 1, 5) - 1)].add();
    time_.record(static_cast<std::uint64_t>(access.duration.count()));
    if (log_ != nullptr) {
      const std::string_view peer = access.request.remote_address;
      const auto client = proxies_.client(peer, access.request.headers);
      log_->write(access, client ? std::string_view(*client) : peer);
    }
    if (last_ > 0 && answered_.fetch_add(1, std::memory_order_relaxed) + 1 == last_) {
      process_.retire(fmt::format("it has answered {} requests", last_));
    }
  }

 private:
  WorkerProcess& process_;
  AccessLog* log_;
  const TrustedProxies proxies_;
  std::array<observe::Counter, 5> requests_;
  observe::Histogram time_;
  std::uint64_t last_ = 0;
  std::atomic<std::uint64_t> answered_{0};
};

// A kind of work that has hogged the loop before runs on side carriers; stall reports name it.
class LearnedPlacer final : public http::Placer {
 public:
  void run(std::string_view kind, std::move_only_function<void()> work) override {
    runtime::run_placed(kind, std::move(work));
  }
};

// In front of the application: sheds load while the loop is late and cannot be helped, says where a
// request behind a trusted proxy comes from and where in its site the service lies, and lets pass
// what its caller may ask.
class FrontHandler final : public http::Handler {
 public:
  FrontHandler(http::Handler& inner, const runtime::Runtime& runtime, const Gate& gate,
               const Settings& settings)
      : inner_(inner),
        runtime_(runtime),
        gate_(gate),
        proxies_(trusted_proxies(settings, setting::kForwardedAllowIps)),
        root_(settings.get(setting::kRootPath)) {}

  http::Response handle(http::Request& request) override {
    if (runtime_.shedding()) {
      http::Response busy(
          503, "application/problem+json",
          R"({"type":"about:blank","title":"Service Unavailable","status":503,)"
          R"("detail":"the worker is late, and no thread is left to help it; try again"})");
      busy.headers.set("Retry-After", "1");
      return busy;
    }
    request.placer = &placer_;
    const auto client = proxies_.client(request.remote_address, request.headers);
    if (const auto scheme = proxies_.scheme(request.remote_address, request.headers)) {
      request.scheme = *scheme;
    }
    if (const auto prefix = proxies_.prefix(request.remote_address, request.headers)) {
      request.prefix = *prefix;
    } else {
      take_off_root(request);
    }
    http::Response response = gated(request, client);
    gate_.show(request, response);
    return response;
  }

 private:
  http::Response gated(http::Request& request, const std::optional<std::string>& client) {
    if (auto refusal = gate_.refuse(request)) return *std::move(refusal);
    if (!client) return inner_.handle(request);
    // The text lives in this frame only, so the peer's address comes back with the response.
    struct Restore {
      http::Request& request;
      std::string_view peer;
      ~Restore() { request.remote_address = peer; }
    } const restore{request, request.remote_address};
    request.remote_address = *client;
    return inner_.handle(request);
  }

  void take_off_root(http::Request& request) const {
    request.prefix = root_;
    const std::size_t size = root_.size();
    const std::string_view path = request.raw_path;
    if (size == 0 || !path.starts_with(root_)) return;
    if (path.size() == size) {
      request.raw_path = request.path = "/";
    } else if (path[size] == '/') {
      // The root has no byte that could be escaped, so it is as long in both.
      request.raw_path.remove_prefix(size);
      request.path.remove_prefix(size);
    }
  }

  http::Handler& inner_;
  const runtime::Runtime& runtime_;
  const Gate& gate_;
  const TrustedProxies proxies_;
  const std::string root_;  // --root-path
  LearnedPlacer placer_;
};

http_conn::ServiceOptions service_options(const Settings& settings) {
  http_conn::ServiceOptions options;
  const auto size = [&](const Setting<std::int64_t>& setting) {
    return static_cast<std::size_t>(settings.get(setting));
  };
  options.limits.request_line = size(setting::kLimitRequestLine);
  options.limits.field_count = size(setting::kLimitRequestFields);
  options.limits.field_size = size(setting::kLimitRequestFieldSize);
  options.limits.head_size = size(setting::kLimitRequestHead);
  options.limits.body_size = size(setting::kLimitRequestBody);
  options.header_timeout = settings.get(setting::kHeaderTimeout);
  options.body_timeout = settings.get(setting::kBodyTimeout);
  options.write_timeout = settings.get(setting::kBodyTimeout);
  options.min_rate = size(setting::kMinBodyRate);
  options.idle_timeout = settings.get(setting::kKeepalive);
  options.linger_time = settings.get(setting::kLingerTime);
  options.linger_timeout = settings.get(setting::kLingerTimeout);
  return options;
}

runtime::RuntimeOptions runtime_options(const Settings& settings, observe::StallSink* sink) {
  runtime::RuntimeOptions options;
  const std::string& policy = settings.get(setting::kOnStall);
  options.on_stall = policy == "report"   ? runtime::StallPolicy::kReport
                     : policy == "ignore" ? runtime::StallPolicy::kIgnore
                     : policy == "abort"  ? runtime::StallPolicy::kAbort
                                          : runtime::StallPolicy::kRescue;
  options.stall_threshold = std::chrono::milliseconds(settings.get(setting::kStallThresholdMs));
  options.max_rescued = static_cast<int>(settings.get(setting::kMaxRescued));
  options.stall_sink = sink;
  return options;
}

// Descriptors kept for everything that is no connection: the store, objects, files in responses.
constexpr std::int64_t kReservedFiles = 64;

// --worker-connections, or as many as the limit of open files allows.
std::int64_t most_connections(const Settings& settings) {
  const std::int64_t wanted = settings.get(setting::kWorkerConnections);
  const auto limit = static_cast<std::int64_t>(raise_open_files_limit());
  const std::int64_t possible =
      std::max<std::int64_t>(limit - static_cast<std::int64_t>(open_files()) - kReservedFiles, 16);
  if (wanted <= possible) return wanted;
  log_warning(
      fmt::format("the limit of {} open files leaves room for {} connections instead of "
                  "--worker-connections {}; raise it (LimitNOFILE= of the unit, ulimit -Hn)",
                  limit, possible, wanted));
  return possible;
}

// Connections have what their listener has (tcp(7)); a unix socket has no use for it.
void notice_vanished_clients(int listener, const Settings& settings) {
  const auto set = [&](int level, int option, int value) {
    ::setsockopt(listener, level, option, &value, sizeof value);
  };
  const auto idle = std::chrono::ceil<std::chrono::seconds>(settings.get(setting::kTcpKeepalive));
  set(SOL_SOCKET, SO_KEEPALIVE, idle.count() > 0 ? 1 : 0);
  if (idle.count() > 0) {
    set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(idle.count()));
    set(IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, static_cast<int>(idle.count() / 3)));
    set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  }
  const auto unacknowledged =
      std::chrono::ceil<std::chrono::milliseconds>(settings.get(setting::kTcpUserTimeout));
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(unacknowledged.count()));
}

// The process's listeners and the connections from them, on the loop.
class Front {
 public:
  // Counts open connections in `open`. `tls` may be null. REQUIRES: `service` and `tls` outlive the
  // connections, this object does too.
  Front(const WorkerProcess& process, http_conn::Service& service, http_conn::TlsContext* tls,
        observe::Gauge open)
      : service_(service),
        tls_(tls),
        proxy_protocol_(process.settings().get(setting::kProxyProtocol)),
        proxies_(trusted_proxies(process.settings(), setting::kProxyAllowIps)),
        room_(most_connections(process.settings())),
        open_(open) {
    for (const BootListener& listener : process.boot().listeners) {
      notice_vanished_clients(listener.fd, process.settings());
      listeners_.emplace_back(unique_fd(listener.fd));
    }
  }

  void start() {
    for (runtime::Listener& listener : listeners_) {
      acceptors_.push_back(
          runtime::spawn([this, &listener] { accept(listener); },
                         {.name = "accept", .placement = runtime::Placement::kFiber}));
    }
  }

  // Takes what the kernel has accepted already, beyond the permits, then listens no more. SUSPENDS.
  void stop() {
    for (runtime::Task& acceptor : acceptors_) acceptor.cancel();
    acceptors_.clear();
    for (runtime::Listener& listener : listeners_) {
      while (auto socket = listener.accept(Deadline::after(Duration::zero()))) {
        serve(std::move(*socket));
      }
      listener.close();
    }
  }

 private:
  // Takes a permit for a connection that has been accepted. At the end of serving it goes on
  // without one.
  void wait_for_room() {
    constexpr Duration kToClose = std::chrono::milliseconds(100);
    constexpr Duration kToBecomeIdle = std::chrono::milliseconds(10);
    try {
      while (!room_.try_acquire()) {
        // Whoever waits between two requests makes room for who has one; nobody may do so yet.
        const bool one_ends = service_.end_oldest_idle();
        if (room_.acquire(Deadline::after(one_ends ? kToClose : kToBecomeIdle))) return;
      }
    } catch (const runtime::Cancelled&) {
    }
  }

  void accept(runtime::Listener& listener) {
    constexpr Duration kPause = std::chrono::milliseconds(100);
    while (true) {
      auto socket = listener.accept(Deadline::never());
      if (!socket) {
        if (socket.error().code() == ErrorCode::kCancelled) return;
        // Out of descriptors or memory: others may free some.
        log_warning("a connection cannot be accepted: " + socket.error().message());
        runtime::this_task::sleep_for(kPause);
        continue;
      }
      wait_for_room();
      serve(std::move(*socket));
    }
  }

  // Takes over a permit.
  void serve(runtime::Socket socket) {
    open_.add(1);
    http_conn::Prologue prologue{.tls = tls_};
    if (proxy_protocol_ && proxies_.trusts(socket.peer_address())) {
      prologue.proxy = http_conn::Prologue::Proxy::kExpected;
    }
    service_.start(std::move(socket), prologue, [this] {
      open_.add(-1);
      room_.release();
    });
  }

  http_conn::Service& service_;
  http_conn::TlsContext* tls_;
  const bool proxy_protocol_;
  const TrustedProxies proxies_;
  runtime::Semaphore room_;
  observe::Gauge open_;
  std::vector<runtime::Listener> listeners_;
  std::vector<runtime::Task> acceptors_;
};

// The heart beats from the loop, and, when handlers run on threads, only while these get on: a
// worker whose threads are all stuck is as hung as one whose loop is.
void beat(WorkerProcess& process, const HandlerPool* pool) {
  const observe::Gauge rescued = process.facts().metrics.gauge(process.metrics().rescued);
  std::uint64_t finished = 0;
  while (true) {
    if (pool == nullptr || !pool->all_busy() || pool->finished() != finished) process.beat();
    if (pool != nullptr) finished = pool->finished();
    rescued.set(static_cast<std::int64_t>(runtime::Runtime::current()->stats().rescued_now));
    runtime::this_task::sleep_for(kBeat);
  }
}

std::vector<std::string> addresses(const WorkerProcess& process) {
  std::vector<std::string> out;
  for (const BootListener& listener : process.boot().listeners) out.push_back(listener.where);
  return out;
}

struct Serving {
  int threads = 0;                        // native ones for the handler; 0: on fibers
  http_conn::AccessSink* sink = nullptr;  // told every request, unless null
  http_conn::TlsContext* tls = nullptr;   // unless null
  observe::Gauge connections = {};        // open ones
};

// Serves `handler` until the arbiter says otherwise. Runs on the first fiber.
void serve_http(WorkerProcess& process, http::Handler& handler, runtime::Runtime& runtime,
                const Gate& gate, const Serving& how) {
  std::optional<HandlerPool> pool;
  if (how.threads > 0) pool.emplace(handler, how.threads);
  const Settings& settings = process.settings();
  FrontHandler front_handler(pool ? static_cast<http::Handler&>(*pool) : handler, runtime, gate,
                             settings);
  http_conn::Service service(front_handler, service_options(settings), how.sink);
  Front front(process, service, how.tls, how.connections);
  front.start();
  runtime::Task heart =
      runtime::spawn([&] { beat(process, pool ? &*pool : nullptr); },
                     {.name = "heartbeat", .placement = runtime::Placement::kFiber});
  runtime::Event leave;
  runtime::Event stop;
  const std::stop_callback on_drain(process.drain(), [&] { leave.set(); });
  const std::stop_callback on_stop(process.stop(), [&] {
    service.abort();
    stop.set();
  });
  process.beat_from_loop();
  process.ready();
  leave.wait();
  front.stop();
  service.leave();
  // Others take over (a reload, an upgrade): a client may be sending a request on an idle
  // connection at this moment. So these are not cut: the next response asks to close, and who
  // sends none is idle for as long as any idle connection may be.
  if (!process.state().server().closing.load(std::memory_order_relaxed)) {
    service.wait_closed(Deadline::after(
        std::min(settings.get(setting::kKeepalive), settings.get(setting::kGracefulTimeout) / 2)));
  }
  service.stop();
  if (stop.is_set()) service.abort();
  while (!service.wait_closed(Deadline::after(kTearDown))) {
    // Handlers that do not end are not waited for in a quick stop.
    if (stop.is_set()) ::_exit(kExitOk);
  }
  process.beat_from_control_thread();
}

int serve_web(const ServerDefinition& definition, WorkerProcess& process, Context& context,
              runtime::Runtime& runtime, const Gate& gate) {
  if (definition.hooks.worker_init) definition.hooks.worker_init(context);
  if (definition.application != nullptr) definition.application->count_in(context.metrics);
  std::unique_ptr<http::Handler> own;
  if (definition.web) {
    auto made = definition.web(context);
    if (!made) {
      log_error("the web worker cannot start: " + made.error().message());
      return kExitBootFailed;
    }
    own = *std::move(made);
  }
  http::Handler* const handler = own ? own.get() : definition.application;
  SAOLA_CHECK(handler != nullptr,
              "ServerDefinition::web made no handler, and there is no application");
  const Settings& settings = process.settings();
  std::unique_ptr<AccessLog> log;
  Syslog* syslog =
      settings.get(setting::kDisableRedirectAccessToSyslog) ? nullptr : process_syslog();
  if (const std::string& path = settings.get(setting::kAccessLog);
      !path.empty() || syslog != nullptr) {
    auto opened = AccessLog::open(path, access_log_format(settings), syslog);
    if (!opened) {
      log_error(opened.error().message());
      return kExitBootFailed;
    }
    log = std::move(*opened);
  }
  std::unique_ptr<http_conn::TlsContext> tls;
  if (!settings.get(setting::kCertfile).empty()) {
    auto loaded = http_conn::TlsContext::load(tls_options(settings));
    if (!loaded) {
      log_error(loaded.error().message());
      return kExitBootFailed;
    }
    tls = std::move(*loaded);
  }
  RequestSink sink(process, log.get());
  Serving how{.sink = &sink,
              .tls = tls.get(),
              .connections = context.metrics.gauge(process.metrics().connections)};
  switch (worker_class(settings)) {
    case WorkerClass::kGreen:
      break;
    case WorkerClass::kThreads:
      how.threads = static_cast<int>(settings.get(setting::kThreads));
      break;
    case WorkerClass::kSync:
      how.threads = 1;
      break;
  }
  if (log) process.on_reopen([&log] { log->reopen(); });
  serve_http(process, *handler, runtime, gate, how);
  process.on_reopen({});
  if (definition.hooks.worker_exit) definition.hooks.worker_exit(context);
  return kExitOk;
}

// `ctl show tasks` lists the runtime's while one lives.
class ShownRuntime {
 public:
  ShownRuntime(WorkerProcess& process, const runtime::Runtime& runtime) : process_(process) {
    process_.show_tasks_of(&runtime);
  }
  ~ShownRuntime() { process_.show_tasks_of(nullptr); }
  ShownRuntime(const ShownRuntime&) = delete;
  ShownRuntime& operator=(const ShownRuntime&) = delete;

 private:
  WorkerProcess& process_;
};

std::function<http::Role(const http::Request&)> role_needed(const http::Application* application) {
  if (application == nullptr) return {};
  return [application](const http::Request& request) { return application->role_needed(request); };
}

}  // namespace

int run_web_worker(const ServerDefinition& definition, WorkerProcess& process) {
  const Gate gate(process.settings(), process.boot().credentials, addresses(process),
                  {.realm = definition.name,
                   .role_needed = role_needed(definition.application),
                   .login_path = definition.login_path});
  Context context(process, gate);
  StallRelay relay(process, context.stalls());
  runtime::Runtime runtime(runtime_options(process.settings(), &relay));
  const ShownRuntime shown(process, runtime);
  int status = kExitOk;
  runtime.run([&] {
    try {
      status = serve_web(definition, process, context, runtime, gate);
    } catch (const std::exception& error) {
      log_error(fmt::format("the web worker cannot start: {}", error.what()));
      status = kExitBootFailed;
    }
  });
  return status;
}

int run_management(const ServerDefinition& definition, WorkerProcess& process) {
  runtime::Runtime runtime;
  const ShownRuntime shown(process, runtime);
  ManagementHandler handler(process, definition.stored_metrics
                                         ? definition.stored_metrics(process.settings())
                                         : std::function<std::string()>());
  // It has no credentials, and so asks nobody.
  const Gate gate(process.settings(), process.boot().credentials, addresses(process), {});
  runtime.run([&] { serve_http(process, handler, runtime, gate, {}); });
  return kExitOk;
}

}  // namespace saola::server
