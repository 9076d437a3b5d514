#include "access/hosts.hpp"

#include <algorithm>

#include <saola/http/uri.hpp>
#include <saola/server/server_settings.hpp>

#include "settings/bind_address.hpp"

namespace saola::server {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  return out;
}

// "Example.org." of "Example.org.:80" as "example.org"; "::1" of "[::1]:80".
std::string host_name(std::string_view host) {
  if (host.starts_with('[')) return lower(host.substr(1, host.find(']') - 1));
  host = host.substr(0, host.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return lower(host);
}

// What no foreign page can be called: a name without a dot, which only the machine and its network
// resolve (localhost, a container's), and an address of loopback.
bool is_local(const std::string& name) {
  if (name.ends_with(".localhost")) return true;
  const bool numeric = name.find(':') != std::string::npos ||
                       name.find_first_not_of("0123456789.") == std::string::npos;
  if (!numeric) return name.find('.') == std::string::npos;
  return reaches_this_machine_only({.host = name});
}

}  // namespace

std::string comparable_host(std::string_view host) {
  std::string out = lower(host);
  for (const std::string_view port : {":80", ":443"}) {
    if (out.ends_with(port)) out.resize(out.size() - port.size());
  }
  if (out.ends_with('.')) out.pop_back();
  return out;
}

Result<void> check_host_pattern(std::string_view text) {
  if (text == "*") return {};
  const std::string_view name = text.starts_with("*.") ? text.substr(2) : text;
  const bool bare_v6 = std::ranges::count(name, ':') > 1 && !name.starts_with('[');
  if (bare_v6 || (http::is_host_and_port(name) && !name.contains('*') &&
                  (name.starts_with('[') || !name.contains(':')))) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              "write a host without a port, as example.org, *.example.org or 192.0.2.1; or *");
}

AllowedHosts::AllowedHosts(const Settings& settings, std::span<const std::string> addresses) {
  const auto& given = settings.get(setting::kAllowedHosts);
  for (const std::string& pattern : given) {
    any_ = any_ || pattern == "*";
    patterns_.push_back(std::ranges::count(pattern, ':') > 1 && !pattern.starts_with('[')
                            ? lower(pattern)
                            : host_name(pattern));
  }
  if (!given.empty()) return;
  unix_ = true;
  for (const std::string& address : addresses) {
    const auto parsed = BindAddress::parse(address);
    any_ = any_ || !parsed || !reaches_this_machine_only(*parsed);
  }
  for (const std::string& bind : settings.get(setting::kBind)) {
    const auto parsed = BindAddress::parse(bind);
    if (parsed && !parsed->host.empty()) patterns_.push_back(lower(parsed->host));
  }
}

bool AllowedHosts::allows(const http::Request& request) const {
  if (any_ || request.host.empty() || (unix_ && request.remote_address.starts_with("unix"))) {
    return true;
  }
  const std::string name = host_name(request.host);
  return is_local(name) || std::ranges::any_of(patterns_, [&](std::string_view pattern) {
           if (!pattern.starts_with("*.")) return name == pattern;
           return name.size() > pattern.size() - 1 && name.ends_with(pattern.substr(1));
         });
}

}  // namespace saola::server
