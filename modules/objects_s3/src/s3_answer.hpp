// What an S3 endpoint answered, and what a refusal means to the caller.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/objects/object_name.hpp>

#include "endpoint.hpp"

namespace saola::objects_s3 {

struct S3Answer {
  long status = 0;
  // Names in lower case, in the order received.
  std::vector<std::pair<std::string, std::string>> headers;
  // Of a refusal, or of a request whose body nobody else takes; the first 64 KiB.
  std::string body;

  // The first header of that name; empty when there is none.
  std::string_view header(std::string_view name) const;
  bool is_success() const { return status >= 200 && status < 300; }
};

struct Failure {
  Error error;
  // Whether the same request may succeed later.
  bool retryable = false;
  // Whether new keys would mend it.
  bool keys_expired = false;
};

// The failure that an answer with an error (a status other than 2xx, or an <Error> document in a
// 200) stands for. `doing` begins the text ("reading s3://b/k"); `credential_source` says where the
// keys came from. Never names a key or secret.
Failure failure_of(const S3Answer& answer, const Endpoint& endpoint,
                   const objects::ObjectName& name, std::string_view doing,
                   std::string_view credential_source);

}  // namespace saola::objects_s3
