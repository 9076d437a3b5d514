#include "uploads/form_file.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/core.h>

namespace saola {
namespace {

constexpr std::size_t kMostHeaders = 16 * 1024;

// Whether `text` begins with `prefix`, whose letters are in lower case.
bool begins_like(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

// The quoted value of filename="…"; backslashes stay, for browsers write none (RFC 7578 §4.2).
std::string_view file_name_in(std::string_view disposition) {
  constexpr std::string_view kWord = "filename=\"";
  const auto at = disposition.find(kWord);
  if (at == disposition.npos) return {};
  const auto begin = at + kWord.size();
  return disposition.substr(begin, disposition.find('"', begin) - begin);
}

}  // namespace

FormFile::FormFile(std::string_view boundary, Sink sink)
    : delimiter_(fmt::format("\r\n--{}", boundary)), sink_(std::move(sink)), held_("\r\n") {}

void FormFile::read_headers(std::string_view headers) {
  state_ = State::kOther;
  for (std::size_t begin = 0; begin < headers.size();) {
    const auto end = std::min(headers.find("\r\n", begin), headers.size());
    const auto line = headers.substr(begin, end - begin);
    begin = end + 2;
    if (!begins_like(line, "content-disposition:") || found_) continue;
    const auto name = file_name_in(line);
    if (name.empty()) continue;
    name_ = name;
    found_ = true;
    state_ = State::kFile;
  }
}

Result<void> FormFile::feed(std::string_view bytes) {
  held_ += bytes;
  while (state_ != State::kDone) {
    if (state_ == State::kHeaders) {
      // After a delimiter: "--" ends the form, else a line end and the part's headers.
      if (held_.size() < 2) return {};
      if (held_.starts_with("--")) {
        state_ = State::kDone;
        break;
      }
      const auto end = held_.find("\r\n\r\n");
      if (end == held_.npos) {
        if (held_.size() <= kMostHeaders) return {};
        return fail(ErrorCode::kInvalidArgument, "the form's headers are too long");
      }
      read_headers(std::string_view(held_).substr(0, end));
      held_.erase(0, end + 4);
      continue;
    }
    const auto at = held_.find(delimiter_);
    // What may be the beginning of a delimiter stays.
    const auto sure =
        at != held_.npos ? at : held_.size() - std::min(held_.size(), delimiter_.size() - 1);
    if (state_ == State::kFile && sure > 0) {
      if (auto ok = sink_(std::string_view(held_).substr(0, sure)); !ok) return ok;
    }
    held_.erase(0, sure);
    if (at == held_.npos) return {};
    held_.erase(0, delimiter_.size());
    state_ = State::kHeaders;
  }
  held_.clear();
  return {};
}

Result<void> FormFile::finish() const {
  if (state_ == State::kDone && found_) return {};
  return fail(Error(ErrorCode::kInvalidArgument,
                    state_ != State::kDone
                        ? "the form is cut short: its last boundary is missing"
                        : "the form holds no file: a part with a file name is needed"));
}

}  // namespace saola
