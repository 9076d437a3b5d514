#include "deployment.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/core.h>

#include <saola/jobs_sqlite/sqlite_store.hpp>
#include <saola/objects/directory_store.hpp>
#include <saola/objects_s3/s3_store.hpp>
#include <saola/server/server_settings.hpp>

namespace saola::service {
namespace {

constexpr std::string_view kSqlite = "sqlite:";
constexpr server::Setting<std::string> kStore{"store"};
constexpr server::Setting<std::int64_t> kStoreMaxBytes{"store-max-bytes"};
constexpr server::Setting<Duration> kKeepCompleted{"keep-completed"};
constexpr server::Setting<Duration> kKeepCancelled{"keep-cancelled"};
constexpr server::Setting<Duration> kKeepDiscarded{"keep-discarded"};
constexpr server::Setting<std::vector<server::NamedTable>> kBuckets{"buckets"};

Result<void> check_store(std::string_view text) {
  if (text == "auto") return {};
  if (text.starts_with(kSqlite) && text.size() > kSqlite.size()) return {};
  return fail(ErrorCode::kInvalidArgument, "write sqlite:PATH, or auto");
}

Result<void> check_queue(std::string_view name) {
  if (jobs::is_name(name)) return {};
  return fail(ErrorCode::kInvalidArgument,
              "write a name of 1 to 64 characters of a-z A-Z 0-9 _ . -");
}

bool is_default(const server::Settings& settings) {
  return settings.origin(kBuckets.key) == "default";
}

// Sets `into` when the field is there.
template <typename Number>
Result<void> read_number(const server::NamedTable& table, std::string_view field, Number& into) {
  const std::string_view text = table.get(field);
  if (text.empty()) return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  if (error == std::errc() && end == text.data() + text.size()) return {};
  return fail(ErrorCode::kInvalidArgument, "{} is '{}'; write a whole number", field, text);
}

// Sets `into` when the field is there.
Result<void> read_bool(const server::NamedTable& table, std::string_view field, bool& into) {
  const std::string_view text = table.get(field);
  if (text.empty()) return {};
  into = text == "true";
  if (into || text == "false") return {};
  return fail(ErrorCode::kInvalidArgument, "{} is '{}'; write true or false", field, text);
}

Result<objects_s3::S3Options> s3_options(const server::NamedTable& table) {
  objects_s3::S3Options options;
  options.endpoint = table.get("endpoint");
  options.region = table.get("region");
  options.bucket = table.get("bucket");
  options.ca_file = table.get("ca-file");
  options.profile = table.get("profile");
  options.credentials = {.access_key_id = std::string(table.get("access-key-id")),
                         .secret_access_key = std::string(table.get("secret-access-key")),
                         .session_token = std::string(table.get("session-token"))};
  if (auto ok = read_number(table, "part-size", options.part_size); !ok) {
    return fail(ok);
  }
  if (auto ok = read_number(table, "attempts", options.attempts); !ok) {
    return fail(ok);
  }
  if (!table.get("path-style").empty()) {
    bool path_style = false;
    if (auto ok = read_bool(table, "path-style", path_style); !ok) {
      return fail(ok);
    }
    options.addressing =
        path_style ? objects_s3::S3Addressing::kPath : objects_s3::S3Addressing::kVirtualHost;
  }
  const std::string_view source = table.get("credentials");
  if (!options.credentials.access_key_id.empty() ||
      !options.credentials.secret_access_key.empty()) {
    if (!source.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "credentials = '{}' and access-key-id are both given; keep one", source);
    }
    options.credential_source = objects_s3::S3CredentialSource::kExplicit;
  } else if (source == "environment") {
    options.credential_source = objects_s3::S3CredentialSource::kEnvironment;
  } else if (source == "profile") {
    options.credential_source = objects_s3::S3CredentialSource::kProfile;
  } else if (source == "anonymous") {
    options.credential_source = objects_s3::S3CredentialSource::kAnonymous;
  } else if (!source.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "credentials is '{}'; write environment, profile or anonymous, or give "
                "access-key-id and secret-access-key",
                source);
  } else if (!options.profile.empty()) {
    options.credential_source = objects_s3::S3CredentialSource::kProfile;
  }
  return options;
}

