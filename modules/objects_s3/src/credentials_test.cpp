#include "credentials.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include <saola/testing/temp_folder.hpp>

namespace saola::objects_s3 {
namespace {

class CredentialsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                             "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE"}) {
      ::unsetenv(name);
    }
    ::setenv("HOME", home_.c_str(), 1);
  }
  void write(const std::string& path, std::string_view text) {
    std::filesystem::create_directories(std::filesystem::path(home_ + path).parent_path());
    std::ofstream(home_ + path) << text;
  }

  const TempFolder folder_;
  const std::string home_ = folder_.path();
  S3Options options_;
};

constexpr std::string_view kFile =
    "# comment\r\n[default]\r\naws_access_key_id = DEFAULTID\r\naws_secret_access_key=s/1+=\r\n"
    "\n[ team ]\naws_access_key_id=TEAMID\naws_secret_access_key=two\naws_session_token=tok=en\n"
    "[half]\naws_access_key_id=HALFID\n[empty]\nregion=x\n";

TEST_F(CredentialsTest, EnvironmentComesFirst) {
  write("/.aws/credentials", kFile);
  ::setenv("AWS_ACCESS_KEY_ID", "ENVID", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "env-secret", 1);
  ::setenv("AWS_SESSION_TOKEN", "env-token", 1);
  const auto found = find_credentials(options_).value();
  EXPECT_EQ(found.credentials->access_key_id, "ENVID");
  EXPECT_EQ(found.credentials->secret_access_key, "env-secret");
  EXPECT_EQ(found.credentials->session_token, "env-token");
  EXPECT_EQ(found.source, "the environment");
}

TEST_F(CredentialsTest, DefaultProfile) {
  write("/.aws/credentials", kFile);
  const auto found = find_credentials(options_).value();
  EXPECT_EQ(found.credentials->access_key_id, "DEFAULTID");
  EXPECT_EQ(found.credentials->secret_access_key, "s/1+=");
  EXPECT_EQ(found.credentials->session_token, "");
}

TEST_F(CredentialsTest, NamedProfileInANamedFile) {
  write("/elsewhere", kFile);
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", (home_ + "/elsewhere").c_str(), 1);
  ::setenv("AWS_PROFILE", "team", 1);
  EXPECT_EQ(find_credentials(options_)->credentials->session_token, "tok=en");
  options_.profile = "default";
  EXPECT_EQ(find_credentials(options_)->credentials->access_key_id, "DEFAULTID");
  EXPECT_EQ(find_credentials(options_)->source, "profile 'default' of " + home_ + "/elsewhere");
}

TEST_F(CredentialsTest, ProfileIsReadAnew) {
  write("/.aws/credentials", kFile);
  EXPECT_EQ(find_credentials(options_)->credentials->access_key_id, "DEFAULTID");
  write("/.aws/credentials", "[default]\naws_access_key_id=NEW\naws_secret_access_key=new\n");
  EXPECT_EQ(find_credentials(options_)->credentials->access_key_id, "NEW");
}

TEST_F(CredentialsTest, WhatIsMissingIsSaid) {
  const auto text = [&] {
    const auto found = find_credentials(options_);
    EXPECT_FALSE(found);
    if (found) return std::string();
    EXPECT_EQ(found.error().code(), ErrorCode::kUnauthenticated);
    return found.error().message();
  };
  EXPECT_NE(text().find("Set AWS_ACCESS_KEY_ID"), std::string::npos);
  EXPECT_NE(text().find(home_ + "/.aws/credentials"), std::string::npos);
  write("/.aws/credentials", kFile);
  for (const char* profile : {"none", "half", "empty"}) {
    options_.profile = profile;
    EXPECT_NE(text().find(profile), std::string::npos);
    EXPECT_EQ(text().find("HALFID"), std::string::npos);
  }
  options_.credential_source = S3CredentialSource::kEnvironment;
  EXPECT_NE(text().find("in the environment"), std::string::npos);
  ::setenv("AWS_ACCESS_KEY_ID", "ID", 1);
  EXPECT_NE(text().find("AWS_SECRET_ACCESS_KEY is not"), std::string::npos);
  options_.credential_source = S3CredentialSource::kExplicit;
  EXPECT_NE(text().find("the configuration"), std::string::npos);
}

TEST_F(CredentialsTest, AnonymousNeedsNone) {
  options_.credential_source = S3CredentialSource::kAnonymous;
  const auto found = find_credentials(options_);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->credentials);
}

TEST_F(CredentialsTest, OddFilesAreSurvived) {
  EXPECT_FALSE(profile_credentials("", "default"));
  EXPECT_FALSE(profile_credentials("[", "default"));
  EXPECT_FALSE(profile_credentials("aws_access_key_id=x", "default"));
  EXPECT_TRUE(profile_credentials("[default", "default"));
  EXPECT_EQ(profile_credentials("[default]\n=\nx\naws_access_key_id", "default")->access_key_id,
            "");
}

}  // namespace
}  // namespace saola::objects_s3
