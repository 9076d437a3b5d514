// The settings every server has. Names and defaults are Gunicorn's wherever the thing is the same.
#include <charconv>

#include <saola/http/headers.hpp>
#include <saola/server/server_settings.hpp>
#include <saola/server/settings.hpp>

#include "settings/access_log_format.hpp"
#include "settings/bind_address.hpp"
#include "settings/syslog_address.hpp"
#include "settings/trusted_proxies.hpp"
#include "settings/worker_class.hpp"

namespace saola::server {
namespace {

Result<void> check_bind(std::string_view text) {
  if (auto parsed = BindAddress::parse(text); !parsed) return fail(parsed);
  return {};
}

Result<void> check_bind_or_none(std::string_view text) {
  return text.empty() ? Result<void>() : check_bind(text);
}

Result<void> check_worker_class(std::string_view text) {
  if (auto parsed = parse_worker_class(text); !parsed) return fail(parsed);
  return {};
}

Result<void> check_proxy(std::string_view text) {
  if (auto parsed = TrustedProxies::parse({std::string(text)}); !parsed) {
    return fail(parsed);
  }
  return {};
}

Result<void> check_field_name(std::string_view text) {
  if (text.empty() || http::is_token(text)) return {};
  return fail(ErrorCode::kInvalidArgument, "write the name of a header field, as X-Remote-User");
}

Result<void> check_root_path(std::string_view text) {
  if (is_prefix(text)) return {};
  return fail(ErrorCode::kInvalidArgument,
              "give a path such as /splits, of letters, digits and -._~, without a last /");
}

Result<void> check_access_format(std::string_view text) {
  if (auto parsed = AccessLogFormat::parse(text); !parsed) return fail(parsed);
  return {};
}

Result<void> check_syslog(std::string_view text) {
  if (auto parsed = SyslogAddress::parse(text); !parsed) return fail(parsed);
  return {};
}

std::vector<std::string> syslog_facility_names() {
  std::vector<std::string> names;
  for (const auto& [name, number] : syslog_facilities()) names.push_back(name);
  return names;
}

Result<void> check_mode(std::string_view text) {
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || mode > 0777) {
    return fail(ErrorCode::kInvalidArgument, "give an octal mode such as 027");
  }
  return {};
}

}  // namespace

