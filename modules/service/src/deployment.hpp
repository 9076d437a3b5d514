// What the settings bind a service to: its job store and its buckets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/jobs/store.hpp>
#include <saola/objects/buckets.hpp>
#include <saola/server/settings.hpp>

namespace saola::service {

// Where jobs may wait, and how many in each.
inline constexpr server::Setting<std::vector<std::string>> kQueues{"queues"};
inline constexpr server::Setting<std::int64_t> kQueueLimit{"queue-limit"};

// Rows of the settings table of a service that has tasks: store, its limits, how long jobs are kept.
std::vector<server::SettingRow> store_rows();
// … and that of every service: buckets.
std::vector<server::SettingRow> bucket_rows(const std::string& default_buckets);

// The path of the job store's file.
std::string store_path(const server::Settings& settings);

// Opens the job store. Starts a thread. Errors as open_sqlite_store().
Result<std::unique_ptr<jobs::Store>> open_store(const server::Settings& settings);

// How long finished jobs are kept.
jobs::Retention retention(const server::Settings& settings);

// Opens every configured bucket, without talking to any endpoint. A bucket of the built-in default
// is left out when its directory is not there. kInvalidArgument, kNotFound, kUnauthenticated, …
// name the bucket.
Result<std::unique_ptr<objects::Buckets>> open_buckets(const server::Settings& settings);

// A line for each bucket in use, for the banner at start; no credentials.
std::vector<std::string> describe_buckets(const server::Settings& settings);

}  // namespace saola::service
