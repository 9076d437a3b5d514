#include "driver.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <curl/curl.h>

#include <saola/base/check.hpp>
#include <saola/base/log.hpp>
#include <saola/objects/checksum.hpp>

#include "curl_failure.hpp"
#include "flight.hpp"
#include "sigpipe_blocked.hpp"

namespace saola::objects_s3 {
namespace {

bool is_retryable(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kDataCorrupt;
}

}  // namespace

class Connections {
 public:
  Connections() : multi_(curl_multi_init()) {
    SAOLA_CHECK(multi_ != nullptr, "curl_multi_init failed: out of memory");
  }
  ~Connections() {
    // Closing TLS connections writes to them.
    const SigpipeBlocked sigpipe;
    curl_multi_cleanup(multi_);
  }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  CURLM* multi() const { return multi_; }

 private:
  CURLM* multi_;
};

DriverShared::DriverShared(S3Options o, Endpoint e)
    : options(std::move(o)), endpoint(std::move(e)), credentials(options) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  SAOLA_CHECK(ready == CURLE_OK, "curl_global_init failed");
}

DriverShared::~DriverShared() = default;

std::unique_ptr<Connections> DriverShared::borrow() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Connections>();
  auto out = std::move(idle_.back());
  idle_.pop_back();
  return out;
}

void DriverShared::give_back(std::unique_ptr<Connections> connections) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connections));
}

void DriverShared::leave_behind(Upload upload) {
  constexpr std::size_t kMost = 1000;
  const std::lock_guard lock(mutex_);
  if (left_behind_.size() < kMost) left_behind_.push_back(std::move(upload));
}

std::vector<DriverShared::Upload> DriverShared::take_left_behind() {
  const std::lock_guard lock(mutex_);
  return std::exchange(left_behind_, {});
}

Driver::Driver(DriverShared& shared, const objects::ObjectName& name,
               const objects::CallOptions& options, std::string doing)
    : Driver(shared, name, options, std::move(doing), shared.endpoint.target(name)) {}

Driver::Driver(DriverShared& shared, const objects::ObjectName& name,
               const objects::CallOptions& options, std::string doing, Target target)
    : shared_(shared),
      name_(name),
      options_(options),
      doing_(std::move(doing)),
      target_(std::move(target)),
      connections_(shared.borrow()),
      random_(std::random_device()()),
      left_at_(std::chrono::steady_clock::now()) {}

Driver::~Driver() {
  const SigpipeBlocked sigpipe;
  for (const auto& flight : flights_) {
    if (flight->easy == nullptr) continue;
    curl_multi_remove_handle(connections_->multi(), flight->easy);
    curl_easy_cleanup(flight->easy);
    curl_slist_free_all(flight->header_list);
  }
  shared_.give_back(std::move(connections_));
}

void Driver::start(Call& call) {
  flights_.push_back(std::make_unique<Flight>(call));
}

Result<S3Answer> Driver::run(Call& call) {
  start(call);
  auto ended = next();
  if (!ended) return fail(ended);
  return *call.outcome();
}

Error Driver::given_up(Error error) const {
  if (!last_failure_) return error;
  return Error(error.code(),
               fmt::format("{}; the last attempt: {}", error.text(), last_failure_->message()));
}

void Driver::excuse(SteadyTime since) {
  const Duration away = std::chrono::steady_clock::now() - since;
  for (const auto& flight : flights_) flight->window_start += away;
}