Result<objects::BucketRights> rights_of(const server::NamedTable& table) {
  objects::BucketRights rights;
  if (auto ok = read_bool(table, "writable", rights.writable); !ok) {
    return fail(ok);
  }
  if (auto ok = read_bool(table, "prune", rights.prune); !ok) {
    return fail(ok);
  }
  const std::string_view prefix = table.get("prefix");
  if (!rights.writable && (rights.prune || !prefix.empty())) {
    return fail(ErrorCode::kInvalidArgument, "it has {}, but is not writable; add writable = true",
                rights.prune ? "prune = true" : "a prefix for results");
  }
  if (prefix.empty()) return rights;
  auto place = objects::ObjectPrefix::parse(fmt::format("s3://{}/{}", table.name, prefix));
  if (!place) return fail(place);
  rights.prefix = place->key();
  return rights;
}

// What a bucket that is a directory may have besides.
constexpr std::string_view kOfEveryBucket[] = {"directory", "writable", "prefix", "prune"};

Result<std::unique_ptr<objects::ObjectStore>> open_bucket(const server::NamedTable& table) {
  const std::string directory(table.get("directory"));
  if (!directory.empty()) {
    for (const auto& [field, value] : table.fields) {
      if (std::ranges::count(kOfEveryBucket, field) > 0) continue;
      return fail(ErrorCode::kInvalidArgument,
                  "it has a directory and '{}' of an S3 bucket; keep one of them", field);
    }
    return objects::DirectoryStore::open(directory);
  }
  auto options = s3_options(table);
  if (!options) return fail(options);
  return objects_s3::S3Store::open(*std::move(options));
}

}  // namespace

std::vector<server::SettingRow> store_rows() {
  using enum server::SettingType;
  return {
      {.section = "Jobs",
       .key = kStore.key,
       .type = kText,
       .default_value = "auto",
       .doc = "Where jobs are kept: sqlite:PATH, a file shared by all processes of this server. "
              "auto: jobs.db in the state directory.",
       .shape = "sqlite:PATH",
       .takes_effect = server::TakesEffect::kRestart,
       .check = check_store},
      {.section = "Jobs",
       .key = kStoreMaxBytes.key,
       .type = kBytes,
       .default_value = "2G",
       .doc =
           "Bytes of jobs beyond which new ones are answered 503; those accepted go on. Finished "
           "jobs are deleted, the oldest first and not before a minute has passed, while there are "
           "more than half as many. At most half of the disk. 0: no limit but the disk, of which a "
           "fifth, or 64 MiB, is kept back for what accepted jobs still write."},
      {.section = "Jobs",
       .key = kKeepCompleted.key,
       .type = kSeconds,
       .default_value = "604800",
       .doc = "How long completed jobs and their results are kept after their end."},
      {.section = "Jobs",
       .key = kKeepCancelled.key,
       .type = kSeconds,
       .default_value = "604800",
       .doc = "How long cancelled jobs are kept."},
      {.section = "Jobs",
       .key = kKeepDiscarded.key,
       .type = kSeconds,
       .default_value = "2592000",
       .doc = "How long jobs that failed for good are kept."},
      {.section = "Jobs",
       .key = kQueues.key,
       .type = kList,
       .default_value = "default",
       .doc = "Queues that jobs may wait in, each with a limit of its own (queue-limit). A request "
              "names one in its header Job-Queue; the first is that of jobs which name none. All "
              "task workers serve all of them; jobs of a queue that is no longer here wait.",
       .shape = "NAME",
       .check = check_queue},
      {.section = "Jobs",
       .key = kQueueLimit.key,
       .type = kInteger,
       .default_value = "10000",
       .doc =
           "Jobs that may wait in each queue; beyond, new ones are answered 429 with Retry-After.",
       .min = 1,
       .max = 10'000'000},
  };
}

std::vector<server::SettingRow> bucket_rows(const std::string& default_buckets) {
  using enum server::SettingType;
  return {
      {.section = "Objects",
       .key = kBuckets.key,
       .type = kTables,
       .default_value = default_buckets,
       .doc = "The buckets that s3://NAME/KEY may name, each a local directory or an S3 bucket; "
              "nothing else can be reached.",
       .shape = "NAME=DIRECTORY",
       .flag = "bucket",
       .fields =
           {
               {"directory", "A local directory that holds the objects as files."},
               {.name = "writable",
                .doc = "true: jobs may write their results there. Empty: they may only read; the "
                       "flag's form NAME=DIRECTORY is writable.",
                .with_flag = "true"},
               {"prefix", "Results must lie under it; empty: anywhere in the bucket."},
               {"prune",
                "true: what a job has written there goes when the job is pruned (keep-completed), "
                "unless it was replaced since. Empty: it stays."},
               {"endpoint",
                "http[s]://host[:port] of an S3 server; empty: as the environment or profile says, "
                "else Amazon's of the region."},
               {"region", "Empty: AWS_REGION, the profile's, else us-east-1."},
               {"bucket", "What the endpoint calls the bucket; empty: NAME."},
               {"path-style",
                "true: https://endpoint/bucket/key; false: https://bucket.endpoint/key; empty: as "
                "fits the endpoint."},
               {"credentials",
                "environment (AWS_ACCESS_KEY_ID, …), profile or anonymous; empty: where boto3 "
                "looks "
                "(environment, profile files, web identity, container, instance)."},
               {"profile",
                "Of ~/.aws/credentials and ~/.aws/config; empty: AWS_PROFILE, else "
                "default."},
               {"access-key-id", "Together with secret-access-key instead of credentials."},
               {"secret-access-key", "Kept out of every listing.", true},
               {"session-token", "Of temporary credentials.", true},
               {"ca-file", "PEM file of authorities to trust instead of the system's."},
               {"part-size", "Bytes of a ranged GET and of an uploaded part; empty: 8388608."},
               {"attempts", "Tries of each request; empty: 20, about two minutes."},
           }},
  };
}

