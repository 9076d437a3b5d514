// Settings whose text stands for more. The table has checked the texts, so they can be parsed.
#pragma once

#include <algorithm>

#include <saola/base/cores.hpp>
#include <saola/http_conn/tls.hpp>
#include <saola/server/server_settings.hpp>

#include "settings/access_log_format.hpp"
#include "settings/syslog_address.hpp"
#include "settings/trusted_proxies.hpp"
#include "settings/worker_class.hpp"

namespace saola::server {

inline WorkerClass worker_class(const Settings& settings) {
  return *parse_worker_class(settings.get(setting::kWorkerClass));
}

inline AccessLogFormat access_log_format(const Settings& settings) {
  return *AccessLogFormat::parse(settings.get(setting::kAccessLogFormat));
}

inline SyslogAddress syslog_address(const Settings& settings) {
  return *SyslogAddress::parse(settings.get(setting::kLogSyslogTo));
}

inline TrustedProxies trusted_proxies(const Settings& settings,
                                      const Setting<std::vector<std::string>>& which) {
  return *TrustedProxies::parse(settings.get(which));
}

inline http_conn::TlsOptions tls_options(const Settings& settings) {
  using Options = http_conn::TlsOptions;
  const std::string& asked = settings.get(setting::kCertReqs);
  return {.certificate_file = settings.get(setting::kCertfile),
          .key_file = settings.get(setting::kKeyfile),
          .least = settings.get(setting::kTlsMinVersion) == "1.3" ? Options::Version::k13
                                                                  : Options::Version::k12,
          .ciphers = settings.get(setting::kCiphers),
          .cipher_suites = settings.get(setting::kCiphersuites),
          .client_certificate = asked == "required"   ? Options::ClientCertificate::kRequired
                                : asked == "optional" ? Options::ClientCertificate::kOptional
                                                      : Options::ClientCertificate::kNone,
          .ca_file = settings.get(setting::kCaCerts)};
}

// "auto" counts the cores that this process may use.
inline int process_count(const Settings& settings, const Setting<std::int64_t>& which) {
  const std::int64_t number = settings.get(which);
  return number < 0 ? static_cast<int>(allowed_cores()) : static_cast<int>(number);
}

}  // namespace saola::server
