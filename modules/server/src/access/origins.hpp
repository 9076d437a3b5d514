// Requests that pages of other sites make a browser send. Every browser marks them: Origin on all
// but simple GETs, and Sec-Fetch-Site where the page's own address can be trusted (HTTPS, loopback).
//
// A request that changes something and comes from elsewhere is refused, unless the setting
// cors-origins names where it comes from; to those pages the answers are shown, too (CORS). They have
// to send a token: cookies of this service are not looked at in what comes from elsewhere.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/http/request.hpp>
#include <saola/http/response.hpp>

namespace saola::server {

// Fails for what is no origin: "https://app.example.org", with a port or without, or "*".
Result<void> check_origin(std::string_view text);

class Origins {
 public:
  explicit Origins(std::vector<std::string> allowed) : allowed_(std::move(allowed)) {}

  // Whether a page of another site sent the request.
  static bool is_foreign(const http::Request& request);
  // Whether cors-origins names where it comes from.
  bool is_allowed(const http::Request& request) const;
  // The answer to a browser that asks what it may send (a CORS preflight) for an allowed page;
  // nullopt: it asks nothing of the kind.
  std::optional<http::Response> preflight(const http::Request& request) const;
  // Lets an allowed page see the response.
  void show(const http::Request& request, http::Response& response) const;

 private:
  std::vector<std::string> allowed_;
};

}  // namespace saola::server
