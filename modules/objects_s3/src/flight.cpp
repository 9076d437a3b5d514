#include "flight.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <span>
#include <utility>

namespace saola::objects_s3 {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64 * 1024;
constexpr std::size_t kKeptBody = 64 * 1024;
constexpr std::size_t kMaxRefusalBody = 1024 * 1024;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

// Keeps the first error; a callback that returns a wrong count ends the transfer.
bool Flight::keep(Error error) {
  if (!own_error) own_error = std::move(error);
  return false;
}

bool Flight::header_line(std::string_view line) {
  window_bytes += line.size();
  header_bytes += line.size();
  if (header_bytes > kMaxHeaderBytes) {
    return keep(
        Error(ErrorCode::kDataCorrupt,
              fmt::format("the answer has more than {} bytes of headers", kMaxHeaderBytes)));
  }
  if (line.starts_with("HTTP/")) {
    answer.headers.clear();
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    answer.headers.emplace_back(lower(trimmed(line.substr(0, colon))),
                                trimmed(line.substr(colon + 1)));
  }
  return true;
}

bool Flight::pass_head() {
  if (std::exchange(head_passed, true)) return true;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
  if (!answer.is_success()) return true;
  auto ok = call.on_success_head(answer);
  return ok || keep(std::move(ok).error());
}

bool Flight::body_block(std::string_view block) {
  window_bytes += block.size();
  body_bytes += block.size();
  if (!pass_head()) return false;
  if (answer.is_success()) {
    auto taken = call.on_body(std::as_bytes(std::span(block)));
    if (!taken) return keep(std::move(taken).error());
    if (*taken) return true;
  }
  if (body_bytes > kMaxRefusalBody) {
    return keep(Error(ErrorCode::kDataCorrupt,
                      "the answer has far more bytes than an answer of this kind can have"));
  }
  answer.body.append(block.substr(0, kKeptBody - std::min(kKeptBody, answer.body.size())));
  return true;
}

std::size_t Flight::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  const std::size_t n = size * count;
  return static_cast<Flight*>(self)->header_line({data, n}) ? n : CURL_WRITEFUNC_ERROR;
}
std::size_t Flight::on_write(char* data, std::size_t size, std::size_t count, void* self) {
  const std::size_t n = size * count;
  return static_cast<Flight*>(self)->body_block({data, n}) ? n : CURL_WRITEFUNC_ERROR;
}
std::size_t Flight::on_read(char* into, std::size_t size, std::size_t count, void* self) {
  auto* flight = static_cast<Flight*>(self);
  const std::size_t n = std::min(size * count, flight->unsent.size());
  std::memcpy(into, flight->unsent.data(), n);
  flight->unsent.remove_prefix(n);
  flight->window_bytes += n;
  return n;
}
int Flight::on_seek(void* self, curl_off_t offset, int origin) {
  auto* flight = static_cast<Flight*>(self);
  if (origin != SEEK_SET || offset < 0 || static_cast<std::size_t>(offset) > flight->body.size()) {
    return CURL_SEEKFUNC_FAIL;
  }
  flight->unsent = flight->body.substr(static_cast<std::size_t>(offset));
  return CURL_SEEKFUNC_OK;
}

}  // namespace saola::objects_s3
