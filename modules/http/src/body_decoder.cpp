#include <algorithm>
#include <array>

#include <saola/http/body_decoder.hpp>
#include <saola/http/serialise.hpp>

#include "field_line.hpp"
#include "grammar.hpp"

namespace saola::http {
namespace {

// Extensions mean nothing to anybody here; this much of them is put up with in one body.
constexpr std::size_t kExtensionLimit = 16 * 1024;  // bytes
constexpr int kSizeDigits = 16;
// Framing, routing and authentication: whoever sends these behind a body hopes that somebody
// believes them.
constexpr std::array<std::string_view, 7> kDangerousTrailers = {
    "Transfer-Encoding",  "Content-Length", "Host", "Authorization", "Trailer", "TE",
    "Proxy-Authorization"};

}  // namespace

BodyDecoder::BodyDecoder(Framing framing, std::uint64_t content_length, const Limits& limits)
    : limits_(&limits) {
  if (framing == Framing::kChunked) stage_ = Stage::kSize;
  if (framing == Framing::kLength && content_length > 0) {
    stage_ = Stage::kLength;
    left_ = content_length;
  }
}

BodyDecoder::Step BodyDecoder::refuse(int status, std::string_view reason) {
  refusal_ = {status, reason};
  stage_ = Stage::kRefused;
  return {State::kRefused, 0, {}};
}

BodyDecoder::Step BodyDecoder::step(std::string_view bytes) {
  for (std::size_t at = 0;;) {
    if (stage_ == Stage::kDone) return {State::kDone, at, {}};
    if (stage_ == Stage::kRefused) return {State::kRefused, at, {}};
    if (at == bytes.size()) return {State::kNeedMore, at, {}};
    switch (stage_) {
      case Stage::kLength:
      case Stage::kData: {
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - at));
        left_ -= count;
        if (left_ == 0) stage_ = stage_ == Stage::kLength ? Stage::kDone : Stage::kDataCr;
        return {State::kData, at + count, bytes.substr(at, count)};
      }
      case Stage::kDataCr:
        if (bytes[at++] != '\r') return refuse(400, "the data of a chunk is not followed by CR LF");
        stage_ = Stage::kDataLf;
        break;
      case Stage::kDataLf:
        if (bytes[at++] != '\n') return refuse(400, "the data of a chunk is not followed by CR LF");
        stage_ = Stage::kSize;
        break;
      case Stage::kTrailer: {
        const std::string_view rest = bytes.substr(at);
        const auto line_feed = rest.find('\n');
        const std::string_view part = rest.substr(0, std::min(line_feed, rest.size()));
        at += part.size();
        trailer_bytes_ += part.size();
        trailer_line_ += part;
        const bool has_cr = trailer_line_.ends_with('\r');
        // While the line feed is to come, the last byte may turn out to be its CR.
        const bool complete = line_feed != std::string_view::npos;
        const std::size_t size = trailer_line_.size() - (has_cr || !complete ? 1 : 0);
        if (!trailer_line_.empty() && size > most_in_field_line(limits_->field_size)) {
          return refuse(431, "a trailer field line is too long; send less in it");
        }
        if (trailer_bytes_ > limits_->head_size) {
          return refuse(431, "the trailers are too large; send fewer or shorter fields");
        }
        if (!complete) break;
        ++at;
        if (!has_cr) return refuse(400, "a line ends with LF alone; end it with CR LF");
        trailer_line_.pop_back();
        if (!trailer_line(trailer_line_)) return {State::kRefused, at, {}};
        trailer_line_.clear();
        break;
      }
      default:
        if (!size_line_byte(bytes[at++])) {
          return stage_ == Stage::kRefused
                     ? Step{State::kRefused, at, {}}
                     : refuse(400, "a chunk does not begin with its size in hexadecimal and CR LF");
        }
    }
  }
}

