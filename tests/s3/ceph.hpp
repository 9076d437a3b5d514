// The Ceph server of this test program: started before the first test, wiped after the last one, or
// by its own watchdog when the program is killed.
#pragma once

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <saola/objects_s3/s3_store.hpp>

namespace saola::objects_s3 {

class Ceph final : public testing::Environment {
 public:
  static constexpr const char* kBucket = "samples";

  // The one of this program.
  static Ceph*& instance() {
    static Ceph* ceph = nullptr;
    return ceph;
  }

  void SetUp() override {
    instance() = this;
    // Nothing of the developer's own set-up may leak in.
    for (const char* name :
         {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
          "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SHARED_CREDENTIALS_FILE"}) {
      ::unsetenv(name);
    }
    ::setenv("no_proxy", "*", 1);
    char pattern[] = "/tmp/saola-ceph-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern), nullptr);
    directory_ = pattern;
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(script("start", std::to_string(::getpid())));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    fmt::print("Ceph started in {:.1f} s in {}\n", took.count(), directory_);
    ASSERT_TRUE(script("bucket", kBucket));
  }
  void TearDown() override { EXPECT_TRUE(directory_.empty() || script("wipe")); }

  // Runs tests/s3/ceph.sh; what it prints on stdout is in output().
  bool script(const std::string& command, const std::string& argument = "") {
    const std::string line = fmt::format("{}/tests/s3/ceph.sh {} {} {}", SAOLA_SOURCE_DIR, command,
                                         directory_, argument);
    FILE* pipe = ::popen(line.c_str(), "re");
    if (pipe == nullptr) return false;
    output_.clear();
    char block[1024];
    while (const std::size_t n = ::fread(block, 1, sizeof block, pipe)) output_.append(block, n);
    return ::pclose(pipe) == 0;
  }

  // A value of "ceph.sh env".
  std::string value(const std::string& name) {
    EXPECT_TRUE(script("env"));
    std::istringstream lines(output_);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
    }
    ADD_FAILURE() << "ceph.sh env has no " << name;
    return "";
  }
  pid_t pid(const std::string& daemon) { return std::stoi(value("S3_" + daemon + "_PID")); }

  // Options for the main user, with small time-outs.
  S3Options options() {
    S3Options out;
    out.endpoint = value("S3_ENDPOINT");
    out.credential_source = S3CredentialSource::kExplicit;
    out.credentials = {value("S3_ACCESS_KEY"), value("S3_SECRET_KEY"), ""};
    out.low_speed_time = std::chrono::seconds(10);
    return out;
  }
  std::unique_ptr<S3Store> store() { return S3Store::open(options()).value(); }

 private:
  std::string directory_;
  std::string output_;
};

// Stops a daemon (SIGSTOP) and lets it go on at the end of the scope, or earlier.
class Stopped {
 public:
  explicit Stopped(pid_t pid) : pid_(pid) { ::kill(pid_, SIGSTOP); }
  ~Stopped() { go_on(); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  void go_on() { ::kill(pid_, SIGCONT); }

 private:
  pid_t pid_;
};

}  // namespace saola::objects_s3
