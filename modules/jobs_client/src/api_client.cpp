#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include <boost/json.hpp>
#include <curl/curl.h>
#include <fmt/core.h>

#include <saola/base/time.hpp>
#include <saola/jobs_client/api_client.hpp>

#include "event_parser.hpp"

namespace saola::jobs_client {
namespace {

namespace json = boost::json;

constexpr long kConnectSeconds = 5;
constexpr long kAnswerSeconds = 60;
constexpr long kUploadSeconds = 3600;
constexpr std::chrono::seconds kSilence(30);
constexpr std::chrono::milliseconds kBetweenTries(500);

ErrorCode code_of(long status) {
  switch (status) {
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 400:
    case 413:
    case 415:
    case 422:
      return ErrorCode::kInvalidArgument;
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kPermissionDenied;
    case 429:
    case 502:
    case 503:
    case 504:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

// What the server said, from its problem document; an answer of something else is quoted.
Error server_error(long status, const std::string& body) {
  boost::system::error_code bad;
  const json::value document = json::parse(body, bad);
  const json::object* problem = bad ? nullptr : document.if_object();
  const auto text = [](const json::object& object, std::string_view name) {
    const json::value* member = object.if_contains(name);
    return member != nullptr && member->is_string() ? std::string(member->as_string())
                                                    : std::string();
  };
  if (problem == nullptr || text(*problem, "title").empty()) {
    return Error(code_of(status),
                 fmt::format("the server answered {} with something that is no problem document; "
                             "is this the URL of a Saola service? {}",
                             status, body.substr(0, 200)));
  }
  std::string what = text(*problem, "detail");
  if (what.empty()) what = text(*problem, "title");
  const json::value* errors = problem->if_contains("errors");
  if (errors != nullptr && errors->is_array() && errors->as_array().size() > 1) {
    for (const json::value& one : errors->as_array()) {
      if (!one.is_object()) continue;
      what += fmt::format("\n  {}: {}", text(one.as_object(), "pointer"),
                          text(one.as_object(), "detail"));
    }
  }
  return Error(code_of(status), std::move(what));
}

}  // namespace

struct ApiClient::Inside {
  Inside(std::string address, std::string api_token)
      : url(std::move(address)), token(std::move(api_token)), curl(curl_easy_init()) {
    while (url.ends_with('/')) url.pop_back();
  }
  ~Inside() { curl_easy_cleanup(curl); }

  using Take = std::function<void(std::string_view)>;

  // Runs one request; `take` gets the body of a 2xx answer piece by piece, what another says comes
  // as the error. Returns the status.
  Result<long> run(std::string_view path, const std::string* body,
                   const std::vector<std::string>& fields, long seconds, const Take& take,
                   const std::string* file = nullptr) {
    if (curl == nullptr) return fail(ErrorCode::kInternal, "libcurl cannot be used");
    curl_slist* headers = nullptr;
    for (const std::string& field : fields) headers = curl_slist_append(headers, field.c_str());
    if (!token.empty()) {
      headers = curl_slist_append(headers, ("Authorization: Bearer " + token).c_str());
    }
    Answer answer{curl, take, {}};
    curl_easy_reset(curl);
    const std::string target = url + std::string(path);
    curl_easy_setopt(curl, CURLOPT_URL, target.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, seconds);
    // A stream is silent for at most the server's heartbeat; a dead one must be noticed.
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(kSilence.count()));
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Inside::go_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Answer::write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    if (body != nullptr) {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data());
    }
    curl_mime* form = nullptr;
    if (file != nullptr) {
      form = curl_mime_init(curl);
      curl_mimepart* const part = curl_mime_addpart(form);
      curl_mime_name(part, "file");
      curl_mime_filedata(part, file->c_str());
      curl_easy_setopt(curl, CURLOPT_MIMEPOST, form);
    }
    const CURLcode done = curl_easy_perform(curl);
    curl_mime_free(form);
    curl_slist_free_all(headers);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (done != CURLE_OK) {
      return fail(done == CURLE_URL_MALFORMAT || done == CURLE_UNSUPPORTED_PROTOCOL
                      ? ErrorCode::kInvalidArgument
                      : ErrorCode::kUnavailable,
                  "the server at {} cannot be reached: {}. Is the service running there? "
                  "--url says where to look",
                  url, curl_easy_strerror(done));
    }
    if (status / 100 != 2) return fail(server_error(status, answer.refusal));
    return status;
  }

