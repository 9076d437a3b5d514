#include "credentials/fetch.hpp"

#include <algorithm>
#include <memory>
#include <thread>

#include <curl/curl.h>

#include <saola/base/check.hpp>

#include "sigpipe_blocked.hpp"

namespace saola::objects_s3 {
namespace {

constexpr std::size_t kMaxAnswer = 64 << 10;
constexpr std::chrono::milliseconds kBetweenTries(200);

std::size_t append(char* data, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > kMaxAnswer) return 0;
  body.append(data, size * count);
  return size * count;
}

Result<Fetched> fetch_once(const FetchRequest& request, Deadline deadline) {
  const SigpipeBlocked sigpipe;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  SAOLA_CHECK(easy != nullptr, "curl_easy_init failed: out of memory");
  const auto set = [&](CURLoption option, auto value) {
    SAOLA_CHECK(curl_easy_setopt(easy.get(), option, value) == CURLE_OK,
                "libcurl refuses an option");
  };
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request.headers) {
    list = curl_slist_append(list, (name + ": " + value).c_str());
  }
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list,
                                                                            &curl_slist_free_all);
  Fetched answer;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(
      std::min<Duration>(deadline.remaining(), request.timeout));
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_TIMEOUT_MS, std::max(static_cast<long>(left.count()), 1L));
  set(CURLOPT_USERAGENT, "saola");
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_WRITEFUNCTION, &append);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&answer.body));
  if (!request.through_proxy) set(CURLOPT_PROXY, "");
  if (!request.ca_file.empty()) set(CURLOPT_CAINFO, request.ca_file.c_str());
  if (request.method != "GET") {
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.c_str());
  }
  const CURLcode done = curl_easy_perform(easy.get());
  if (done != CURLE_OK) {
    return fail(done == CURLE_OPERATION_TIMEDOUT ? ErrorCode::kTimedOut : ErrorCode::kUnavailable,
                "{}: {}", request.url, curl_easy_strerror(done));
  }
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

}  // namespace

Result<Fetched> fetch(const FetchRequest& request, Deadline deadline) {
  for (int left = request.tries;; --left) {
    auto answer = fetch_once(request, deadline);
    const bool may_pass = !answer || answer->status >= 500 || answer->status == 429;
    if (!may_pass || left <= 1 || deadline.remaining() <= kBetweenTries) return answer;
    std::this_thread::sleep_for(kBetweenTries);
  }
}

}  // namespace saola::objects_s3
