// A started call of a Driver and libcurl's callbacks for its attempt under way.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <curl/curl.h>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

#include "driver.hpp"
#include "s3_answer.hpp"

namespace saola::objects_s3 {

// In the air (easy set), waiting for its next attempt, or ended (outcome set).
struct Flight {
  explicit Flight(Call& c) : call(c) {}

  Call& call;
  CURL* easy = nullptr;
  curl_slist* header_list = nullptr;
  SteadyTime not_before{};
  // What its retries have cost so far.
  int paid = 0;
  // The endpoint has said once that the keys had expired.
  bool asked_for_new_keys = false;
  // Set when the call has ended; the call gets it when next() returns it.
  std::optional<Result<S3Answer>> outcome;

  // Of the attempt in the air. The part of body that libcurl has not taken, what arrived and when,
  // and the error that made a callback end the transfer.
  S3Answer answer;
  std::string credential_source;
  std::optional<S3Credentials> keys;
  std::string_view unsent;
  std::string_view body;
  std::size_t header_bytes = 0;
  std::size_t body_bytes = 0;
  bool head_passed = false;
  std::optional<Error> own_error;
  char curl_error[CURL_ERROR_SIZE] = {};
  // The slice of time under way and its bytes; those of the latest slices, which together last
  // low_speed_time, and how many there have been.
  SteadyTime window_start{};
  std::uint64_t window_bytes = 0;
  static constexpr std::size_t kSlices = 8;
  std::array<std::uint64_t, kSlices> slices{};
  std::size_t slices_done = 0;
  Duration low_speed_time{};

  Duration slice() const {
    return std::max<Duration>(low_speed_time / static_cast<int>(kSlices), Duration(1));
  }

  // For libcurl; each takes the Flight as its last argument.
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_write(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);

  // The head of the answer is complete; false, with own_error set, when the call refuses it.
  bool pass_head();

 private:
  bool keep(Error error);
  bool header_line(std::string_view line);
  bool body_block(std::string_view block);
};

}  // namespace saola::objects_s3
