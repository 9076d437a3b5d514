#include "settings/access_log_format.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>

#include <fmt/core.h>

#include <saola/base/log.hpp>

namespace saola::server {
namespace {

constexpr std::string_view kAtoms = "hlutrmUqHsBbfaTMDLp";
constexpr std::string_view kNamedAtoms = "ioe";

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
}

std::string_view or_dash(std::string_view text) {
  return text.empty() ? "-" : text;
}

// "192.0.2.1" of "192.0.2.1:4711", "::1" of "[::1]:4711".
std::string_view host_of(std::string_view address) {
  if (address.starts_with('[')) return address.substr(1, address.find(']') - 1);
  return address.substr(0, address.rfind(':'));
}

std::string common_time(SystemTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(time));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("[{:02}/{}/{}:{:02}:{:02}:{:02} +0000]", parts.tm_mday, kMonths[parts.tm_mon],
                     parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

// The caller, else the user of "Authorization: Basic …" (RFC 7617); empty when there is none.
std::string user_of(const http::Request& request) {
  if (!request.caller.name.empty()) return std::string(request.caller.name);
  std::string_view field = request.headers.get_or("Authorization", "");
  if (!http::iequals(field.substr(0, 6), "basic ")) return "";
  field = http::trim(field.substr(6));
  std::string user;
  unsigned bits = 0;
  int count = 0;
  for (const char c : field) {
    static constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) break;
    bits = bits << 6 | static_cast<unsigned>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    const char byte = static_cast<char>(bits >> count & 0xFF);
    if (byte == ':') return user;
    user += byte;
  }
  return "";
}

std::string protocol(const http::Request& request) {
  return fmt::format("HTTP/{}.{}", request.version.major, request.version.minor);
}

double seconds(const http_conn::Access& access) {
  return std::chrono::duration<double>(access.duration).count();
}

std::string json_line(const http_conn::Access& access, std::string_view client) {
  const http::Request& request = access.request;
  std::string out =
      fmt::format(R"({{"time":"{}","pid":{},"status":{},"body_bytes":{},"seconds":{:.6f},)"
                  R"("complete":{})",
                  format_rfc3339(access.started), ::getpid(), access.status, access.body_bytes,
                  seconds(access), access.complete);
  const auto add = [&](std::string_view name, std::string_view text) {
    out += fmt::format(R"(,"{}":")", name);
    append_json_escaped(out, text);
    out += '"';
  };
  add("remote", client);
  add("method", request.method_name);
  add("target", request.target);
  add("protocol", protocol(request));
  add("referer", request.headers.get_or("Referer", ""));
  add("user", request.caller.name);
  add("user_agent", request.headers.get_or("User-Agent", ""));
  add("request_id", request.request_id);
  return out + "}\n";
}

}  // namespace

Result<AccessLogFormat> AccessLogFormat::parse(std::string_view format) {
  AccessLogFormat out;
  out.json_ = format == "json";
  Piece literal;
  while (!format.empty()) {
    if (!format.starts_with("%(")) {
      literal.text += format.front();
      format.remove_prefix(1);
      continue;
    }
    const std::size_t end = format.find(")s");
    std::string_view atom = format.substr(2, end == std::string_view::npos ? 0 : end - 2);
    Piece piece;
    if (atom.size() == 1 && kAtoms.find(atom[0]) != std::string_view::npos) {
      piece.atom = atom[0];
    } else if (atom.size() > 3 && atom[0] == '{' && atom[atom.size() - 2] == '}' &&
               kNamedAtoms.find(atom.back()) != std::string_view::npos) {
      piece = {std::string(atom.substr(1, atom.size() - 3)), atom.back()};
    } else {
      return fail(ErrorCode::kInvalidArgument,
                  "'{}' is no atom: there are %(X)s with X of {}, %({{name}}i)s, %({{name}}o)s and "
                  "%({{name}}e)s",
                  format.substr(0, end == std::string_view::npos ? end : end + 2), kAtoms);
    }
    out.pieces_.push_back(std::exchange(literal, {}));
    out.pieces_.push_back(std::move(piece));
    format.remove_prefix(end + 2);
  }
  out.pieces_.push_back(std::move(literal));
  return out;
}

std::string AccessLogFormat::line(const http_conn::Access& access, std::string_view client) const {
  if (json_) return json_line(access, client);
  const http::Request& request = access.request;
  std::string out;
  for (const Piece& piece : pieces_) {
    switch (piece.atom) {
      case 0:
        out += piece.text;
        break;
      case 'h':
        append_escaped(out, or_dash(host_of(client)));
        break;
      case 'l':
        out += '-';
        break;
      case 'u':
        append_escaped(out, or_dash(user_of(request)));
        break;
      case 't':
        out += common_time(access.started);
        break;
      case 'r':
        append_escaped(out, request.method_name);
        out += ' ';
        append_escaped(out, request.target);
        out += ' ' + protocol(request);
        break;
      case 'm':
        append_escaped(out, or_dash(request.method_name));
        break;
      case 'U':
        append_escaped(out, or_dash(request.raw_path));
        break;
      case 'q':
        append_escaped(out, request.query);
        break;
      case 'H':
        out += protocol(request);
        break;
      case 's':
        out += fmt::format("{}", access.status);
        break;
      case 'B':
        out += fmt::format("{}", access.body_bytes);
        break;
      case 'b':
        out += access.body_bytes == 0 ? "-" : fmt::format("{}", access.body_bytes);
        break;
      case 'f':
        append_escaped(out, or_dash(request.headers.get_or("Referer", "")));
        break;
      case 'a':
        append_escaped(out, or_dash(request.headers.get_or("User-Agent", "")));
        break;
      case 'T':
        out += fmt::format("{}", static_cast<long>(seconds(access)));
        break;
      case 'M':
        out += fmt::format("{}", access.duration.count() / 1'000'000);
        break;
      case 'D':
        out += fmt::format("{}", access.duration.count() / 1'000);
        break;
      case 'L':
        out += fmt::format("{:.6f}", seconds(access));
        break;
      case 'p':
        out += fmt::format("<{}>", ::getpid());
        break;
      case 'i':
        append_escaped(out, or_dash(request.headers.get_or(piece.text, "")));
        break;
      case 'o':
        append_escaped(out, or_dash(access.response_headers.get_or(piece.text, "")));
        break;
      case 'e': {
        const char* text = std::getenv(piece.text.c_str());
        append_escaped(out, text == nullptr ? "-" : text);
        break;
      }
      default:
        break;
    }
  }
  return out + '\n';
}

}  // namespace saola::server