std::string store_path(const server::Settings& settings) {
  const std::string& store = settings.get(kStore);
  if (store == "auto") return settings.get(server::setting::kStateDir) + "/jobs.db";
  return store.substr(kSqlite.size());
}

namespace {

// What jobs may take in all: as the setting says, and never more than half of the disk, so that on a
// small one, too, finished jobs go before it is full. 0: no limit.
std::uint64_t most_bytes(const server::Settings& settings) {
  const auto asked = static_cast<std::uint64_t>(settings.get(kStoreMaxBytes));
  struct statvfs disk{};
  const auto folder = std::filesystem::path(store_path(settings)).parent_path();
  if (::statvfs(folder.empty() ? "." : folder.c_str(), &disk) != 0) return asked;
  return std::min<std::uint64_t>(asked, disk.f_blocks * disk.f_frsize / 2);
}

}  // namespace

Result<std::unique_ptr<jobs::Store>> open_store(const server::Settings& settings) {
  jobs_sqlite::SqliteOptions options;
  options.path = store_path(settings);
  options.store.max_bytes = most_bytes(settings);
  options.store.queue_limit = static_cast<std::size_t>(settings.get(kQueueLimit));
  auto store = jobs_sqlite::open_sqlite_store(std::move(options));
  if (!store) {
    return fail(std::move(store).error().wrap(
        fmt::format("the job store {} cannot be opened", store_path(settings))));
  }
  return store;
}

jobs::Retention retention(const server::Settings& settings) {
  const auto kept = [&](const server::Setting<Duration>& key) {
    return std::chrono::duration_cast<jobs::Micros>(settings.get(key));
  };
  return {.completed = kept(kKeepCompleted),
          .cancelled = kept(kKeepCancelled),
          .discarded = kept(kKeepDiscarded),
          .max_bytes = most_bytes(settings) / 2};
}

Result<std::unique_ptr<objects::Buckets>> open_buckets(const server::Settings& settings) {
  auto buckets = std::make_unique<objects::Buckets>();
  for (const server::NamedTable& table : settings.get(kBuckets)) {
    const auto blame = [&](Error error) {
      return fail(std::move(error).wrap(fmt::format("bucket '{}' ({})", table.name, table.origin)));
    };
    auto store = open_bucket(table);
    if (!store && is_default(settings) && store.error().code() == ErrorCode::kNotFound) continue;
    if (!store) return blame(std::move(store).error());
    auto rights = rights_of(table);
    if (!rights) return blame(std::move(rights).error());
    if (auto added = buckets->add(table.name, *std::move(store), *std::move(rights)); !added) {
      return blame(std::move(added).error());
    }
  }
  return buckets;
}

std::vector<std::string> describe_buckets(const server::Settings& settings) {
  std::vector<std::string> lines;
  for (const server::NamedTable& table : settings.get(kBuckets)) {
    const std::string_view directory = table.get("directory");
    const std::string_view endpoint = table.get("endpoint");
    if (is_default(settings) && !std::filesystem::is_directory(directory)) continue;
    const std::string_view rights = table.get("writable") != "true" ? ", read only"
                                    : table.get("prune") == "true"  ? ", results pruned with jobs"
                                                                    : "";
    lines.push_back(fmt::format("bucket s3://{}: {}{}", table.name,
                                !directory.empty() ? fmt::format("directory {}", directory)
                                : endpoint.empty() ? std::string("Amazon S3")
                                                   : fmt::format("S3 at {}", endpoint),
                                rights));
  }
  return lines;
}

}  // namespace saola::service
