// What the settings bind the service to: its job store and its buckets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/jobs/store.hpp>
#include <saola/objects/buckets.hpp>
#include <saola/server/settings.hpp>

namespace saola::split_service {

// The application's rows of the settings table: store, queue-limit, buckets.
std::vector<server::SettingRow> setting_rows();

// The path of the job store's file. REQUIRES: check_settings() found nothing.
std::string store_path(const server::Settings& settings);

// Opens the job store. Starts a thread. Errors as open_sqlite_store().
Result<std::unique_ptr<jobs::Store>> open_store(const server::Settings& settings);

// Opens every configured bucket, without talking to any endpoint. The bucket of the embedded
// default is left out when its directory is not there. kInvalidArgument, kNotFound,
// kUnauthenticated, … name the bucket.
Result<std::unique_ptr<objects::Buckets>> open_buckets(const server::Settings& settings);

// What is wrong with the application's settings taken together.
Result<void> check_settings(const server::Settings& settings);

// Lines for the banner at start; no credentials.
std::vector<std::string> describe_settings(const server::Settings& settings);

}  // namespace saola::split_service