std::vector<SettingRow> server_rows() {
  using enum SettingType;
  return {
      {.section = "Config file",
       .key = setting::kConfig.key,
       .type = kText,
       .default_value = "",
       .doc = "TOML file with settings.",
       .shape = "FILE",
       .letter = 'c',
       .takes_effect = TakesEffect::kRestart},

      {.section = "Sockets",
       .key = setting::kBind.key,
       .type = kList,
       .default_value = "127.0.0.1:8000",
       .doc = "Where to listen: HOST:PORT, [IPV6]:PORT, unix:PATH or fd://N (an inherited "
              "descriptor). Port 0 lets the kernel choose. Sockets that systemd passes are used "
              "instead when nothing is given.",
       .shape = "ADDRESS",
       .letter = 'b',
       .check = check_bind},
      {.section = "Sockets",
       .key = setting::kBacklog.key,
       .type = kInteger,
       .default_value = "2048",
       .doc = "Connections that may wait to be accepted.",
       .min = 1,
       .max = 65535},
      {.section = "Sockets",
       .key = setting::kReusePort.key,
       .type = kBool,
       .default_value = "false",
       .doc = "Set SO_REUSEPORT, so that another server may share the port.",
       .takes_effect = TakesEffect::kRestart},
      {.section = "Sockets",
       .key = setting::kTcpKeepalive.key,
       .type = kSeconds,
       .default_value = "30",
       .doc =
           "After this much silence the kernel asks whether a client is still there, again after "
           "each third of it, and closes the connection after three questions without an answer. "
           "0: it never asks.",
       .max = 32'767},
      {.section = "Sockets",
       .key = setting::kTcpUserTimeout.key,
       .type = kSeconds,
       .default_value = "60",
       .doc = "How long bytes sent to a client may wait for its acknowledgement; then it has "
              "vanished and its connection is closed. 0: as long as the kernel likes, about 15 "
              "minutes.",
       .max = 86'400},
      {.section = "Sockets",
       .key = setting::kSocketMode.key,
       .type = kText,
       .default_value = "666",
       .doc = "Mode of the unix sockets of bind and management-bind, octal, whatever umask is. Who "
              "may write to a socket may connect: all local users by default, as with a loopback "
              "port; 660 with socket-group: the proxy's group only.",
       .shape = "MODE",
       .check = check_mode},
      {.section = "Sockets",
       .key = setting::kSocketUser.key,
       .type = kText,
       .default_value = "",
       .doc = "Owner (name or id) of the unix sockets. Empty: the workers' user.",
       .shape = "USER"},
      {.section = "Sockets",
       .key = setting::kSocketGroup.key,
       .type = kText,
       .default_value = "",
       .doc = "Group (name or id) of the unix sockets. Empty: the workers' group.",
       .shape = "GROUP"},
      {.section = "Sockets",
       .key = setting::kManagementBind.key,
       .type = kText,
       .default_value = "",
       .doc =
           "A separate address that answers /healthz, /readyz and /metrics from a process of its "
           "own, also while every web worker is busy. Empty: none.",
       .shape = "ADDRESS",
       .check = check_bind_or_none},
      {.section = "Sockets",
       .key = setting::kControlSocket.key,
       .type = kText,
       .default_value = "auto",
       .doc = "Unix socket (mode 0600) that `saola ctl` talks to. auto: control.sock in the state "
              "directory; none: no control socket.",
       .shape = "PATH|auto|none",
       .takes_effect = TakesEffect::kRestart},

      {.section = "Web workers",
       .key = setting::kWorkers.key,
       .type = kCount,
       .default_value = "auto",
       .doc = "Web worker processes. auto: one per core that affinity and the cgroup's CPU quota "
              "allow.",
       .letter = 'w',
       .min = 1,
       .max = 1024},
      {.section = "Web workers",
       .key = setting::kWorkerClass.key,
       .type = kText,
       .default_value = "green",
       .doc =
           "How a web worker runs requests: green (fibers on one loop that cannot be frozen), "
           "threads (a bounded pool of native threads), sync (one request at a time). Gunicorn's "
           "names gevent, eventlet (green) and gthread (threads) are accepted.",
       .shape = "green|threads|sync",
       .letter = 'k',
       .check = check_worker_class},
      {.section = "Web workers",
       .key = setting::kThreads.key,
       .type = kInteger,
       .default_value = "16",
       .doc = "Native threads of a worker of class threads.",
       .min = 1,
       .max = 4096},
      {.section = "Web workers",
       .key = setting::kWorkerConnections.key,
       .type = kInteger,
       .default_value = "16384",
       .doc = "Connections a web worker holds at once; fewer if the limit of open files (raised to "
              "the hard one at start) is too low. Beyond, an idle one is closed for each new one, "
              "or it waits in the backlog.",
       .min = 1,
       .max = 1'000'000},
      {.section = "Web workers",
       .key = setting::kMaxRequests.key,
       .type = kInteger,
       .default_value = "0",
       .doc =
           "Requests after which a web worker finishes its connections and is replaced. 0: never."},
      {.section = "Web workers",
       .key = setting::kMaxRequestsJitter.key,
       .type = kInteger,
       .default_value = "0",
       .doc = "Up to this many requests are added to max-requests, at random for each worker."},
      {.section = "Web workers",
       .key = setting::kTimeout.key,
       .type = kSeconds,
       .default_value = "30",
       .doc = "A worker whose loop has not moved for this long is hung: its stacks are written, it "
              "is killed and replaced. No job, no rescued fiber and no slow client can cause that. "
              "0: never.",
       .letter = 't'},
      {.section = "Web workers",
       .key = setting::kGracefulTimeout.key,
       .type = kSeconds,
       .default_value = "30",
       .doc = "How long requests in flight (and, when the server stops, running jobs) may take to "
              "finish. Event streams end at once and ask their clients to come back."},
      {.section = "Web workers",
       .key = setting::kShutdownDelay.key,
       .type = kSeconds,
       .default_value = "0",
       .doc = "How long a server that was told to stop (TERM) goes on as before while /readyz "
              "already answers 503, so that a load balancer takes it out before it stops "
              "accepting."},

      {.section = "Stalls",
       .key = setting::kOnStall.key,
       .type = kChoice,
       .default_value = "rescue",
       .doc =
           "What to do about a fiber that holds the loop of a green worker while others wait: "
           "rescue (move the loop to another thread), report, ignore, abort (replace the worker).",
       .choices = {"rescue", "report", "ignore", "abort"}},
      {.section = "Stalls",
       .key = setting::kStallThresholdMs.key,
       .type = kInteger,
       .default_value = "10",
       .doc = "How long a fiber may hold the loop while others wait, in milliseconds.",
       .min = 1,
       .max = 60'000},
      {.section = "Stalls",
       .key = setting::kMaxRescued.key,
       .type = kInteger,
       .default_value = "1024",
       .doc =
           "Threads of a worker that run fibers away from its event loop, those that wait in the "
           "kernel included. Beyond it a fiber that hogs the loop keeps it until one is free, and "
           "the worker answers 503 meanwhile.",
       .min = 1,
       .max = 16384},

      {.section = "Task workers",
       .key = setting::kTaskWorkers.key,
       .type = kCount,
       .default_value = "auto",
       .doc = "Task worker processes. auto: one per allowed core; 0: none here.",
       .min = 0,
       .max = 1024},
      {.section = "Task workers",
       .key = setting::kTaskThreads.key,
       .type = kInteger,
       .default_value = "1",
       .doc = "Jobs that one task worker runs at the same time.",
       .min = 1,
       .max = 1024},
      {.section = "Task workers",
       .key = setting::kTaskMaxJobs.key,
       .type = kInteger,
       .default_value = "0",
       .doc = "Jobs after which a task worker finishes those it runs and is replaced. 0: never."},
      {.section = "Task workers",
       .key = setting::kTaskMaxMemory.key,
       .type = kBytes,
       .default_value = "0",
       .doc =
           "Resident memory that a task worker may keep after a job, when what was freed has been "
           "given back to the system; with more it is replaced likewise. 0: any."},
      {.section = "Task workers",
       .key = setting::kDrainTimeout.key,
       .type = kSeconds,
       .default_value = "3600",
       .doc =
           "After a reload or an upgrade: how long an old task worker may finish its running jobs "
           "while the new ones work. After that they are put back into the queue."},

      {.section = "HTTP",
       .key = setting::kLimitRequestLine.key,
       .type = kInteger,
       .default_value = "4094",
       .doc = "Longest request line, in bytes (414 beyond).",
       .min = 64,
       .max = 65'536},
      {.section = "HTTP",
       .key = setting::kLimitRequestFields.key,
       .type = kInteger,
       .default_value = "100",
       .doc = "Most header fields of a request (431 beyond).",
       .min = 1,
       .max = 32'768},
      {.section = "HTTP",
       .key = setting::kLimitRequestFieldSize.key,
       .type = kInteger,
       .default_value = "8190",
       .doc = "Longest header field with its line end, in bytes (431 beyond).",
       .min = 64,
       .max = 1 << 20},
      {.section = "HTTP",
       .key = setting::kLimitRequestHead.key,
       .type = kBytes,
       .default_value = "256K",
       .doc = "Longest head of a request, that is request line and all header fields together (431 "
              "beyond). As much memory as a connection takes while it sends one; fewer than "
              "limit-request-fields of the greatest size fit.",
       .min = 64,
       .max = 64 << 20},
      {.section = "HTTP",
       .key = setting::kLimitRequestBody.key,
       .type = kBytes,
       .default_value = "64M",
       .doc = "Longest request body (413 beyond)."},
      {.section = "HTTP",
       .key = setting::kHeaderTimeout.key,
       .type = kSeconds,
       .default_value = "10",
       .doc = "A request's head must have arrived after this long (408).",
       .min = 0},
      {.section = "HTTP",
       .key = setting::kBodyTimeout.key,
       .type = kSeconds,
       .default_value = "30",
       .doc = "Longest wait for the next bytes of a body, or for a client to take a response's."},
      {.section = "HTTP",
       .key = setting::kMinBodyRate.key,
       .type = kInteger,
       .default_value = "240",
       .doc = "Bytes a second that a client has to send of a body, or take of a response, on "
              "average; slower ones use up body-timeout and are cut. 0: a byte now and then is "
              "enough.",
       .min = 0,
       .max = 1 << 30},
      {.section = "HTTP",
       .key = setting::kKeepalive.key,
       .type = kSeconds,
       .default_value = "5",
       .doc = "How long an idle connection is kept for its next request.",
       .also = "keep-alive"},
      {.section = "HTTP",
       .key = setting::kLingerTime.key,
       .type = kSeconds,
       .default_value = "30",
       .doc =
           "How long the rest of a body that is refused (413, 404, …) is read and thrown away, so "
           "that a client that sends all before it reads sees the answer instead of a reset."},
      {.section = "HTTP",
       .key = setting::kLingerTimeout.key,
       .type = kSeconds,
       .default_value = "5",
       .doc = "The longest silence of such a client; then its connection is closed."},
      {.section = "HTTP",
       .key = setting::kRootPath.key,
       .type = kText,
       .default_value = "",
       .doc =
           "Where the service lies in a bigger site, such as /splits: it goes before the paths of "
           "Location fields, links, the dashboard and openapi.json. Requests may come with it "
           "or without. A trusted proxy's X-Forwarded-Prefix wins; it has taken the prefix off.",
       .shape = "/PATH",
       .check = check_root_path},
      {.section = "HTTP",
       .key = setting::kForwardedAllowIps.key,
       .type = kList,
       .default_value = "127.0.0.1,::1",
       .doc = "Addresses or networks (CIDR) of proxies whose X-Forwarded-* fields are believed; * "
              "for all.",
       .shape = "ADDRESS",
       .check = check_proxy},

      {.section = "HTTP",
       .key = setting::kProxyProtocol.key,
       .type = kBool,
       .default_value = "false",
       .doc =
           "Connections from the addresses in proxy-allow-ips begin with a PROXY header (version "
           "1 or 2) that names the client."},
      {.section = "HTTP",
       .key = setting::kProxyAllowIps.key,
       .type = kList,
       .default_value = "127.0.0.1,::1",
       .doc = "Addresses or networks (CIDR) that send a PROXY header; * for all. Others are taken "
              "for clients.",
       .shape = "ADDRESS",
       .also = "proxy-allow-from",
       .check = check_proxy},

      {.section = "TLS",
       .key = setting::kCertfile.key,
       .type = kText,
       .default_value = "",
       .doc = "PEM file with the server's certificate and its chain: every bind but the management "
              "one then speaks TLS 1.2 or later. Read by each worker when it starts, so HUP puts a "
              "new one in use.",
       .shape = "FILE"},
      {.section = "TLS",
       .key = setting::kKeyfile.key,
       .type = kText,
       .default_value = "",
       .doc = "PEM file with the certificate's key, not encrypted.",
       .shape = "FILE"},

      {.section = "TLS",
       .key = setting::kTlsMinVersion.key,
       .type = kChoice,
       .default_value = "1.2",
       .doc = "Oldest version of TLS that is spoken.",
       .choices = {"1.2", "1.3"}},
      {.section = "TLS",
       .key = setting::kCiphers.key,
       .type = kText,
       .default_value = "",
       .doc =
           "Cipher suites of TLS 1.2, as `openssl ciphers` takes them. Empty: those with forward "
           "secrecy and authenticated encryption (ECDHE with AES-GCM or ChaCha20-Poly1305).",
       .shape = "LIST"},
      {.section = "TLS",
       .key = setting::kCiphersuites.key,
       .type = kText,
       .default_value = "",
       .doc = "Cipher suites of TLS 1.3, separated by colons. Empty: OpenSSL's default.",
       .shape = "LIST"},
      {.section = "TLS",
       .key = setting::kCertReqs.key,
       .type = kChoice,
       .default_value = "none",
       .doc =
           "Whether clients show a certificate: none; optional (one that is shown must be good); "
           "required (without a good one there is no connection). The application sees its "
           "subject.",
       .choices = {"none", "optional", "required"}},
      {.section = "TLS",
       .key = setting::kCaCerts.key,
       .type = kText,
       .default_value = "",
       .doc = "PEM file of the authorities that sign clients' certificates.",
       .shape = "FILE"},

      {.section = "Access",
       .key = setting::kAllowedHosts.key,
       .type = kList,
       .default_value = "",
       .doc =
           "Names by which the server may be asked, as example.org, *.example.org or *; others "
           "are answered 421. Names without a dot (localhost) and loopback addresses always are "
           "good. Empty: when only this machine can connect, those alone, so that no foreign page "
           "can have its name resolve to this server; else any.",
       .shape = "HOST"},
      {.section = "Access",
       .key = setting::kCorsOrigins.key,
       .type = kList,
       .default_value = "",
       .doc =
           "Pages of other sites that may use the API from a browser (CORS), as "
           "https://app.example.org; * for all. They send a token; cookies do not count for them. "
           "Without it, what another site's page sends to change something is refused.",
       .shape = "ORIGIN"},
      {.section = "Access",
       .key = setting::kAuth.key,
       .type = kChoice,
       .default_value = "auto",
       .doc = "Whether callers are asked who they are. auto: yes as soon as there is a token or "
              "auth-user-header; without either, binds that other machines can reach are refused. "
              "required: a start without either is refused. none: everybody who can connect may do "
              "everything. The control socket and the management bind ask nobody.",
       .choices = {"auto", "required", "none"}},
      {.section = "Access",
       .key = setting::kAuthTokensFile.key,
       .type = kText,
       .default_value = "",
       .doc = "File with the tokens that are let in, a line NAME ROLE sha256:HEX for each, as "
              "`token new` prints it; it may be root's alone. Roles: read; submit (start jobs); "
              "operate (cancel and retry them); each includes those before it.",
       .shape = "FILE"},
      {.section = "Access",
       .key = setting::kAuthTokens.key,
       .type = kList,
       .default_value = "",
       .doc = "More such lines, for containers: the environment then holds no secret either.",
       .shape = "LINE"},
      {.section = "Access",
       .key = setting::kAuthUserHeader.key,
       .type = kText,
       .default_value = "",
       .doc = "Field in which a proxy with single sign-on names its user, such as X-Remote-User. "
              "Believed from the proxies in forwarded-allow-ips and from unix sockets only; these "
              "must remove it from what clients send. Empty: none.",
       .shape = "FIELD",
       .check = check_field_name},
      {.section = "Access",
       .key = setting::kAuthRoleHeader.key,
       .type = kText,
       .default_value = "",
       .doc = "Field in which that proxy lists the user's role, perhaps among groups: read, submit "
              "or operate; the highest counts, none of them is no role. Empty: auth-user-role.",
       .shape = "FIELD",
       .check = check_field_name},
      {.section = "Access",
       .key = setting::kAuthUserRole.key,
       .type = kChoice,
       .default_value = "read",
       .doc = "Role of the users that a proxy names without saying more.",
       .choices = {"none", "read", "submit", "operate"}},
      {.section = "Access",
       .key = setting::kAuthCertificateRole.key,
       .type = kChoice,
       .default_value = "none",
       .doc = "Role of clients that show a certificate (cert-reqs) and nothing else.",
       .choices = {"none", "read", "submit", "operate"}},
      {.section = "Access",
       .key = setting::kSessionTime.key,
       .type = kSeconds,
       .default_value = "43200",
       .doc = "How long a browser stays logged in.",
       .min = 1},

      {.section = "Logging",
       .key = setting::kLogLevel.key,
       .type = kChoice,
       .default_value = "info",
       .doc = "Least level that is logged.",
       .choices = {"debug", "info", "warning", "error", "critical"}},
      {.section = "Logging",
       .key = setting::kLogFormat.key,
       .type = kChoice,
       .default_value = "text",
       .doc = "Log lines for people or for machines.",
       .choices = {"text", "json"}},
      {.section = "Logging",
       .key = setting::kLogFile.key,
       .type = kText,
       .default_value = "-",
       .doc = "File of the log; - is standard error. Reopened on USR1.",
       .shape = "FILE",
       .also = "error-logfile"},
      {.section = "Logging",
       .key = setting::kAccessLog.key,
       .type = kText,
       .default_value = "",
       .doc = "File of the access log; - is standard output; empty: none. Reopened on USR1.",
       .shape = "FILE",
       .also = "access-logfile"},
      {.section = "Logging",
       .key = setting::kAccessLogFormat.key,
       .type = kText,
       .default_value = R"(%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s")",
       .doc = "Line of the access log in Gunicorn's atoms, or json.",
       .also = "access-logformat",
       .check = check_access_format},

      {.section = "Logging",
       .key = setting::kLogSyslog.key,
       .type = kBool,
       .default_value = "false",
       .doc = "Send the log to syslog as well, and the access log too, also when access-log is "
              "empty. --log-file /dev/null leaves only syslog."},
      {.section = "Logging",
       .key = setting::kLogSyslogTo.key,
       .type = kText,
       .default_value = "unix:///dev/log",
       .doc = "Where syslog listens. Nothing waits for it: up to 256 KiB of lines in each process "
              "do while it is away or slow; lines beyond are lost and counted.",
       .shape = "udp://HOST:PORT|tcp://HOST:PORT|unix:///PATH[#dgram|#stream]",
       .check = check_syslog},
      {.section = "Logging",
       .key = setting::kLogSyslogPrefix.key,
       .type = kText,
       .default_value = "",
       .doc = "Name of the program in syslog; lines of the access log have .access behind it. "
              "Empty: that of proc-name."},
      {.section = "Logging",
       .key = setting::kLogSyslogFacility.key,
       .type = kChoice,
       .default_value = "user",
       .doc = "Syslog's facility.",
       .shape = "FACILITY",
       .choices = syslog_facility_names()},
      {.section = "Logging",
       .key = setting::kDisableRedirectAccessToSyslog.key,
       .type = kBool,
       .default_value = "false",
       .doc = "Keep the access log out of syslog."},

      {.section = "Process",
       .key = setting::kCrashLimit.key,
       .type = kInteger,
       .default_value = "10",
       .doc = "Workers of one kind that may die young in a row before a server that never got "
              "ready stops with an error. One that was ready goes on, with pauses that grow to 5 s "
              "before each new worker, and logs it once. 0: go on for ever.",
       .max = 100'000},
      {.section = "Process",
       .key = setting::kCrashWindow.key,
       .type = kSeconds,
       .default_value = "10",
       .doc = "A worker that ends uninvited before it has served for this long has died young; one "
              "that serves for longer ends the row."},
      {.section = "Process",
       .key = setting::kStateDir.key,
       .type = kText,
       .default_value = "var",
       .doc = "Directory for what the server keeps; made when missing.",
       .shape = "DIRECTORY",
       .takes_effect = TakesEffect::kRestart},
      {.section = "Process",
       .key = setting::kPidfile.key,
       .type = kText,
       .default_value = "",
       .doc = "File to write the arbiter's process id to. Empty: none.",
       .shape = "FILE",
       .letter = 'p',
       .also = "pid"},
      {.section = "Process",
       .key = setting::kUser.key,
       .type = kText,
       .default_value = "",
       .doc = "User (name or id) that workers run as.",
       .shape = "USER",
       .letter = 'u'},
      {.section = "Process",
       .key = setting::kGroup.key,
       .type = kText,
       .default_value = "",
       .doc = "Group (name or id) that workers run as.",
       .shape = "GROUP",
       .letter = 'g'},
      {.section = "Process",
       .key = setting::kUmask.key,
       .type = kText,
       .default_value = "022",
       .doc =
           "File mode bits that are taken away from what the server creates, octal; sockets have "
           "socket-mode. The state directory is never made writable for others.",
       .shape = "MODE",
       .letter = 'm',
       .check = check_mode},
      {.section = "Process",
       .key = setting::kChdir.key,
       .type = kText,
       .default_value = "",
       .doc = "Directory to change to before anything is opened.",
       .shape = "DIRECTORY",
       .takes_effect = TakesEffect::kRestart},
      {.section = "Process",
       .key = setting::kProcName.key,
       .type = kText,
       .default_value = "",
       .doc = "Name in process titles. Empty: the program's name.",
       .shape = "NAME",
       .letter = 'n',
       .also = "name"},
  };
}

Result<void> check_server_settings(const Settings& settings) {
  if (settings.get(setting::kCertfile).empty() != settings.get(setting::kKeyfile).empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "TLS needs both --certfile and --keyfile; only one of them is given");
  }
  const bool asks = settings.get(setting::kCertReqs) != "none";
  if (asks && settings.get(setting::kCertfile).empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        "cert-reqs asks for clients' certificates, but without --certfile nobody speaks TLS");
  }
  if (asks != !settings.get(setting::kCaCerts).empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        "cert-reqs and ca-certs belong together: which clients' certificates are asked for, "
        "and who may have signed them");
  }
  if (!asks && settings.get(setting::kAuthCertificateRole) != "none") {
    return fail(ErrorCode::kInvalidArgument,
                "auth-certificate-role takes cert-reqs optional or required; nobody is asked for a "
                "certificate now");
  }
  if (settings.get(setting::kBind).empty()) {
    return fail(ErrorCode::kInvalidArgument, "bind is empty: the server would listen nowhere");
  }
  return {};
}

}  // namespace saola::server
