// Drives signed S3 requests, several at once, through libcurl in the calling thread: attempts,
// retries, stalls, deadline and stop are settled here and nowhere else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/objects/object_store.hpp>
#include <saola/objects_s3/s3_store.hpp>

#include "credentials/credentials.hpp"
#include "endpoint.hpp"
#include "retry.hpp"
#include "s3_answer.hpp"
#include "sigv4.hpp"

namespace saola::objects_s3 {

struct S3Request {
  std::string_view method = "GET";
  NameValues query;
  // Beside Host and the x-amz-* ones of the signature; names in lower case.
  NameValues headers;
  // Borrowed until the call has ended.
  std::string_view body;
  // Of the body; filled in by the driver when empty.
  std::string payload_sha256;
  // How many times low_speed_time to wait: for what the endpoint may think about for long.
  int patience = 1;
};

struct Flight;

// One request with all its attempts. Errors returned by the virtual functions are final, except
// kUnavailable and kDataCorrupt, after which the request is tried again.
class Call {
 public:
  explicit Call(S3Request request) : request_(std::move(request)) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call() = default;

  // Set once the driver has returned the call.
  const std::optional<Result<S3Answer>>& outcome() const { return outcome_; }
  unsigned attempts() const { return attempts_; }

 protected:
  // Before each attempt: what to send.
  virtual const S3Request& prepare() { return request_; }
  // The head of a 2xx answer has arrived.
  virtual Result<void> on_success_head(const S3Answer&) { return {}; }
  // The next bytes of a 2xx answer; false: they go into S3Answer::body.
  virtual Result<bool> on_body(std::span<const std::byte>) { return false; }
  // A 2xx answer is complete.
  virtual Result<void> on_complete(const S3Answer&) { return {}; }

  S3Request request_;

 private:
  friend class Driver;
  friend struct Flight;
  std::optional<Result<S3Answer>> outcome_;
  unsigned attempts_ = 0;
};

// A curl multi handle with its open connections, kept for the next transfer.
class Connections;

// What all transfers of a store share. Thread-safe.
struct DriverShared {
  DriverShared(S3Options o, Endpoint e);
  ~DriverShared();

  std::unique_ptr<Connections> borrow();
  void give_back(std::unique_ptr<Connections> connections);

  // An upload in parts that was begun and could not be aborted.
  struct Upload {
    objects::ObjectName name;
    std::string id;
  };
  void leave_behind(Upload upload);
  std::vector<Upload> take_left_behind();

  const S3Options options;
  const Endpoint endpoint;
  KeptCredentials credentials;  // of the options above
  RetryBudget budget;

 private:
  std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::unique_ptr<Connections>> idle_;
  std::vector<Upload> left_behind_;
};

class Driver {
 public:
  // `doing` begins every error text ("reading s3://b/k"). The arguments are borrowed.
  Driver(DriverShared& shared, const objects::ObjectName& name, const objects::CallOptions& options,
         std::string doing);
  // The same for requests to `target` instead of the object.
  Driver(DriverShared& shared, const objects::ObjectName& name, const objects::CallOptions& options,
         std::string doing, Target target);
  // Drops calls that have not ended.
  ~Driver();

  void start(Call& call);
  // Waits until a started call has ended and returns it; kTimedOut, kCancelled when the deadline or
  // a stop ends the waiting. `meanwhile` is called whenever bytes may have arrived; its error ends
  // the waiting too. REQUIRES: a started call that has not been returned.
  Result<Call*> next(const std::function<Result<void>()>& meanwhile = {});
  // start() and next() of a single call.
  Result<S3Answer> run(Call& call);

 private:
  std::optional<Error> begin_attempt(Flight& flight);
  void end_attempt(Flight& flight, int curl_code);
  void end_stalled(SteadyTime now);
  // The caller was busy since `since`: that is no stall.
  void excuse(SteadyTime since);
  void close_attempt(Flight& flight, std::optional<Failure> failure, bool timed_out,
                     Duration asked_wait);
  std::optional<Failure> failure_of_attempt(Flight& flight, int curl_code);
  Error given_up(Error error) const;

  DriverShared& shared_;
  const objects::ObjectName& name_;
  const objects::CallOptions& options_;
  const std::string doing_;
  const Target target_;
  std::unique_ptr<Connections> connections_;
  std::vector<std::unique_ptr<Flight>> flights_;
  std::optional<Error> last_failure_;
  std::minstd_rand random_;
  // When next() last returned: stalls are not counted while the caller is busy elsewhere.
  SteadyTime left_at_;
};

}  // namespace saola::objects_s3
