// The S3 store on a real gateway: refusals, large objects, odd keys, and a gateway that is changed,
// stopped or killed under a transfer.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <saola/base/log.hpp>
#include <saola/testing/temp_folder.hpp>

#include "ceph.hpp"
#include "result_matchers.hpp"

namespace saola::objects_s3 {
namespace {

using objects::fails_with;
using objects::GetOptions;
using objects::ObjectName;
using objects::succeeds;
using namespace std::chrono_literals;

ObjectName name_of(const std::string& key) {
  return ObjectName::make(Ceph::kBucket, "gateway/" + key).value();
}

std::string noise(std::size_t size) {
  std::mt19937_64 random(42);
  std::string out(size, '\0');
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const std::uint64_t word = random();
    std::memcpy(out.data() + i, &word, 8);
  }
  return out;
}

// The process's log, line by line, for the time of its life.
class LogTap {
 public:
  LogTap() {
    const std::string fifo = folder_ / "log";
    EXPECT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    fd_ = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC);
    EXPECT_TRUE(log_configure({.path = fifo}));
  }
  ~LogTap() {
    log_configure({});
    ::close(fd_);
  }
  LogTap(const LogTap&) = delete;
  LogTap& operator=(const LogTap&) = delete;

  // Returns once a line with `text` has been logged.
  void wait_for(std::string_view text) {
    std::string seen;
    char block[4096];
    while (seen.find(text) == std::string::npos) {
      const ssize_t n = ::read(fd_, block, sizeof block);
      if (n <= 0) return;
      seen.append(block, static_cast<std::size_t>(n));
    }
  }

 private:
  const TempFolder folder_;
  int fd_ = -1;
};

class Gateway : public testing::Test {
 protected:
  Ceph& ceph_ = *Ceph::instance();
};

TEST_F(Gateway, WrongKeysAreRefusedClearlyAndWithoutSecrets) {
  const auto store = ceph_.store();
  ASSERT_TRUE(succeeds(store->put_bytes(name_of("mine"), "x", {})));
  const auto refused = [&](const S3Credentials& credentials, ErrorCode code,
                           std::string_view text) {
    S3Options options = ceph_.options();
    options.credentials = credentials;
    if (credentials.access_key_id.empty()) {
      options.credential_source = S3CredentialSource::kAnonymous;
    }
    const auto other = S3Store::open(options).value();
    for (const auto& error : {other->stat(name_of("mine"), {}).error(),
                              other->get_bytes(name_of("mine"), 10, {}).error(),
                              other->put_bytes(name_of("mine"), "y", {}).error()}) {
      EXPECT_EQ(error.code(), code) << error.message();
      EXPECT_NE(error.message().find(text), std::string::npos) << error.message();
      EXPECT_NE(error.message().find("s3://samples/gateway/mine"), std::string::npos);
      EXPECT_NE(error.message().find(options.endpoint), std::string::npos);
      EXPECT_TRUE(credentials.secret_access_key.empty() ||
                  error.message().find(credentials.secret_access_key) == std::string::npos);
    }
  };
  refused({ceph_.value("S3_ACCESS_KEY"), "not-the-secret", ""}, ErrorCode::kUnauthenticated,
          "SignatureDoesNotMatch. The keys are wrong");
  refused({"nobody", "not-the-secret", ""}, ErrorCode::kUnauthenticated, "InvalidAccessKeyId");
  refused({ceph_.value("S3_OTHER_ACCESS_KEY"), ceph_.value("S3_OTHER_SECRET_KEY"), ""},
          ErrorCode::kPermissionDenied, "AccessDenied");
  refused({}, ErrorCode::kPermissionDenied, "anonymous access");
  EXPECT_EQ(store->get_bytes(name_of("mine"), 10, {}).value(), "x");
}

TEST_F(Gateway, MissingBucketAndMissingKeyAreToldApart) {
  const auto store = ceph_.store();
  const auto elsewhere = ObjectName::parse("s3://no-such-bucket/k").value();
  EXPECT_TRUE(fails_with(store->stat(elsewhere, {}), ErrorCode::kNotFound, "NoSuchBucket"));
  EXPECT_TRUE(
      fails_with(store->get_bytes(elsewhere, 10, {}), ErrorCode::kNotFound, "NoSuchBucket"));
  EXPECT_TRUE(
      fails_with(store->put_bytes(elsewhere, "x", {}), ErrorCode::kNotFound, "NoSuchBucket"));
  EXPECT_TRUE(fails_with(store->stat(name_of("none"), {}), ErrorCode::kNotFound, "NoSuchKey"));
}

