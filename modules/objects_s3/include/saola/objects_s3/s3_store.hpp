// A bucket held by an S3 endpoint: Amazon's, Ceph's, or any other that speaks the protocol.
//
//   auto store = S3Store::open({.endpoint = "https://s3.example.org", .bucket = "results"});
//   if (!store) return store.error();
//   (*store)->put_file(*ObjectName::parse("s3://results/a.csv"), "/tmp/a.csv",
//                      {.deadline = Deadline::after(5min)});
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <saola/objects/object_store.hpp>

namespace saola::objects_s3 {

// The keys that sign requests.
struct S3Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  // Of temporary credentials; else empty.
  std::string session_token;
};

// Where the keys come from.
enum class S3CredentialSource {
  // In boto3's order: environment; role, web identity, keys or credential_process of the profile;
  // container; instance (docs/objects.md). The first that is there counts.
  kChain,
  kEnvironment,  // AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
  kProfile,      // what the profile says; its keys are read anew when used, so they may be rotated
  kExplicit,     // S3Options::credentials
  kAnonymous,    // requests are not signed
};

// How a URL names the bucket.
enum class S3Addressing {
  kAuto,         // path-style when an endpoint is given or the bucket is no DNS label
  kPath,         // https://endpoint/bucket/key
  kVirtualHost,  // https://bucket.endpoint/key
};

// How an endpoint is spoken to; the defaults are for Amazon's.
struct S3Options {
  // "http[s]://host[:port][/path]"; empty: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile's, else
  // Amazon's endpoint of the region.
  std::string endpoint;
  // Empty: AWS_REGION, AWS_DEFAULT_REGION, the profile's, else "us-east-1".
  std::string region;
  // What the endpoint calls the bucket; empty: as it is called in Saola.
  std::string bucket;
  S3Addressing addressing = S3Addressing::kAuto;
  // PEM file of certificate authorities to trust instead of the system's; empty: the system's.
  std::string ca_file;

  S3CredentialSource credential_source = S3CredentialSource::kChain;
  // For kExplicit.
  S3Credentials credentials;
  // Profile of AWS_SHARED_CREDENTIALS_FILE (else ~/.aws/credentials) and AWS_CONFIG_FILE (else
  // ~/.aws/config); empty: AWS_PROFILE, else "default".
  std::string profile;

  // Bytes of a ranged GET and of an uploaded part. A transfer holds up to `parallel` of them in
  // memory. At least 5 MiB for Amazon's uploads.
  std::uint64_t part_size = 8 * 1024 * 1024;
  // Requests of one transfer at once.
  unsigned parallel = 8;
  // Larger objects are uploaded in parts, smaller ones by one PUT (held in memory). Bytes.
  std::uint64_t multipart_threshold = 16 * 1024 * 1024;

  // To resolve the name, connect and shake hands.
  std::chrono::milliseconds connect_timeout{5'000};
  // An attempt that moves fewer than low_speed_bytes_per_second for this long is given up (and
  // tried again): a stopped or stuck endpoint must not hold a worker.
  std::chrono::milliseconds low_speed_time{20'000};
  std::uint64_t low_speed_bytes_per_second = 100;

  // Tries of each request, the first one included: about two minutes of patience, so that a gateway
  // that restarts costs no finished work.
  unsigned attempts = 20;
  // Try n + 1 waits a random time up to retry_base_delay · 2ⁿ⁻¹, at most retry_max_delay; longer
  // when the endpoint says so (Retry-After, up to one minute).
  std::chrono::milliseconds retry_base_delay{100};
  std::chrono::milliseconds retry_max_delay{20'000};
};

// Signature Version 4; HEAD, then ranged GETs in parallel that all name the same ETag; PUT, in
// parts above a size. Needs no checksum extension, follows no redirect, takes no ETag for an MD5.
//
// Calls work in the calling thread alone (libcurl resolves names in a thread of its own) and may
// run in many threads at once. 5xx, 429, throttling, broken connections, cut or wrong answers and
// stalls are tried again, as long as the store's budget for retries lasts (2000 tokens; a retry
// costs 5, 10 after a time-out, and success earns them back). A proxy is used as libcurl's
// environment variables say (https_proxy, no_proxy).
//
// An endpoint that answers a ranged GET with the whole object is read as one stream.
//
// An upload in parts that fails is aborted, which may take up to 2 s past the deadline; where that
// fails too it is tried again before the next put. Those of a killed process stay until somebody
// calls clear_unfinished().
class S3Store final : public objects::ObjectStore {
 public:
  // kInvalidArgument: an option is wrong. kUnauthenticated: there are no credentials. Does not
  // talk to the endpoint; a role's keys are asked for, and one that cannot be asked now is logged.
  static Result<std::unique_ptr<S3Store>> open(S3Options options);
  ~S3Store() override;

  Result<objects::ObjectInfo> stat(const objects::ObjectName& name,
                                   const objects::CallOptions& options) override;
  Result<objects::ObjectInfo> get(const objects::ObjectName& name, const objects::ByteSink& sink,
                                  const objects::GetOptions& options) override;
  Result<objects::ObjectInfo> put(const objects::ObjectName& name,
                                  const objects::ByteSource& source,
                                  const objects::CallOptions& options) override;
  Result<void> remove(const objects::ObjectName& name,
                      const objects::CallOptions& options) override;
  Result<void> clear_unfinished(const objects::ObjectName& beginning,
                                const objects::CallOptions& options) override;

 private:
  struct Inside;
  explicit S3Store(std::unique_ptr<Inside> inside);

  std::unique_ptr<Inside> inside_;
};

}  // namespace saola::objects_s3
