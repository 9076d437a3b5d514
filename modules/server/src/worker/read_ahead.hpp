// A request's body whose beginning is read before its handler gets a native thread: so a slow client
// costs no thread, as long as its body is short enough.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>

#include <saola/http/body.hpp>

namespace saola::server {

class ReadAhead final : public http::BodyReader {
 public:
  // Of one body, and of all that share a budget: bodies beyond are read by their handler's thread.
  static constexpr std::size_t kMost = 1 << 20;
  static constexpr std::size_t kMostTogether = 64 << 20;

  struct Budget {
    std::atomic<std::size_t> held{0};  // bytes read ahead and not yet given back
    std::atomic<int> waiting{0};       // handlers inside a read of the client's bytes
  };

  // Reads until the end of the body, an error (which the handler's read meets again) or the limit.
  // REQUIRES: both outlive it. SUSPENDS.
  ReadAhead(http::BodyReader& body, Budget& budget);
  ~ReadAhead() override;
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  Result<std::size_t> read(std::span<char> buffer) override;
  std::optional<std::uint64_t> length() const override { return body_.length(); }
  http::HeaderView trailers() const override { return body_.trailers(); }

 private:
  http::BodyReader& body_;
  Budget& budget_;
  std::string front_;
  std::size_t taken_ = 0;  // of front_
};

}  // namespace saola::server