Result<Call*> Driver::next(const std::function<Result<void>()>& meanwhile) {
  SAOLA_CHECK(!flights_.empty(), "next() needs a started call");
  const SigpipeBlocked sigpipe;
  CURLM* const multi = connections_->multi();
  const std::stop_callback wake(options_.stop, [multi] { curl_multi_wakeup(multi); });
  excuse(left_at_);

  for (;;) {
    if (auto ok = objects::still_wanted(options_, doing_); !ok) {
      return fail(given_up(std::move(ok).error()));
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    for (const auto& flight : flights_) {
      if (flight->easy != nullptr || flight->outcome || flight->not_before > now) continue;
      if (auto error = begin_attempt(*flight)) {
        flight->outcome = fail(std::move(*error));
      }
    }
    int running = 0;
    curl_multi_perform(multi, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      // The message is gone once the handle is removed.
      const CURLcode code = message->data.result;
      CURL* const easy = message->easy_handle;
      const auto flight = std::ranges::find(flights_, easy, &Flight::easy);
      SAOLA_CHECK(flight != flights_.end(), "libcurl ended a transfer we did not start");
      end_attempt(**flight, code);
    }
    end_stalled(std::chrono::steady_clock::now());

    const auto done = std::ranges::find_if(
        flights_, [](const auto& flight) { return flight->outcome.has_value(); });
    if (done != flights_.end()) {
      Call* call = &(*done)->call;
      call->outcome_ = std::move((*done)->outcome);
      flights_.erase(done);
      left_at_ = std::chrono::steady_clock::now();
      return call;
    }
    if (meanwhile) {
      const SteadyTime begin = std::chrono::steady_clock::now();
      if (auto ok = meanwhile(); !ok) return fail(ok);
      excuse(begin);
    }
    SteadyTime wake_at = options_.deadline.time();
    for (const auto& flight : flights_) {
      wake_at = std::min(wake_at, flight->easy == nullptr ? flight->not_before
                                                          : flight->window_start + flight->slice());
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(
        std::max(Duration::zero(), wake_at - std::chrono::steady_clock::now()));
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(std::min<long long>(wait.count(), 60'000)),
                    nullptr);
  }
}

std::optional<Error> Driver::begin_attempt(Flight& flight) {
  const SteadyTime asked = std::chrono::steady_clock::now();
  auto found = shared_.credentials.get(options_.deadline);
  excuse(asked);
  if (!found) return std::move(found).error().wrap(doing_ + " failed");
  ++flight.call.attempts_;
  flight.answer = {};
  flight.credential_source = found->source;
  flight.keys = found->credentials;
  flight.header_bytes = flight.body_bytes = 0;
  flight.head_passed = false;
  flight.own_error.reset();
  flight.curl_error[0] = '\0';
  flight.window_start = std::chrono::steady_clock::now();
  flight.window_bytes = 0;
  flight.slices_done = 0;

  const S3Request& request = flight.call.prepare();
  flight.body = flight.unsent = request.body;
  flight.low_speed_time = shared_.options.low_speed_time * request.patience;
  if (flight.call.request_.payload_sha256.empty()) {
    flight.call.request_.payload_sha256 = objects::sha256_hex(request.body);
  }
  const std::string& sha256 = flight.call.request_.payload_sha256;
  const std::string query = query_string(request.query);
  NameValues headers = request.headers;
  headers.emplace_back("host", target_.host);
  if (found->credentials) {
    headers.emplace_back("x-amz-content-sha256", sha256);
    const SystemTime now = real_clock().system_now();
    headers.emplace_back("x-amz-date", amz_date(now));
    if (!found->credentials->session_token.empty()) {
      headers.emplace_back("x-amz-security-token", found->credentials->session_token);
    }
    headers.emplace_back("authorization", sign({request.method, target_.path, query, headers,
                                                sha256, shared_.endpoint.region(), now},
                                               *found->credentials));
  }
  curl_slist* list = nullptr;
  for (const auto& [name, value] : headers) {
    list = curl_slist_append(list, (name + ": " + value).c_str());
  }
  flight.header_list = list;

  // A new handle each time: a used one may refuse options. Connections are kept by the multi
  // handle.
  CURL* const easy = flight.easy = curl_easy_init();
  SAOLA_CHECK(easy != nullptr, "curl_easy_init failed: out of memory");
  const S3Options& options = shared_.options;
  const std::string url = target_.origin + target_.path + (query.empty() ? "" : "?" + query);
  auto set = [easy](CURLoption option, auto value) {
    SAOLA_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK, "libcurl refuses an option");
  };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_HTTPHEADER, list);
  set(CURLOPT_USERAGENT, "saola");
  set(CURLOPT_NOSIGNAL, 1L);
  // Without it, dropping a transfer waits for the name to be resolved.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_ERRORBUFFER, flight.curl_error);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_BUFFERSIZE, 256L * 1024);
  set(CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  set(CURLOPT_HEADERFUNCTION, &Flight::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&flight));
  set(CURLOPT_WRITEFUNCTION, &Flight::on_write);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&flight));
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request.method == "PUT" || request.method == "POST") {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_CUSTOMREQUEST, std::string(request.method).c_str());
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_READFUNCTION, &Flight::on_read);
    set(CURLOPT_READDATA, static_cast<void*>(&flight));
    set(CURLOPT_SEEKFUNCTION, &Flight::on_seek);
    set(CURLOPT_SEEKDATA, static_cast<void*>(&flight));
  } else if (request.method != "GET") {
    set(CURLOPT_CUSTOMREQUEST, std::string(request.method).c_str());
  }
  const CURLMcode added = curl_multi_add_handle(connections_->multi(), easy);
  SAOLA_CHECK(added == CURLM_OK, "curl_multi_add_handle failed");
  return std::nullopt;
}

