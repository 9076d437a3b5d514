#include <algorithm>
#include <charconv>
#include <cstring>

#include <saola/http/request_parser.hpp>
#include <saola/http/uri.hpp>

#include "field_line.hpp"
#include "grammar.hpp"

namespace saola::http {
namespace {

// Empty lines before a request that are put up with.
constexpr std::size_t kMostEmptyLines = 4;

// Whether a field is named like one that governs the message or names its client, but for "_" where
// that has "-". Programs behind CGI-like interfaces cannot tell the two apart, so whoever sends
// both may be believed where only a proxy should be.
bool is_lookalike(std::string_view name) {
  if (!name.contains('_')) return false;
  std::string hyphenated(name);
  std::ranges::replace(hyphenated, '_', '-');
  for (const std::string_view known : {"Content-Length", "Transfer-Encoding", "Content-Type",
                                       "X-Real-IP", "Proxy-Connection", "Proxy-Authorization"}) {
    if (iequals(hyphenated, known)) return true;
  }
  constexpr std::string_view kForwarded = "X-Forwarded-";
  return iequals(std::string_view(hyphenated).substr(0, kForwarded.size()), kForwarded);
}

}  // namespace

RequestParser::State RequestParser::refuse(int status, std::string_view reason) {
  refusal_ = {status, reason};
  stage_ = Stage::kRefused;
  return State::kRefused;
}

void RequestParser::reset() {
  stage_ = Stage::kStart;
  next_ = scanned_ = field_lines_ = 0;
  head_ = RequestHead();
  head_.request.method_name = head_.request.target = {};
  refusal_ = Refusal();
  fields_.clear();
  host_field_ = {};
  absolute_form_ = has_host_ = has_length_ = has_transfer_encoding_ = has_content_type_ = false;
  asks_close_ = asks_keep_alive_ = unknown_expectation_ = unknown_coding_ = false;
}

void RequestParser::release() {
  reset();
  fields_ = {};
  decoded_path_ = {};
}

RequestParser::State RequestParser::parse(std::string_view bytes) {
  if (stage_ == Stage::kRefused) return State::kRefused;
  if (stage_ == Stage::kDone) return State::kDone;
  if (bytes.data() != base_) {
    if (scanned_ > 0) reset();  // the views point to where the bytes were
    base_ = bytes.data();
  }
  while (stage_ == Stage::kStart) {
    if (next_ == bytes.size()) return State::kNeedMore;
    if (is(bytes[next_], kTokenChar)) {
      stage_ = Stage::kRequestLine;
    } else if (bytes[next_] != '\r') {
      return refuse(400, "the request does not begin with a method");
    } else {
      // An empty line is what some clients send after a body (RFC 9112 §2.2).
      if (next_ == 2 * kMostEmptyLines) {
        return refuse(400, "there are too many empty lines before the request");
      }
      if (bytes.size() < next_ + 2) return State::kNeedMore;
      if (bytes[next_ + 1] != '\n') return refuse(400, "a CR is not followed by LF");
      next_ = scanned_ = next_ + 2;
    }
  }
  for (;;) {
    const bool first = stage_ == Stage::kRequestLine;
    const std::size_t limit = first ? limits_.request_line : most_in_field_line(limits_.field_size);
    const auto too_long = [&] {
      return first ? refuse(414, "the request line is too long; shorten the target")
                   : refuse(431, "a field line is too long; send less in it");
    };
    const auto* found = static_cast<const char*>(
        std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_));
    if (found == nullptr) {
      scanned_ = bytes.size();
      if (bytes.size() - next_ > limit + 1) return too_long();
      if (bytes.size() > limits_.head_size) {
        return refuse(431, "the head of the request is too large; send fewer or shorter fields");
      }
      return State::kNeedMore;
    }
    const auto line_feed = static_cast<std::size_t>(found - bytes.data());
    std::string_view line = bytes.substr(next_, line_feed - next_);
    const bool has_cr = line.ends_with('\r');
    if (has_cr) line.remove_suffix(1);
    if (line.size() > limit) return too_long();
    if (line_feed + 1 > limits_.head_size) {
      return refuse(431, "the head of the request is too large; send fewer or shorter fields");
    }
    if (!has_cr) return refuse(400, "a line ends with LF alone; end it with CR LF");
    next_ = scanned_ = line_feed + 1;
    if (first) {
      if (!parse_request_line(line)) return State::kRefused;
      stage_ = Stage::kFields;
    } else if (line.empty()) {
      return finish();
    } else if (!parse_field(line)) {
      return State::kRefused;
    }
  }
}

