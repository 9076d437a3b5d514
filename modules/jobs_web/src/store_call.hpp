// How views call the job store.
#pragma once

#include <utility>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/runtime/offload.hpp>
#include <saola/web/errors.hpp>

namespace saola::jobs_web {

// A store that takes longer than this is as good as away.
inline constexpr std::chrono::seconds kStorePatience(5);
// What clients are told to wait before they try again.
inline constexpr const char* kRetryAfter = "5";

// A failure of the store as an answer.
inline web::HttpError store_error(const Error& error) {
  web::HttpError answer(error);
  if (answer.status() != 503 && answer.status() != 504) return answer;
  return std::move(answer).with("Retry-After", kRetryAfter);
}

// Runs `call` on a native thread while only the calling fiber waits. SUSPENDS.
template <typename Call>
auto store_call(Call&& call) {
  return runtime::offload_blocking(std::forward<Call>(call));
}

// The same, and throws HttpError when it fails.
template <typename Call>
auto checked_store_call(Call&& call) {
  auto result = store_call(std::forward<Call>(call));
  if (!result) throw store_error(result.error());
  return *std::move(result);
}

}  // namespace saola::jobs_web
