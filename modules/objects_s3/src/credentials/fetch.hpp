// Small HTTP requests for credentials: to a container's agent, an instance's metadata, STS.
#pragma once

#include <chrono>
#include <string>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

#include "sigv4.hpp"

namespace saola::objects_s3 {

struct FetchRequest {
  std::string method = "GET";
  std::string url;
  NameValues headers = {};
  std::string body = {};
  // Of one try.
  std::chrono::milliseconds timeout{5'000};
  // Tries in all, when nobody answers or the answer is 5xx or 429.
  int tries = 3;
  // What is on this machine or its link is not asked for through a proxy.
  bool through_proxy = false;
  // PEM; empty: the system's.
  std::string ca_file = {};
};

struct Fetched {
  long status = 0;
  std::string body;
};

// Blocks until there is an answer, whatever its status, or `deadline`. kUnavailable: nobody answers.
// Follows no redirect, takes at most 64 KiB.
Result<Fetched> fetch(const FetchRequest& request, Deadline deadline);

}  // namespace saola::objects_s3
