// The settings every server has, by their types: `settings.get(setting::kWorkers)`. Their rows are in
// src/settings/settings_rows.cpp, their meaning in docs/settings.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <saola/server/settings.hpp>

namespace saola::server::setting {

inline constexpr Setting<std::string> kConfig{"config"};
inline constexpr Setting<std::vector<std::string>> kBind{"bind"};
inline constexpr Setting<std::int64_t> kBacklog{"backlog"};
inline constexpr Setting<bool> kReusePort{"reuse-port"};
inline constexpr Setting<saola::Duration> kTcpKeepalive{"tcp-keepalive"};
inline constexpr Setting<saola::Duration> kTcpUserTimeout{"tcp-user-timeout"};
inline constexpr Setting<std::string> kSocketMode{"socket-mode"};
inline constexpr Setting<std::string> kSocketUser{"socket-user"};
inline constexpr Setting<std::string> kSocketGroup{"socket-group"};
inline constexpr Setting<std::string> kManagementBind{"management-bind"};
inline constexpr Setting<std::string> kControlSocket{"control-socket"};
inline constexpr Setting<std::int64_t> kWorkers{"workers"};
inline constexpr Setting<std::string> kWorkerClass{"worker-class"};
inline constexpr Setting<std::int64_t> kThreads{"threads"};
inline constexpr Setting<std::int64_t> kWorkerConnections{"worker-connections"};
inline constexpr Setting<std::int64_t> kMaxRequests{"max-requests"};
inline constexpr Setting<std::int64_t> kMaxRequestsJitter{"max-requests-jitter"};
inline constexpr Setting<saola::Duration> kTimeout{"timeout"};
inline constexpr Setting<saola::Duration> kGracefulTimeout{"graceful-timeout"};
inline constexpr Setting<saola::Duration> kShutdownDelay{"shutdown-delay"};
inline constexpr Setting<std::string> kOnStall{"on-stall"};
inline constexpr Setting<std::int64_t> kStallThresholdMs{"stall-threshold-ms"};
inline constexpr Setting<std::int64_t> kMaxRescued{"max-rescued"};
inline constexpr Setting<std::int64_t> kTaskWorkers{"task-workers"};
inline constexpr Setting<std::int64_t> kTaskThreads{"task-threads"};
inline constexpr Setting<std::int64_t> kTaskMaxJobs{"task-max-jobs"};
inline constexpr Setting<std::int64_t> kTaskMaxMemory{"task-max-memory"};
inline constexpr Setting<saola::Duration> kDrainTimeout{"drain-timeout"};
inline constexpr Setting<std::int64_t> kLimitRequestLine{"limit-request-line"};
inline constexpr Setting<std::int64_t> kLimitRequestFields{"limit-request-fields"};
inline constexpr Setting<std::int64_t> kLimitRequestFieldSize{"limit-request-field-size"};
inline constexpr Setting<std::int64_t> kLimitRequestHead{"limit-request-head"};
inline constexpr Setting<std::int64_t> kLimitRequestBody{"limit-request-body"};
inline constexpr Setting<saola::Duration> kHeaderTimeout{"header-timeout"};
inline constexpr Setting<saola::Duration> kBodyTimeout{"body-timeout"};
inline constexpr Setting<std::int64_t> kMinBodyRate{"min-body-rate"};
inline constexpr Setting<saola::Duration> kKeepalive{"keepalive"};
inline constexpr Setting<saola::Duration> kLingerTime{"linger-time"};
inline constexpr Setting<saola::Duration> kLingerTimeout{"linger-timeout"};
inline constexpr Setting<std::vector<std::string>> kForwardedAllowIps{"forwarded-allow-ips"};
inline constexpr Setting<bool> kProxyProtocol{"proxy-protocol"};
inline constexpr Setting<std::vector<std::string>> kProxyAllowIps{"proxy-allow-ips"};
inline constexpr Setting<std::string> kCertfile{"certfile"};
inline constexpr Setting<std::string> kKeyfile{"keyfile"};
inline constexpr Setting<std::string> kTlsMinVersion{"tls-min-version"};
inline constexpr Setting<std::string> kCiphers{"ciphers"};
inline constexpr Setting<std::string> kCiphersuites{"ciphersuites"};
inline constexpr Setting<std::string> kCertReqs{"cert-reqs"};
inline constexpr Setting<std::string> kCaCerts{"ca-certs"};
inline constexpr Setting<std::string> kAuthCertificateRole{"auth-certificate-role"};
inline constexpr Setting<std::vector<std::string>> kAllowedHosts{"allowed-hosts"};
inline constexpr Setting<std::vector<std::string>> kCorsOrigins{"cors-origins"};
inline constexpr Setting<std::string> kAuth{"auth"};
inline constexpr Setting<std::string> kAuthTokensFile{"auth-tokens-file"};
inline constexpr Setting<std::vector<std::string>> kAuthTokens{"auth-tokens"};
inline constexpr Setting<std::string> kAuthUserHeader{"auth-user-header"};
inline constexpr Setting<std::string> kAuthRoleHeader{"auth-role-header"};
inline constexpr Setting<std::string> kAuthUserRole{"auth-user-role"};
inline constexpr Setting<saola::Duration> kSessionTime{"session-time"};
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
inline constexpr Setting<std::int64_t> kCrashLimit{"crash-limit"};
inline constexpr Setting<saola::Duration> kCrashWindow{"crash-window"};
inline constexpr Setting<std::string> kStateDir{"state-dir"};
inline constexpr Setting<std::string> kPidfile{"pidfile"};
inline constexpr Setting<std::string> kUser{"user"};
inline constexpr Setting<std::string> kGroup{"group"};
inline constexpr Setting<std::string> kUmask{"umask"};
inline constexpr Setting<std::string> kChdir{"chdir"};
inline constexpr Setting<std::string> kProcName{"proc-name"};

}  // namespace saola::server::setting
