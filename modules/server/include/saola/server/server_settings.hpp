// The settings every server has, by their types: `settings.get(setting::kWorkers)`. Their rows
// (default, range, text of --help) are in src/settings/settings_rows.cpp, their meaning in
// docs/settings.md.
//
//   const std::int64_t threads = settings.get(server::setting::kThreads);
//   const Duration drain = settings.get(server::setting::kDrainTimeout);
//
// A Duration is given in seconds, with fractions; a count may be -1, which is "auto". What was read
// has been checked: a number is in its range, a choice one of its words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <saola/server/settings.hpp>

namespace saola::server::setting {

// The TOML file that was read; empty: none.
inline constexpr Setting<std::string> kConfig{"config"};
// Sockets. HOST:PORT, [IPV6]:PORT, unix:PATH or fd://N; the management bind alike, or empty.
inline constexpr Setting<std::vector<std::string>> kBind{"bind"};
inline constexpr Setting<std::int64_t> kBacklog{"backlog"};
inline constexpr Setting<bool> kReusePort{"reuse-port"};
// How soon a vanished client is noticed.
inline constexpr Setting<saola::Duration> kTcpKeepalive{"tcp-keepalive"};
inline constexpr Setting<saola::Duration> kTcpUserTimeout{"tcp-user-timeout"};
// Of unix sockets: octal mode, owner and group.
inline constexpr Setting<std::string> kSocketMode{"socket-mode"};
inline constexpr Setting<std::string> kSocketUser{"socket-user"};
inline constexpr Setting<std::string> kSocketGroup{"socket-group"};
inline constexpr Setting<std::string> kManagementBind{"management-bind"};
// A path, "auto" (in the state directory) or "none".
inline constexpr Setting<std::string> kControlSocket{"control-socket"};
// Web workers: how many processes (-1: one for each core), and what each is: "green", "threads" or
// "sync", or Gunicorn's name for one; worker_class() reads it.
inline constexpr Setting<std::int64_t> kWorkers{"workers"};
inline constexpr Setting<std::string> kWorkerClass{"worker-class"};
// Of class threads: requests at one time.
inline constexpr Setting<std::int64_t> kThreads{"threads"};
// Of class green: connections at one time.
inline constexpr Setting<std::int64_t> kWorkerConnections{"worker-connections"};
// Requests until a worker is replaced, and how many may be added at random; 0: never.
inline constexpr Setting<std::int64_t> kMaxRequests{"max-requests"};
inline constexpr Setting<std::int64_t> kMaxRequestsJitter{"max-requests-jitter"};
// Silence after which a worker is hung; zero: never. Then how long the end may take, and how long a
// server that was asked to stop goes on serving.
inline constexpr Setting<saola::Duration> kTimeout{"timeout"};
inline constexpr Setting<saola::Duration> kGracefulTimeout{"graceful-timeout"};
inline constexpr Setting<saola::Duration> kShutdownDelay{"shutdown-delay"};
// Stalls: "rescue", "report", "ignore" or "abort"; milliseconds; threads away from the loop.
inline constexpr Setting<std::string> kOnStall{"on-stall"};
inline constexpr Setting<std::int64_t> kStallThresholdMs{"stall-threshold-ms"};
inline constexpr Setting<std::int64_t> kMaxRescued{"max-rescued"};
// Task workers: processes (-1: one for each core, 0: none here), and jobs at one time in each.
inline constexpr Setting<std::int64_t> kTaskWorkers{"task-workers"};
inline constexpr Setting<std::int64_t> kTaskThreads{"task-threads"};
// After so many jobs, or above so many bytes of memory, a task worker is replaced; 0: never.
inline constexpr Setting<std::int64_t> kTaskMaxJobs{"task-max-jobs"};
inline constexpr Setting<std::int64_t> kTaskMaxMemory{"task-max-memory"};
// How long running jobs may take to end after a reload.
inline constexpr Setting<saola::Duration> kDrainTimeout{"drain-timeout"};
// HTTP: what a request may be at most, in bytes, but for the number of its fields.
inline constexpr Setting<std::int64_t> kLimitRequestLine{"limit-request-line"};
inline constexpr Setting<std::int64_t> kLimitRequestFields{"limit-request-fields"};
inline constexpr Setting<std::int64_t> kLimitRequestFieldSize{"limit-request-field-size"};
inline constexpr Setting<std::int64_t> kLimitRequestHead{"limit-request-head"};
inline constexpr Setting<std::int64_t> kLimitRequestBody{"limit-request-body"};
// HTTP: how long a client may take; bytes a second on average (0: any).
inline constexpr Setting<saola::Duration> kHeaderTimeout{"header-timeout"};
inline constexpr Setting<saola::Duration> kBodyTimeout{"body-timeout"};
inline constexpr Setting<std::int64_t> kMinBodyRate{"min-body-rate"};
inline constexpr Setting<saola::Duration> kKeepalive{"keepalive"};
// How long the rest of a refused body is read, in all and without a byte.
inline constexpr Setting<saola::Duration> kLingerTime{"linger-time"};
inline constexpr Setting<saola::Duration> kLingerTimeout{"linger-timeout"};
// Where the service lies in a bigger site, "/splits".
inline constexpr Setting<std::string> kRootPath{"root-path"};
// Who is believed: addresses or networks, or "*".
inline constexpr Setting<std::vector<std::string>> kForwardedAllowIps{"forwarded-allow-ips"};
inline constexpr Setting<bool> kProxyProtocol{"proxy-protocol"};
inline constexpr Setting<std::vector<std::string>> kProxyAllowIps{"proxy-allow-ips"};
// TLS: PEM files; both empty: plain text.
inline constexpr Setting<std::string> kCertfile{"certfile"};
inline constexpr Setting<std::string> kKeyfile{"keyfile"};
inline constexpr Setting<std::string> kTlsMinVersion{"tls-min-version"};
inline constexpr Setting<std::string> kCiphers{"ciphers"};
inline constexpr Setting<std::string> kCiphersuites{"ciphersuites"};
inline constexpr Setting<std::string> kCertReqs{"cert-reqs"};
inline constexpr Setting<std::string> kCaCerts{"ca-certs"};
inline constexpr Setting<std::string> kAuthCertificateRole{"auth-certificate-role"};
// Access: which hosts and origins are answered, who a client is, and what it may do.
inline constexpr Setting<std::vector<std::string>> kAllowedHosts{"allowed-hosts"};
inline constexpr Setting<std::vector<std::string>> kCorsOrigins{"cors-origins"};
inline constexpr Setting<std::string> kAuth{"auth"};
inline constexpr Setting<std::string> kAuthTokensFile{"auth-tokens-file"};
inline constexpr Setting<std::vector<std::string>> kAuthTokens{"auth-tokens"};
inline constexpr Setting<std::string> kAuthUserHeader{"auth-user-header"};
inline constexpr Setting<std::string> kAuthRoleHeader{"auth-role-header"};
inline constexpr Setting<std::string> kAuthUserRole{"auth-user-role"};
inline constexpr Setting<saola::Duration> kSessionTime{"session-time"};
// Logs: names of levels, formats and facilities; "-" is standard error, of the access log standard
// output, where it is empty there is none.
inline constexpr Setting<std::string> kLogLevel{"log-level"};
inline constexpr Setting<std::string> kLogFormat{"log-format"};
inline constexpr Setting<std::string> kLogFile{"log-file"};
inline constexpr Setting<std::string> kAccessLog{"access-log"};
inline constexpr Setting<std::string> kAccessLogFormat{"access-log-format"};
inline constexpr Setting<bool> kLogSyslog{"log-syslog"};
inline constexpr Setting<std::string> kLogSyslogTo{"log-syslog-to"};
inline constexpr Setting<std::string> kLogSyslogPrefix{"log-syslog-prefix"};
inline constexpr Setting<std::string> kLogSyslogFacility{"log-syslog-facility"};
inline constexpr Setting<bool> kDisableRedirectAccessToSyslog{"disable-redirect-access-to-syslog"};
// Young deaths in a row that are a crash loop (0: no number is), and until when a death is young.
inline constexpr Setting<std::int64_t> kCrashLimit{"crash-limit"};
inline constexpr Setting<saola::Duration> kCrashWindow{"crash-window"};
// The arbiter as a process. Empty: as it was started.
inline constexpr Setting<std::string> kStateDir{"state-dir"};
inline constexpr Setting<std::string> kPidfile{"pidfile"};
inline constexpr Setting<std::string> kUser{"user"};
inline constexpr Setting<std::string> kGroup{"group"};
inline constexpr Setting<std::string> kUmask{"umask"};
inline constexpr Setting<std::string> kChdir{"chdir"};
inline constexpr Setting<std::string> kProcName{"proc-name"};

}  // namespace saola::server::setting
