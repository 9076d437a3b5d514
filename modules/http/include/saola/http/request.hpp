// A request as a handler sees it.
//
//   http::Response handle(http::Request& request) override {
//     if (request.method != http::Method::kPost) return http::Response(405);
//     const Result<std::string> body = request.body->read_all(1 << 20);
//     if (!body) return http::problem_response(http::problem_from(body.error()));
//     return {200, "text/plain", *body};
//   }
#pragma once

#include <functional>
#include <stop_token>
#include <string_view>

#include <saola/http/access.hpp>
#include <saola/http/body.hpp>
#include <saola/http/headers.hpp>
#include <saola/http/method.hpp>

namespace saola::http {

// Of HTTP: 1.1 or 1.0.
struct Version {
  int major = 1;
  int minor = 1;

  friend auto operator<=>(const Version&, const Version&) = default;
};

// Runs pieces of a handler's work where they harm others least; the server's to implement.
//
//   if (request.placer != nullptr) {
//     request.placer->run("route /report", [&] { response = report(request); });
//   }
class Placer {
 public:
  virtual ~Placer() = default;
  // Runs `work`, of a kind such as "route /split", to its end, on this thread or another; rethrows
  // what it throws. SUSPENDS.
  virtual void run(std::string_view kind, std::move_only_function<void()> work) = 0;
};

// Head and body of one request. Every view points into buffers of the connection (or test) that
// made the request and is valid until the handler returns: copy what must live longer. Used by the
// handler's task; a default-made one is "GET /" with nothing in it, for tests.
struct Request {
  Method method = Method::kGet;
  std::string_view method_name = "GET";
  // As received: "/a%20b?x=1", "http://host/a", "host:443" (CONNECT) or "*" (OPTIONS).
  std::string_view target = "/";
  // The path before decoding: split this at '/', then decode the segments. Starts with '/', except
  // "*" of OPTIONS and "" of CONNECT.
  std::string_view raw_path = "/";
  // raw_path percent-decoded once. May hold any byte; dot segments are left as they are.
  std::string_view path = "/";
  // After the first '?', not decoded; empty when there is none.
  std::string_view query;
  // Who is asked: the authority of an absolute target, else the Host field. "example.org:8080".
  std::string_view host;
  Version version;
  HeaderView headers;
  // Never null.
  BodyReader* body = &no_body();
  // "192.0.2.1:4711", "[2001:db8::1]:4711", or "unix"; after a trusted proxy, its client.
  std::string_view remote_address;
  // "http" or "https".
  std::string_view scheme = "http";
  // Of the certificate that the client has shown and the server has checked: "CN=ann,O=Example"
  // (RFC 2253). Empty: it has shown none.
  std::string_view client_certificate;
  // The server has checked that it may ask this.
  Caller caller;
  // Where the application lies in its site, "/splits"; empty: at its root. Paths above are without
  // it; it goes before each absolute path that is sent to a client.
  std::string_view prefix;
  // Names this request in logs; unique within the server.
  std::string_view request_id;
  // Requested when the worker leaves (the server stops, or a successor takes over): whoever waits
  // for something else should answer what there is. Outlives the request; its callbacks must not
  // suspend.
  std::stop_token leaving;
  // Null: the handler runs where it was called.
  Placer* placer = nullptr;
};

}  // namespace saola::http
