// Finds the file in a body of multipart/form-data (RFC 7578), as it comes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>

namespace saola {

// Fed with the body piece by piece. Takes the first part that has a file name; other parts are
// skipped.
class FormFile {
 public:
  using Sink = std::function<Result<void>(std::string_view bytes)>;

  FormFile(std::string_view boundary, Sink sink);

  // Fails with kInvalidArgument on what is no form, and as the sink does.
  Result<void> feed(std::string_view bytes);
  // kInvalidArgument when the body ended before its file did, or held none.
  Result<void> finish() const;

  // Of the file, as the client named it; known once its first bytes reach the sink.
  const std::string& name() const { return name_; }

 private:
  enum class State { kPreamble, kHeaders, kFile, kOther, kDone };
  void read_headers(std::string_view headers);

  const std::string delimiter_;  // CR LF "--" boundary
  const Sink sink_;
  State state_ = State::kPreamble;
  bool found_ = false;
  std::string name_;
  std::string held_;
};

}  // namespace saola