// The failure of the attempt that just ended, if it failed.
std::optional<Failure> Driver::failure_of_attempt(Flight& flight, int curl_code) {
  const auto failed = [&](Error error) {
    const bool retryable = is_retryable(error.code());
    return Failure{std::move(error).wrap(doing_ + " failed"), retryable};
  };
  if (flight.own_error) return failed(std::move(*flight.own_error));
  if (curl_code != CURLE_OK) {
    return failure_of_curl(curl_code, flight.curl_error, doing_, target_.origin);
  }
  if (!flight.pass_head()) return failed(std::move(*flight.own_error));
  const bool error_in_success =
      flight.answer.is_success() && flight.answer.body.find("<Error") != std::string::npos;
  if (!flight.answer.is_success() || error_in_success) {
    return failure_of(flight.answer, shared_.endpoint, name_, doing_, flight.credential_source);
  }
  if (auto ok = flight.call.on_complete(flight.answer); !ok) {
    return failed(std::move(ok).error());
  }
  return std::nullopt;
}

void Driver::end_attempt(Flight& flight, int curl_code) {
  auto failure = failure_of_attempt(flight, curl_code);
  const std::string_view header = flight.answer.header("retry-after");
  const Duration asked =
      header.empty() ? Duration::zero() : parse_retry_after(header, real_clock().system_now());
  close_attempt(flight, std::move(failure), curl_code == CURLE_OPERATION_TIMEDOUT, asked);
}

void Driver::end_stalled(SteadyTime now) {
  const S3Options& options = shared_.options;
  for (const auto& flight : flights_) {
    if (flight->easy == nullptr) continue;
    while (now - flight->window_start >= flight->slice()) {
      flight->slices[flight->slices_done++ % Flight::kSlices] = flight->window_bytes;
      flight->window_bytes = 0;
      flight->window_start += flight->slice();
    }
    if (flight->slices_done < Flight::kSlices) continue;
    const double seconds = std::chrono::duration<double>(flight->low_speed_time).count();
    const double wanted = seconds * static_cast<double>(options.low_speed_bytes_per_second);
    const std::uint64_t moved =
        std::accumulate(flight->slices.begin(), flight->slices.end(), flight->window_bytes);
    if (static_cast<double>(moved) >= wanted) continue;
    close_attempt(
        *flight,
        Failure{Error(ErrorCode::kUnavailable,
                      fmt::format("{} failed: {} sent or took only {} bytes in {:.1f} s. It is "
                                  "stopped, overloaded or cut off: check it",
                                  doing_, target_.origin, moved, seconds)),
                true},
        true, Duration::zero());
  }
}

// The attempt is over: the call is done, or it waits for its next attempt.
void Driver::close_attempt(Flight& flight, std::optional<Failure> failure, bool timed_out,
                           Duration asked_wait) {
  curl_multi_remove_handle(connections_->multi(), flight.easy);
  curl_easy_cleanup(std::exchange(flight.easy, nullptr));
  curl_slist_free_all(std::exchange(flight.header_list, nullptr));
  if (!failure) {
    shared_.budget.earn(flight.paid);
    flight.outcome = std::move(flight.answer);
    return;
  }
  // Once: whoever gives expired keys again will give them a third time.
  if (failure->keys_expired && flight.keys && !std::exchange(flight.asked_for_new_keys, true)) {
    failure->retryable = shared_.credentials.expired(*flight.keys);
  }
  const unsigned attempt = flight.call.attempts_;
  const int cost = timed_out ? RetryBudget::kTimeoutCost : RetryBudget::kRetryCost;
  const double random = std::uniform_real_distribution<double>(0.0, 1.0)(random_);
  const Duration wait = std::max(retry_delay(shared_.options, attempt + 1, random), asked_wait);
  std::string_view why_not;
  if (!failure->retryable) {
    why_not = "";
  } else if (attempt >= shared_.options.attempts) {
    why_not = "no more attempts are allowed";
  } else if (wait >= options_.deadline.remaining()) {
    why_not = "the deadline leaves no time to try again";
  } else if (!shared_.budget.pay(cost)) {
    why_not = "the endpoint fails too often to try again now";
  } else {
    flight.paid += cost;
    flight.not_before = std::chrono::steady_clock::now() + wait;
    log_warning("an S3 request failed and will be tried again",
                {{"attempt", attempt},
                 {"of", shared_.options.attempts},
                 {"error", failure->error.message()}});
    last_failure_ = std::move(failure->error);
    return;
  }
  flight.outcome =
      fail(why_not.empty() ? std::move(failure->error)
                           : std::move(failure->error)
                                 .wrap(fmt::format("gave up after {} attempt{} ({})", attempt,
                                                   attempt == 1 ? "" : "s", why_not)));
}

}  // namespace saola::objects_s3