// chunk-size [ chunk-ext ] CRLF with chunk-ext = *( BWS ";" BWS chunk-ext-name
// [ BWS "=" BWS chunk-ext-val ] ) (RFC 9112 §7.1.1).
bool BodyDecoder::size_line_byte(char c) {
  const bool blank = c == ' ' || c == '\t';
  if (stage_ != Stage::kSize && stage_ != Stage::kSizeLf && ++extension_bytes_ > kExtensionLimit) {
    return false;
  }
  // What may follow a complete size, name or value.
  const auto end_of_part = [&](Stage blank_stage) {
    if (c == ';') {
      stage_ = Stage::kExtension;
    } else if (c == '\r' && stage_ != blank_stage) {
      stage_ = Stage::kSizeLf;
    } else if (blank) {
      stage_ = blank_stage;
    } else {
      return false;
    }
    return true;
  };
  switch (stage_) {
    case Stage::kSize:
      if (const int digit = hex_value(c); digit >= 0) {
        left_ = left_ * 16 + static_cast<unsigned>(digit);
        return ++size_digits_ <= kSizeDigits;
      }
      return size_digits_ > 0 && end_of_part(Stage::kAfterSize);
    case Stage::kAfterSize:
      return end_of_part(Stage::kAfterSize);
    case Stage::kExtension:
      if (is(c, kTokenChar)) stage_ = Stage::kName;
      return blank || stage_ == Stage::kName;
    case Stage::kName:
    case Stage::kAfterName:
      if (c == '=') {
        stage_ = Stage::kBeforeValue;
        return true;
      }
      if (stage_ == Stage::kName && is(c, kTokenChar)) return true;
      return end_of_part(Stage::kAfterName);
    case Stage::kBeforeValue:
      if (is(c, kTokenChar)) {
        stage_ = Stage::kValue;
      } else if (c == '"') {
        stage_ = Stage::kQuoted;
      }
      return blank || stage_ != Stage::kBeforeValue;
    case Stage::kValue:
      return is(c, kTokenChar) || end_of_part(Stage::kAfterValue);
    case Stage::kQuoted:
      if (c == '"') {
        stage_ = Stage::kQuotedEnd;
      } else if (c == '\\') {
        stage_ = Stage::kQuotedPair;
      }
      return is(c, kValueChar);
    case Stage::kQuotedPair:
      stage_ = Stage::kQuoted;
      return is(c, kValueChar);
    case Stage::kQuotedEnd:
    case Stage::kAfterValue:
      return end_of_part(Stage::kAfterValue);
    case Stage::kSizeLf:
      return c == '\n' && end_size_line();
    default:
      return false;
  }
}

bool BodyDecoder::end_size_line() {
  size_digits_ = 0;
  if (left_ == 0) {
    stage_ = Stage::kTrailer;
    return true;
  }
  if (left_ > limits_->body_size - total_) {
    refuse(413, "the body is larger than this server takes");
    return false;
  }
  total_ += left_;
  stage_ = Stage::kData;
  return true;
}

bool BodyDecoder::trailer_line(std::string_view line) {
  if (line.empty()) {
    trailers_.resize(kept_.size());
    for (std::size_t i = 0; i < kept_.size(); ++i) parse_field_line(kept_[i], trailers_[i]);
    stage_ = Stage::kDone;
    return true;
  }
  if (++trailer_count_ > limits_->field_count) {
    refuse(431, "there are too many trailer field lines; send fewer");
    return false;
  }
  Field field;
  if (const std::string_view wrong = parse_field_line(line, field); !wrong.empty()) {
    refuse(400, wrong);
    return false;
  }
  if (std::ranges::any_of(kDangerousTrailers, [&](auto n) { return iequals(field.name, n); })) {
    refuse(400, "a trailer says what must be known before the body; send it in the head");
    return false;
  }
  if (may_be_trailer(field.name)) kept_.emplace_back(line);
  return true;
}

}  // namespace saola::http
