// Feeds bytes to the parser and the body decoder as a connection would.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include <saola/http/body_decoder.hpp>
#include <saola/http/request_parser.hpp>

#include "corpus.hpp"

namespace saola::corpus {

struct Outcome {
  std::vector<Exchange> exchanges;
  int refused = 0;
  std::string_view reason;
  bool waiting = false;  // inside a request when the bytes ended

  // Everything that must not depend on how the bytes were cut.
  std::string describe() const {
    std::string out;
    for (const Exchange& e : exchanges) {
      out += fmt::format("{} path={} query={} host={} body={} keep={}\n", e.line, *e.path, *e.query,
                         *e.host, e.body, e.keep_alive);
      for (const auto& field : *e.fields) out += field + "\n";
      for (const auto& trailer : e.trailers) out += "trailer " + trailer + "\n";
    }
    return out + fmt::format("refused={} waiting={}", refused, waiting);
  }
};

// A connection without a socket: feed() it pieces, then look at the outcome.
class Drive {
 public:
  explicit Drive(const http::Limits& limits) : limits_(limits), parser_(limits) {}

  void feed(std::string_view piece) {
    if (closed_) return;
    buffer_ += piece;
    while (!closed_ && advance()) {
    }
  }

  Outcome outcome() const {
    Outcome result = outcome_;
    result.waiting = !closed_ && (in_body_ || !buffer_.empty());
    return result;
  }

 private:
  // One head or one piece of a body; false when more bytes are needed.
  bool advance() {
    if (!in_body_) {
      switch (parser_.parse(buffer_)) {
        case http::RequestParser::State::kNeedMore:
          return false;
        case http::RequestParser::State::kRefused:
          return refuse(parser_.refusal());
        case http::RequestParser::State::kDone:
          break;
      }
      take_head();
      return true;
    }
    const auto step = decoder_.step(buffer_);
    current_.body += step.data;
    buffer_.erase(0, step.consumed);
    switch (step.state) {
      case http::BodyDecoder::State::kNeedMore:
        return false;
      case http::BodyDecoder::State::kRefused:
        return refuse(decoder_.refusal());
      case http::BodyDecoder::State::kData:
        return true;
      case http::BodyDecoder::State::kDone:
        break;
    }
    for (const http::Field& field : decoder_.trailers()) {
      current_.trailers.push_back(fmt::format("{}: {}", field.name, field.value));
    }
    in_body_ = false;
    closed_ = !current_.keep_alive;
    outcome_.exchanges.push_back(std::move(current_));
    return true;
  }

  void take_head() {
    const http::RequestHead& head = parser_.head();
    const http::Request& request = head.request;
    current_ = Exchange();
    current_.line = fmt::format("{} {} {}.{}", request.method_name, request.target,
                                request.version.major, request.version.minor);
    current_.path = request.path;
    current_.query = request.query;
    current_.host = request.host;
    current_.fields.emplace();
    for (const http::Field& field : request.headers) {
      current_.fields->push_back(fmt::format("{}: {}", field.name, field.value));
    }
    current_.keep_alive = head.keep_alive;
    decoder_ = http::BodyDecoder(head.framing, head.content_length, limits_);
    buffer_.erase(0, parser_.head_size());
    parser_.reset();
    in_body_ = true;
  }

  bool refuse(const http::Refusal& refusal) {
    outcome_.refused = refusal.status;
    outcome_.reason = refusal.reason;
    closed_ = true;
    return false;
  }

  const http::Limits& limits_;
  http::RequestParser parser_;
  http::BodyDecoder decoder_;
  std::string buffer_;
  Exchange current_;
  Outcome outcome_;
  bool in_body_ = false;
  bool closed_ = false;
};

}  // namespace saola::corpus