  Result<json::value> run_json(std::string_view path, const std::string* body,
                               const std::vector<std::string>& fields,
                               const std::string* file = nullptr) {
    std::string text;
    auto status = run(
        path, body, fields, file == nullptr ? kAnswerSeconds : kUploadSeconds,
        [&](std::string_view piece) { text += piece; }, file);
    if (!status) return fail(status);
    boost::system::error_code bad;
    json::value value = json::parse(text, bad);
    if (bad) {
      return fail(ErrorCode::kInternal, "{} answered no JSON; is this the URL of a Saola service?",
                  url);
    }
    return value;
  }

  struct Answer {
    CURL* curl;
    const Take& take;
    std::string refusal;

    static std::size_t write(const char* bytes, std::size_t size, std::size_t count, void* self) {
      auto* answer = static_cast<Answer*>(self);
      long status = 0;
      curl_easy_getinfo(answer->curl, CURLINFO_RESPONSE_CODE, &status);
      if (status / 100 == 2) {
        answer->take(std::string_view(bytes, size * count));
      } else {
        answer->refusal.append(bytes, size * count);
      }
      return size * count;
    }
  };

  // libcurl asks about once a second whether to go on.
  static int go_on(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Inside*>(self)->give_up() ? 1 : 0;
  }

  std::string url;
  std::string token;
  CURL* curl;
  bool (*give_up)() = [] { return false; };
};

ApiClient::ApiClient(std::string url, std::string token)
    : inside_(std::make_unique<Inside>(std::move(url), std::move(token))) {}
ApiClient::~ApiClient() = default;

Result<json::value> ApiClient::get(std::string_view path) {
  return inside_->run_json(path, nullptr, {});
}

Result<json::value> ApiClient::post_file(std::string_view path, const std::string& file) {
  std::error_code bad;
  if (!std::filesystem::is_regular_file(file, bad)) {
    return fail(ErrorCode::kInvalidArgument, "{} is no file that can be read", file);
  }
  return inside_->run_json(path, nullptr, {}, &file);
}

Result<json::value> ApiClient::post(std::string_view path, const json::value& body,
                                    const std::vector<std::string>& headers) {
  std::vector<std::string> fields = headers;
  const std::string text = body.is_null() ? "" : json::serialize(body);
  fields.emplace_back("Content-Type: application/json");
  // No pause for "100 Continue".
  fields.emplace_back("Expect:");
  return inside_->run_json(path, &text, fields);
}

Result<json::value> ApiClient::watch(const std::string& job_id, const Watching& watching) {
  std::optional<json::value> end;
  std::string seen;
  bool lost = false;
  inside_->give_up = watching.give_up;
  Deadline give_up = Deadline::after(kSilence);
  const std::string path = fmt::format("/jobs/{}/events", job_id);
  while (true) {
    EventParser events([&](const ReceivedEvent& event) {
      boost::system::error_code bad;
      json::value job = json::parse(event.data, bad);
      if (bad) return;
      seen = event.id;
      watching.see(job);
      if (event.type == "end") end = std::move(job);
    });
    std::vector<std::string> fields{"Accept: text/event-stream"};
    if (!seen.empty()) fields.push_back("Last-Event-ID: " + seen);
    bool heard = false;
    const auto status = inside_->run(path, nullptr, fields, 0, [&](std::string_view bytes) {
      heard = true;
      lost = false;
      events.feed(bytes);
    });
    if (end) return *std::move(end);
    if (watching.give_up()) return fail(ErrorCode::kCancelled, "asked to stop watching");
    if (heard) give_up = Deadline::after(kSilence);
    // A server that was never there is reported at once, one that went away may come back.
    const bool may_come_back = !seen.empty() || heard;
    if (!status && (status.error().code() != ErrorCode::kUnavailable || !may_come_back)) {
      return fail(status);
    }
    if (give_up.passed()) {
      if (!status) return fail(status);
      return fail(ErrorCode::kUnavailable, "{} ended its stream of events again and again",
                  inside_->url);
    }
    if (!status && !std::exchange(lost, true)) watching.lost(status.error());
    std::this_thread::sleep_for(kBetweenTries);
  }
}

}  // namespace saola::jobs_client
