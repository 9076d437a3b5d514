#include <algorithm>
#include <array>
#include <charconv>

#include <saola/base/check.hpp>
#include <saola/http/serialise.hpp>
#include <saola/http/status.hpp>

#include "field_line.hpp"

namespace saola::http {
namespace {

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

// What the handler's fields say about things that are the serialiser's to decide.
struct OwnFields {
  bool close = false;
  bool upgrade = false;
  bool date = false;
  std::string_view length;
};

// Appends the handler's fields, without those of the serialiser.
OwnFields append_fields(std::string& out, const Headers& headers) {
  OwnFields own;
  std::string_view rest = headers.lines();
  while (!rest.empty()) {
    const char* line = rest.data();
    const Field field = take_line(rest);
    bool keep = true;
    switch (field.name.size()) {
      case 4:
        own.date |= iequals(field.name, "Date");
        break;
      case 7:
        own.upgrade |= iequals(field.name, "Upgrade");
        break;
      case 10:
        if (iequals(field.name, "Connection")) {
          own.close |= HeaderView(std::span(&field, 1)).list_contains("Connection", "close");
          keep = false;
        } else if (iequals(field.name, "Keep-Alive")) {
          keep = false;
        }
        break;
      case 14:
        if (iequals(field.name, "Content-Length")) {
          own.length = field.value;
          keep = false;
        }
        break;
      case 17:
        keep = !iequals(field.name, "Transfer-Encoding");
        break;
      default:
        break;
    }
    if (keep) out.append(line, static_cast<std::size_t>(rest.data() - line));
  }
  return own;
}

}  // namespace

std::optional<std::uint64_t> known_length(const Body& body) {
  struct Visitor {
    std::optional<std::uint64_t> operator()(std::monostate) const { return 0; }
    std::optional<std::uint64_t> operator()(const std::string& text) const { return text.size(); }
    std::optional<std::uint64_t> operator()(const std::shared_ptr<const std::string>& text) const {
      return text ? text->size() : 0;
    }
    std::optional<std::uint64_t> operator()(const FileBody& file) const { return file.length; }
    std::optional<std::uint64_t> operator()(const StreamBody& stream) const {
      return stream.length;
    }
  };
  return std::visit(Visitor(), body);
}

ResponsePlan append_head(std::string& out, const Response& response,
                         const ResponseContext& context) {
  const int status = response.status;
  SAOLA_CHECK(status >= 200 && status <= 999, "a final response needs a status of 200 to 999");
  if (status == 200) {
    out += "HTTP/1.1 200 OK\r\n";
  } else {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(status));
    out += ' ';
    out += reason_phrase(status);
    out += "\r\n";
  }
  const OwnFields own = append_fields(out, response.headers);
  if (!own.date && !context.date.empty()) {
    out += "Date: ";
    out += context.date;
    out += "\r\n";
  }

  ResponsePlan plan;
  plan.keep_alive = context.keep_alive && !own.close;
  // 205 has no content, but its framing is that of any other (RFC 9110 §15.3.6).
  const auto length = status == 205 ? std::optional<std::uint64_t>(0) : known_length(response.body);
  const bool tunnel = context.method == Method::kConnect && status < 300;
  if (tunnel) plan.keep_alive = false;
  if (response_has_body(context.method, status)) {
    if (length) {
      plan.delimiter = Delimiter::kLength;
      plan.length = *length;
    } else if (context.version >= Version{1, 1}) {
      plan.delimiter = Delimiter::kChunked;
      out += "Transfer-Encoding: chunked\r\n";
    } else {
      plan.delimiter = Delimiter::kClose;
      plan.keep_alive = false;
    }
  }
  if (plan.delimiter == Delimiter::kLength || (context.method == Method::kHead && status != 204 &&
                                               status != 304 && length && *length > 0)) {
    out += "Content-Length: ";
    append_number(out, *length);
    out += "\r\n";
  } else if (plan.delimiter == Delimiter::kNoBody && is_digits(own.length) && status != 204 &&
             !tunnel) {
    // A handler that answers HEAD or 304 without making the body may know its length.
    out += "Content-Length: ";
    out += own.length;
    out += "\r\n";
  }

  if (own.upgrade) {
    out += plan.keep_alive ? "Connection: upgrade\r\n" : "Connection: upgrade, close\r\n";
  } else if (!plan.keep_alive) {
    out += "Connection: close\r\n";
  } else if (context.version < Version{1, 1}) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  return plan;
}

void append_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return;
  append_chunk_size(out, data.size());
  out += data;
  out += "\r\n";
}

void append_chunk_size(std::string& out, std::uint64_t size) {
  append_number(out, size, 16);
  out += "\r\n";
}

void append_last_chunk(std::string& out, const Headers& trailers) {
  out += "0\r\n";
  out += trailers.lines();
  out += "\r\n";
}

bool may_be_trailer(std::string_view name) {
  constexpr std::array<std::string_view, 25> kForbidden = {"Transfer-Encoding",
                                                           "Content-Length",
                                                           "Host",
                                                           "Trailer",
                                                           "Connection",
                                                           "Keep-Alive",
                                                           "TE",
                                                           "Upgrade",
                                                           "Cache-Control",
                                                           "Expect",
                                                           "Max-Forwards",
                                                           "Pragma",
                                                           "Range",
                                                           "If-Match",
                                                           "If-None-Match",
                                                           "If-Modified-Since",
                                                           "If-Range",
                                                           "If-Unmodified-Since",
                                                           "Authorization",
                                                           "Proxy-Authorization",
                                                           "Cookie",
                                                           "Content-Encoding",
                                                           "Content-Type",
                                                           "Content-Range",
                                                           "Proxy-Connection"};
  return std::ranges::none_of(kForbidden, [name](auto f) { return iequals(f, name); });
}

}  // namespace saola::http