// request-line = method SP request-target SP HTTP-version (RFC 9112 §3).
bool RequestParser::parse_request_line(std::string_view line) {
  Request& request = head_.request;
  const auto space = line.find(' ');
  const std::string_view method = line.substr(0, space);
  if (!is_token(method)) {
    refuse(400, "the method is not a token");
    return false;
  }
  // Case counts (RFC 9110 §9.1), yet not to everybody's rules: "get" may pass where "GET" would
  // not.
  if (std::ranges::any_of(method, [](char c) { return c >= 'a' && c <= 'z'; })) {
    refuse(400, "the method has letters in lower case; methods are in upper case");
    return false;
  }
  const auto second = space == std::string_view::npos ? space : line.find(' ', space + 1);
  if (second == std::string_view::npos || second == space + 1) {
    refuse(400, "the request line is not 'METHOD TARGET HTTP/1.1' with single spaces");
    return false;
  }
  const std::string_view version = line.substr(second + 1);
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is(version[5], kDigit) ||
      version[6] != '.' || !is(version[7], kDigit)) {
    refuse(400, "the request line does not end with one space and 'HTTP/1.1'");
    return false;
  }
  request.version = {version[5] - '0', version[7] - '0'};
  if (request.version.major != 1) {
    refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    return false;
  }
  request.method = method_from(method);
  request.method_name = method;
  request.target = line.substr(space + 1, second - space - 1);
  return parse_target(request.target);
}

// The four forms of RFC 9112 §3.2.
bool RequestParser::parse_target(std::string_view target) {
  Request& request = head_.request;
  if (request.method == Method::kConnect) {
    const auto colon = target.rfind(':');
    if (!is_host_and_port(target) || target.ends_with(']') || colon == std::string_view::npos ||
        colon + 1 == target.size()) {
      refuse(400, "the target of CONNECT is not HOST:PORT");
      return false;
    }
    request.host = target;
    request.raw_path = request.path = {};
    absolute_form_ = true;
    return true;
  }
  if (target[0] == '/') return parse_path_and_query(target);
  if (target == "*") {
    if (request.method != Method::kOptions) {
      refuse(400, "the target '*' is for OPTIONS only");
      return false;
    }
    request.raw_path = target;
    return true;
  }
  const auto colon = target.find("://");
  if (colon != std::string_view::npos) return parse_absolute_form(target, colon);
  refuse(400, "the target is neither a path that begins with '/' nor an absolute URI");
  return false;
}

bool RequestParser::parse_absolute_form(std::string_view target, std::size_t colon) {
  Request& request = head_.request;
  const std::string_view scheme = target.substr(0, colon);
  if (!iequals(scheme, "http") && !iequals(scheme, "https")) {
    refuse(400, "the target's scheme is neither http nor https");
    return false;
  }
  const std::string_view rest = target.substr(colon + 3);
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  request.host = rest.substr(0, end);
  if (!is_host_and_port(request.host)) {
    refuse(400, "the target's authority is not HOST or HOST:PORT");
    return false;
  }
  absolute_form_ = true;
  if (end == rest.size()) {
    // RFC 9112 §3.2.4: OPTIONS of a bare authority means the server as a whole.
    request.raw_path = request.method == Method::kOptions ? "*" : "/";
    return true;
  }
  if (rest[end] == '/') return parse_path_and_query(rest.substr(end));
  if (!parse_path_and_query(rest.substr(end))) return false;
  request.raw_path = "/";
  return true;
}

bool RequestParser::parse_path_and_query(std::string_view text) {
  if (text.contains('#')) {
    refuse(400, "the target holds a '#'; a fragment is not sent, another '#' is written %23");
    return false;
  }
  const auto question = std::min(text.find('?'), text.size());
  const std::string_view path = text.substr(0, question);
  const std::string_view query = text.substr(std::min(question + 1, text.size()));
  for (char c : path) {
    if (!is(c, kTargetChar)) {
      refuse(400, "the target's path holds a byte that must be percent-encoded");
      return false;
    }
  }
  for (char c : query) {
    if (!is(c, kQueryChar)) {
      refuse(400, "the target's query holds a byte that must be percent-encoded");
      return false;
    }
  }
  // Of a query, browsers send a bare '%' as it was typed: it delimits nothing there.
  if (!has_valid_escapes(path)) {
    refuse(400, "the target's path holds a '%' that is not followed by two hexadecimal digits");
    return false;
  }
  head_.request.raw_path = path;
  head_.request.query = query;
  return true;
}

bool RequestParser::parse_field(std::string_view line) {
  if (++field_lines_ > limits_.field_count) {
    refuse(431, "the request has too many field lines; send fewer");
    return false;
  }
  Field field;
  if (const std::string_view wrong = parse_field_line(line, field); !wrong.empty()) {
    refuse(400, wrong);
    return false;
  }
  if (is_lookalike(field.name)) return true;
  fields_.push_back(field);
  return note_field(field);
}

