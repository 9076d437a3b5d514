#include <algorithm>
#include <atomic>
#include <charconv>
#include <random>
#include <span>

#include <boost/json.hpp>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <saola/base/check.hpp>
#include <saola/base/text.hpp>
#include <saola/http/media_type.hpp>
#include <saola/http/uri.hpp>
#include <saola/web/request.hpp>
#include <saola/web/schema.hpp>

#include "json/json_reader.hpp"

namespace saola::web {
namespace {

constexpr std::size_t kMaxRequestId = 128;  // bytes
constexpr PathParams kNoParams;

// Only what is safe in a log line, a header field and a URL.
bool is_sane_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxRequestId && std::ranges::all_of(id, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::string new_id() {
  // Which process (random), then which request of it.
  static const std::uint32_t process = std::random_device()();
  static std::atomic<std::uint64_t> count{0};
  return fmt::format("{:08x}-{:08x}", process, count.fetch_add(1, std::memory_order_relaxed) + 1);
}

// application/json or …+json; RFC 8259 §8.1: in UTF-8 only.
bool is_json_type(std::string_view content_type) {
  const auto media = http::parse_media_type(content_type);
  if (!media) return false;
  if (!(media->type == "application" && media->subtype == "json") &&
      !media->subtype.ends_with("+json")) {
    return false;
  }
  const std::string_view charset = media->parameter("charset").value_or("utf-8");
  return http::iequals(charset, "utf-8") || http::iequals(charset, "us-ascii");
}

// What went wrong with a body, as the client's answer.
HttpError body_error(const Error& error) {
  http::Problem problem = http::problem_from(error);
  // The client was too slow, not a server behind this one; and a gone client did not send it all.
  if (error.code() == ErrorCode::kTimedOut) problem.status = 408;
  if (error.code() == ErrorCode::kClosed) problem.status = 400;
  return HttpError(std::move(problem));
}

}  // namespace

Request::Request(http::Request& raw, const RequestLimits& limits)
    : raw_(raw), limits_(limits), params_(&kNoParams) {
  const auto sent = raw.headers.get("X-Request-Id");
  if (sent && is_sane_id(*sent)) {
    id_ = *sent;
  } else if (is_sane_id(raw.request_id)) {
    id_ = raw.request_id;
  } else {
    own_id_ = new_id();
    id_ = own_id_;
  }
}

Request::~Request() = default;

const PathParam& Request::find_param(std::string_view name) const {
  for (std::size_t i = 0; i < params_->size; ++i) {
    if (route_->params[i].name == name) return params_->values[i];
  }
  SAOLA_CHECK(false, "a view asked for a path parameter that its pattern does not have");
}

const std::vector<std::pair<std::string, std::string>>& Request::args() const {
  if (!args_) {
    const bool escapes_hold = http::has_valid_escapes(raw_.query);
    auto pairs = http::parse_form(raw_.query);
    const bool utf8 = std::ranges::all_of(
        pairs, [](const auto& pair) { return is_utf8(pair.first) && is_utf8(pair.second); });
    if (!escapes_hold || !utf8) {
      throw HttpError(400,
                      "The query of the URL has a broken escape or is not UTF-8, so it cannot be "
                      "understood. Percent-encode every byte that is not plain text.");
    }
    args_ = std::move(pairs);
  }
  return *args_;
}

std::optional<std::string_view> Request::arg(std::string_view name) const {
  for (const auto& [key, value] : args()) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string_view Request::arg_or(std::string_view name, std::string_view fallback) const {
  return arg(name).value_or(fallback);
}

void Request::refuse_unknown_args() const {
  std::vector<std::string_view> known;
  for (const Parameter& parameter : route_->parameters) {
    if (parameter.in == Parameter::In::kQuery) known.push_back(parameter.name);
  }
  for (const auto& [name, value] : args()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    throw HttpError(
        400, fmt::format("There is no query argument '{}' here. {}{}", name,
                         known.empty() ? "There is none at all."
                                       : fmt::format("There are: {}.", fmt::join(known, ", ")),
                         did_you_mean(name, known)));
  }
}

std::int64_t Request::int_arg(std::string_view name, std::int64_t fallback, std::int64_t min,
                              std::int64_t max) const {
  const auto text = arg(name);
  if (!text) return fallback;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < min || value > max) {
    throw HttpError(400,
                    fmt::format("The query argument '{}' must be an integer from {} to {}, not "
                                "'{}'. Correct it or leave it out.",
                                name, min, max, *text));
  }
  return value;
}

std::optional<std::string_view> Request::cookie(std::string_view name) const {
  for (const http::Field& field : raw_.headers) {
    if (!http::iequals(field.name, "Cookie")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const auto end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = http::trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const auto equals = pair.find('=');
      if (equals == std::string_view::npos || http::trim(pair.substr(0, equals)) != name) continue;
      std::string_view value = http::trim(pair.substr(equals + 1));
      if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) {
        value = value.substr(1, value.size() - 2);
      }
      return value;
    }
  }
  return std::nullopt;
}

HttpError invalid_body(std::vector<http::FieldError> errors) {
  std::string detail;
  if (errors.size() == 1) {
    detail =
        fmt::format("The request was not taken: {} {}",
                    errors[0].pointer == "#" ? "the body" : errors[0].pointer, errors[0].detail);
    if (!detail.ends_with('.') && !detail.ends_with('?')) detail += '.';
  } else {
    detail = fmt::format(
        "The request was not taken, for {} reasons. Correct what 'errors' lists and send it again.",
        errors.size());
  }
  return HttpError(http::Problem{.status = 422,
                                 .detail = std::move(detail),
                                 .code = std::string(to_string(ErrorCode::kInvalidArgument)),
                                 .errors = std::move(errors)});
}

const std::string& Request::text() const {
  if (!body_) {
    const std::string coding = raw_.headers.joined("Content-Encoding");
    if (!coding.empty() && !http::iequals(coding, "identity")) {
      throw HttpError(415, fmt::format("The body is encoded as '{}', and only plain ones are taken "
                                       "here. Send it without a Content-Encoding.",
                                       coding))
          .with("Accept-Encoding", "identity");
    }
    const auto announced = raw_.body->length();
    if (announced && *announced > limits_.body_bytes) {
      throw HttpError(413,
                      fmt::format("The body has {} bytes, more than the {} taken here. Send less.",
                                  *announced, limits_.body_bytes));
    }
    auto body = raw_.body->read_all(limits_.body_bytes);
    if (!body) throw body_error(body.error());
    body_ = *std::move(body);
  }
  return *body_;
}

const boost::json::value& Request::json() const {
  if (!json_) {
    const std::string_view type = raw_.headers.get_or("Content-Type", "");
    if (!is_json_type(type)) {
      throw HttpError(
          415, type.empty()
                   ? std::string("The request says no Content-Type, and JSON is taken here. Send "
                                 "'Content-Type: application/json'.")
                   : fmt::format("The body is said to be '{}', and JSON in UTF-8 is taken here. "
                                 "Send 'Content-Type: application/json'.",
                                 type));
    }
    auto value = read_json(text(), limits_.json_depth);
    if (!value) throw HttpError(value.error());
    json_ = std::make_unique<boost::json::value>(*std::move(value));
  }
  return *json_;
}

const boost::json::value& Request::json(const Schema& schema) const {
  const boost::json::value& value = json();
  std::vector<http::FieldError> errors = schema.check(value);
  if (!errors.empty()) throw invalid_body(std::move(errors));
  return value;
}

void Request::read_body(const Shape& shape, void* object) const {
  std::vector<http::FieldError> errors = shape.read(json(), object);
  if (!errors.empty()) throw invalid_body(std::move(errors));
}

std::optional<std::string_view> Request::preferred(
    std::initializer_list<std::string_view> offered) const {
  const auto best = http::choose_media_type(raw_.headers.joined("Accept"),
                                            std::span(offered.begin(), offered.size()));
  if (!best) return std::nullopt;
  return offered.begin()[*best];
}

}  // namespace saola::web