TEST_F(Gateway, KeysFromTheEnvironmentAndFromAProfile) {
  S3Options options = ceph_.options();
  ::setenv("AWS_ACCESS_KEY_ID", options.credentials.access_key_id.c_str(), 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", options.credentials.secret_access_key.c_str(), 1);
  options.credential_source = S3CredentialSource::kChain;
  EXPECT_TRUE(succeeds(S3Store::open(options).value()->put_bytes(name_of("env"), "x", {})));
  ::unsetenv("AWS_ACCESS_KEY_ID");
  ::unsetenv("AWS_SECRET_ACCESS_KEY");

  char pattern[] = "/tmp/saola-profile-XXXXXX";
  const int fd = ::mkstemp(pattern);
  ASSERT_GE(fd, 0);
  ::close(fd);
  std::ofstream(pattern) << "[ceph]\naws_access_key_id = " << options.credentials.access_key_id
                         << "\naws_secret_access_key = " << options.credentials.secret_access_key
                         << "\n";
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", pattern, 1);
  options.profile = "ceph";
  EXPECT_TRUE(succeeds(S3Store::open(options).value()->stat(name_of("env"), {})));
  ::unsetenv("AWS_SHARED_CREDENTIALS_FILE");
  std::filesystem::remove(pattern);
}

TEST_F(Gateway, TlsNeedsTheRightAuthority) {
  S3Options options = ceph_.options();
  options.endpoint = ceph_.value("S3_TLS_ENDPOINT");
  EXPECT_TRUE(fails_with(S3Store::open(options).value()->stat(name_of("none"), {}),
                         ErrorCode::kUnavailable, "set the CA file"));
  options.ca_file = ceph_.value("S3_CA_FILE");
  EXPECT_TRUE(fails_with(S3Store::open(options).value()->stat(name_of("none"), {}),
                         ErrorCode::kNotFound, "NoSuchKey"));
}

TEST_F(Gateway, LargeObjectUpAndDownInParallelParts) {
  const auto store = ceph_.store();
  const std::string content = noise(64 * 1024 * 1024);
  const TempFolder folder;
  std::ofstream(folder / "up", std::ios::binary) << content;
  const auto begin = std::chrono::steady_clock::now();
  const auto put = store->put_file(name_of("large"), folder / "up", {});
  const auto middle = std::chrono::steady_clock::now();
  ASSERT_TRUE(succeeds(put));
  const auto got = store->get_file(name_of("large"), folder / "down", {});
  const auto end = std::chrono::steady_clock::now();
  ASSERT_TRUE(succeeds(got));
  EXPECT_EQ(got->size, content.size());
  EXPECT_EQ(got->etag, put->etag);
  std::ifstream in(folder / "down", std::ios::binary);
  EXPECT_TRUE(std::string(std::istreambuf_iterator<char>(in), {}) == content);
  const auto seconds = [](auto duration) {
    return std::chrono::duration<double>(duration).count();
  };
  fmt::print("64 MiB up in {:.2f} s, down in {:.2f} s\n", seconds(middle - begin),
             seconds(end - middle));
  GetOptions range;
  range.offset = 7'999'999;
  range.length = 9'000'003;
  EXPECT_TRUE(store->get_bytes(name_of("large"), 10'000'000, range).value() ==
              content.substr(7'999'999, 9'000'003));
}

TEST_F(Gateway, KeysNoDirectoryCouldHold) {
  const auto store = ceph_.store();
  for (const std::string& key :
       {std::string("a//b"), std::string("a/b//"), std::string("folder/"), std::string("//x"),
        std::string("?uploads"), std::string("a?b=c&d"), std::string("100%"),
        std::string(1000, 'k')}) {
    ASSERT_TRUE(succeeds(store->put_bytes(name_of(key), "content of " + key, {}))) << key;
    EXPECT_EQ(store->get_bytes(name_of(key), 2000, {}).value(), "content of " + key);
  }
  EXPECT_EQ(store->get_bytes(name_of("a/b"), 100, {}).error().code(), ErrorCode::kNotFound);
  const auto leading = ObjectName::make(Ceph::kBucket, "/leading").value();
  ASSERT_TRUE(succeeds(store->put_bytes(leading, "slash", {})));
  EXPECT_EQ(store->get_bytes(leading, 100, {}).value(), "slash");
}

// A store and an object of many parts, so that something is always under way.
class GatewayTransfer : public Gateway {
 protected:
  void SetUp() override {
    options_ = ceph_.options();
    options_.part_size = 1024 * 1024;
    options_.low_speed_time = 500ms;
    options_.low_speed_bytes_per_second = 1000;
    options_.attempts = 8;
    store_ = S3Store::open(options_).value();
    ASSERT_TRUE(succeeds(store_->put_bytes(name_, content_, {})));
  }
  // Downloads; calls `disturb` once, when the first bytes have come.
  Result<std::string> download(const std::function<void()>& disturb, GetOptions options = {}) {
    std::string out;
    const auto info = store_->get(
        name_,
        [&](std::span<const std::byte> bytes) -> Result<void> {
          if (out.empty()) disturb();
          out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
          return {};
        },
        options);
    if (!info) return fail(info);
    return out;
  }

  S3Options options_;
  std::unique_ptr<S3Store> store_;
  const ObjectName name_ = name_of("transfer");
  const std::string content_ = noise(24 * 1024 * 1024);
};

TEST_F(GatewayTransfer, ObjectChangedUnderADownloadIsAConflict) {
  const auto writer = ceph_.store();
  const auto result = download(
      [&] { EXPECT_TRUE(succeeds(writer->put_bytes(name_, noise(24 * 1024 * 1024 - 8), {}))); });
  EXPECT_TRUE(fails_with(result, ErrorCode::kConflict, "changed while it was being read"));
}

TEST_F(GatewayTransfer, StoppedGatewayEndsInATimeoutAndARetry) {
  LogTap log;
  Stopped stopped(ceph_.pid("GATEWAY"));
  stopped.go_on();
  std::jthread waiter;
  const auto result = download([&] {
    ::kill(ceph_.pid("GATEWAY"), SIGSTOP);
    waiter = std::jthread([&] {
      log.wait_for("will be tried again");
      stopped.go_on();
    });
  });
  ASSERT_TRUE(succeeds(result));
  EXPECT_TRUE(*result == content_);
}

TEST_F(GatewayTransfer, GatewayThatStaysStoppedIsAnErrorWithinTheDeadline) {
  const Stopped stopped(ceph_.pid("GATEWAY"));
  GetOptions options;
  options.deadline = Deadline::after(1500ms);
  const auto begin = std::chrono::steady_clock::now();
  const auto result = download([] {}, options);
  EXPECT_FALSE(result);
  EXPECT_TRUE(!result && (result.error().code() == ErrorCode::kTimedOut ||
                          result.error().code() == ErrorCode::kUnavailable))
      << (result ? "" : result.error().message());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
  options.deadline = Deadline::after(700ms);
  EXPECT_FALSE(store_->put_bytes(name_of("late"), "x", options));
  options.deadline = Deadline::after(700ms);
  EXPECT_FALSE(store_->put_bytes(name_of("late"), content_, options));
}

TEST_F(GatewayTransfer, StoppedStorageBehindTheGatewayIsNoHang) {
  LogTap log;
  Stopped stopped(ceph_.pid("OSD"));
  const std::jthread waiter([&] {
    log.wait_for("will be tried again");
    stopped.go_on();
  });
  const auto result = download([] {});
  ASSERT_TRUE(succeeds(result));
  EXPECT_TRUE(*result == content_);
}

TEST_F(GatewayTransfer, KilledGatewayIsTriedAgainWhenItIsBack) {
  const auto result = download([&] {
    ::kill(ceph_.pid("GATEWAY"), SIGKILL);
    EXPECT_TRUE(ceph_.script("gateway"));
  });
  ASSERT_TRUE(succeeds(result));
  EXPECT_TRUE(*result == content_);
}

}  // namespace
}  // namespace saola::objects_s3