// What the fields that govern the connection and the framing say.
bool RequestParser::note_field(const Field& field) {
  switch (field.name.size()) {
    case 4:
      if (!iequals(field.name, "Host")) return true;
      if (has_host_) {
        refuse(400, "there is more than one Host field");
        return false;
      }
      // An empty one leaves the choice to the server (RFC 9112 §3.3).
      if (!field.value.empty() && !is_host_and_port(field.value)) {
        refuse(400, "the Host field is not HOST or HOST:PORT");
        return false;
      }
      has_host_ = true;
      host_field_ = field.value;
      return true;
    case 6:
      if (iequals(field.name, "Expect")) {
        if (iequals(field.value, "100-continue")) {
          head_.expect_continue = true;
        } else {
          unknown_expectation_ = true;
        }
      }
      return true;
    case 10:
      if (iequals(field.name, "Connection")) {
        const HeaderView one(std::span(&field, 1));
        asks_close_ |= one.list_contains("Connection", "close");
        asks_keep_alive_ |= one.list_contains("Connection", "keep-alive");
      }
      return true;
    case 12:
      if (!iequals(field.name, "Content-Type")) return true;
      if (has_content_type_) {
        refuse(400, "there is more than one Content-Type field");
        return false;
      }
      has_content_type_ = true;
      return true;
    case 14:
      return !iequals(field.name, "Content-Length") || note_content_length(field.value);
    case 17:
      return !iequals(field.name, "Transfer-Encoding") || note_transfer_encoding(field.value);
    default:
      return true;
  }
}

// RFC 9112 §6.3 lets a server take a list of equal lengths; a server in front may not have.
bool RequestParser::note_content_length(std::string_view value) {
  if (has_length_) {
    refuse(400, "there is more than one Content-Length field");
    return false;
  }
  if (!is_digits(value)) {
    refuse(400, "the Content-Length is not one decimal number");
    return false;
  }
  has_length_ = true;
  const auto [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), head_.content_length);
  if (error != std::errc()) head_.content_length = UINT64_MAX;  // over every limit
  return true;
}

// RFC 9112 §6.1 and §6.3: "chunked" exactly once and last, else the end of the body is unknown.
bool RequestParser::note_transfer_encoding(std::string_view value) {
  if (has_transfer_encoding_) {
    refuse(400, "there is more than one Transfer-Encoding field");
    return false;
  }
  has_transfer_encoding_ = true;
  if (iequals(value, "chunked")) return true;
  while (true) {
    const auto comma = value.find(',');
    const std::string_view coding = trim(value.substr(0, comma));
    const bool last = comma == std::string_view::npos;
    const bool chunked = iequals(coding, "chunked");
    if (chunked != last || !is_token(coding.substr(0, coding.find(';')))) {
      refuse(400, "the Transfer-Encoding does not end with 'chunked', once; send 'chunked' alone");
      return false;
    }
    if (last) return true;
    unknown_coding_ = true;
    value.remove_prefix(comma + 1);
  }
}

RequestParser::State RequestParser::finish() {
  Request& request = head_.request;
  const bool is_1_0 = request.version.minor == 0;
  if (!has_host_ && !is_1_0) return refuse(400, "the Host field is missing");
  if (has_transfer_encoding_ && is_1_0) {
    return refuse(400, "Transfer-Encoding is not part of HTTP/1.0; send Content-Length");
  }
  if (has_transfer_encoding_ && has_length_) {
    return refuse(400, "both Transfer-Encoding and Content-Length are there; send one");
  }
  if (unknown_coding_) return refuse(501, "only the transfer coding 'chunked' is understood");
  if (unknown_expectation_) {
    return refuse(417, "only the expectation '100-continue' can be met");
  }
  if (is_1_0) head_.expect_continue = false;  // RFC 9110 §10.1.1
  if (has_length_ && head_.content_length > limits_.body_size) {
    return refuse(413, "the announced body is larger than this server takes");
  }
  if (has_transfer_encoding_) {
    head_.framing = Framing::kChunked;
  } else if (has_length_ && head_.content_length > 0) {
    head_.framing = Framing::kLength;
  }
  head_.keep_alive = is_1_0 ? asks_keep_alive_ && !asks_close_ : !asks_close_;
  if (!absolute_form_) request.host = host_field_;
  if (request.raw_path.find('%') == std::string_view::npos) {
    request.path = request.raw_path;
  } else {
    decoded_path_ = *percent_decode(request.raw_path);
    request.path = decoded_path_;
  }
  request.headers = HeaderView(fields_);
  stage_ = Stage::kDone;
  return State::kDone;
}

}  // namespace saola::http
