#include "credentials/credentials.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>

#include <saola/testing/temp_folder.hpp>

#include "credentials/aws_environment.hpp"
#include "credentials/profiles.hpp"

namespace saola::objects_s3 {
namespace {

using ::testing::HasSubstr;

class CredentialsTest : public testing::Test {
 protected:
  void SetUp() override {
    clear_aws_environment();
    ::setenv("HOME", home_.c_str(), 1);
  }
  void TearDown() override { clear_aws_environment(); }
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
  const auto found = find_credentials(options_, Deadline::never()).value();
  EXPECT_EQ(found.credentials->access_key_id, "ENVID");
  EXPECT_EQ(found.credentials->secret_access_key, "env-secret");
  EXPECT_EQ(found.credentials->session_token, "env-token");
  EXPECT_EQ(found.source, "the environment");
}

TEST_F(CredentialsTest, DefaultProfile) {
  write("/.aws/credentials", kFile);
  const auto found = find_credentials(options_, Deadline::never()).value();
  EXPECT_EQ(found.credentials->access_key_id, "DEFAULTID");
  EXPECT_EQ(found.credentials->secret_access_key, "s/1+=");
  EXPECT_EQ(found.credentials->session_token, "");
}

TEST_F(CredentialsTest, NamedProfileInANamedFile) {
  write("/elsewhere", kFile);
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", (home_ + "/elsewhere").c_str(), 1);
  ::setenv("AWS_PROFILE", "team", 1);
  EXPECT_EQ(find_credentials(options_, Deadline::never())->credentials->session_token, "tok=en");
  options_.profile = "default";
  EXPECT_EQ(find_credentials(options_, Deadline::never())->credentials->access_key_id, "DEFAULTID");
  EXPECT_EQ(find_credentials(options_, Deadline::never())->source,
            "profile 'default' of " + home_ + "/elsewhere");
}

TEST_F(CredentialsTest, ProfileIsReadAnew) {
  write("/.aws/credentials", kFile);
  EXPECT_EQ(find_credentials(options_, Deadline::never())->credentials->access_key_id, "DEFAULTID");
  write("/.aws/credentials", "[default]\naws_access_key_id=NEW\naws_secret_access_key=new\n");
  EXPECT_EQ(find_credentials(options_, Deadline::never())->credentials->access_key_id, "NEW");
}

TEST_F(CredentialsTest, WhatIsMissingIsSaid) {
  const auto text = [&] {
    const auto found = find_credentials(options_, Deadline::never());
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
  const auto found = find_credentials(options_, Deadline::never());
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->credentials);
}

TEST_F(CredentialsTest, OddFilesAreSurvived) {
  EXPECT_TRUE(parse_sections("").empty());
  EXPECT_TRUE(parse_sections("[").contains(""));
  EXPECT_TRUE(parse_sections("aws_access_key_id=x").empty());
  EXPECT_TRUE(parse_sections("[default").contains("default"));
  EXPECT_TRUE(parse_sections("[default]\n=\nx\naws_access_key_id").at("default").contains(""));
}

TEST_F(CredentialsTest, TheConfigFileHasKeysTooAndTheOtherFileWins) {
  write("/.aws/config",
        "[default]\naws_access_key_id=CONFIGID\naws_secret_access_key=c\n"
        "[profile team]\n  aws_access_key_id = TEAMID\n  aws_secret_access_key = t\n");
  EXPECT_EQ(find_credentials(options_, Deadline::never())->credentials->access_key_id, "CONFIGID");
  options_.profile = "team";
  EXPECT_EQ(find_credentials(options_, Deadline::never())->credentials->access_key_id, "TEAMID");
  options_.profile.clear();
  write("/.aws/credentials", kFile);
  EXPECT_EQ(find_credentials(options_, Deadline::never())->credentials->access_key_id, "DEFAULTID");
}

TEST_F(CredentialsTest, RegionAndEndpointComeFromTheProfile) {
  write("/.aws/config",
        "[default]\nregion = eu-west-3\nendpoint_url = http://all.example\n"
        "[profile own]\nregion = us_east\nservices = local\n"
        "[services local]\ns3 =\n  endpoint_url = http://s3.example:9000\nsts =\n"
        "  endpoint_url = http://sts.example\n");
  EXPECT_EQ(region_in_use(options_), "eu-west-3");
  EXPECT_EQ(endpoint_in_use(options_), "http://all.example");
  ::setenv("AWS_PROFILE", "own", 1);
  EXPECT_EQ(region_in_use(options_), "us_east");
  EXPECT_EQ(endpoint_in_use(options_), "http://s3.example:9000");
  ::setenv("AWS_REGION", "eu-north-1", 1);
  ::setenv("AWS_ENDPOINT_URL_S3", "http://environment.example", 1);
  EXPECT_EQ(region_in_use(options_), "eu-north-1");
  EXPECT_EQ(endpoint_in_use(options_), "http://environment.example");
  ::setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
  EXPECT_EQ(endpoint_in_use(options_), "");
  options_.endpoint = "http://options.example";
  options_.region = "x";
  EXPECT_EQ(region_in_use(options_), "x");
  EXPECT_EQ(endpoint_in_use(options_), "http://options.example");
}

TEST_F(CredentialsTest, AProcessOfTheProfileGivesKeys) {
  write("/give",
        "#!/bin/sh\nprintf '{\"Version\": 1, \"AccessKeyId\": \"%s\", "
        "\"SecretAccessKey\": \"s\", \"SessionToken\": \"%s\", "
        "\"Expiration\": \"2099-01-02T03:04:05Z\"}' \"$1\" \"$2\"\n");
  write("/.aws/config",
        "[default]\ncredential_process = sh '" + home_ + "/give' \"AN ID\" a\\ token\n");
  const auto found = find_credentials(options_, Deadline::never());
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->credentials->access_key_id, "AN ID");
  EXPECT_EQ(found->credentials->session_token, "a token");
  EXPECT_TRUE(found->keep);
  EXPECT_EQ(format_rfc3339(*found->expires), "2099-01-02T03:04:05.000Z");
  const auto says = [&](std::string_view command) {
    write("/.aws/config", "[default]\ncredential_process = " + std::string(command) + "\n");
    const auto none = find_credentials(options_, Deadline::after(std::chrono::seconds(20)));
    return none ? "found" : none.error().message();
  };
  EXPECT_THAT(says("false"), HasSubstr("it ended with status 1"));
  EXPECT_THAT(says("no-such-program-anywhere"), HasSubstr("credential_process of profile"));
  EXPECT_THAT(says("echo no JSON"), HasSubstr("no JSON"));
  EXPECT_THAT(says("echo 'open"), HasSubstr("a quote in it is not closed"));
  write("/.aws/config", "[default]\ncredential_process = sleep 1000\n");
  const auto late = find_credentials(options_, Deadline::after(std::chrono::milliseconds(20)));
  EXPECT_THAT(late.error().message(), HasSubstr("did not end in time"));
}

TEST_F(CredentialsTest, WhatWasSeenAndCannotBeUsedIsSaid) {
  const auto says = [&](std::string_view profile) {
    write("/.aws/config", "[default]\n" + std::string(profile) + "\n[profile other]\nregion=x\n");
    const auto none = find_credentials(options_, Deadline::never());
    return none ? "found" : none.error().message();
  };
  EXPECT_THAT(says("sso_session = corp"), HasSubstr("SSO"));
  EXPECT_THAT(says("login_session = arn:aws:iam::1:user/me"), HasSubstr("export-credentials"));
  write("/.boto", "[Credentials]\n");
  EXPECT_THAT(says(""), HasSubstr("/.boto, which is not read"));
  EXPECT_THAT(says("role_arn = a\nsource_profile = other\nmfa_serial = m"),
              HasSubstr("mfa_serial"));
  EXPECT_THAT(says("role_arn = a"), HasSubstr("source_profile"));
  EXPECT_THAT(says("role_arn = a\nsource_profile = nobody"), HasSubstr("there is no such profile"));
  EXPECT_THAT(says("role_arn = a\nsource_profile = other"), HasSubstr("'other' has no keys"));
  EXPECT_THAT(says("role_arn = a\nsource_profile = default"), HasSubstr("leads back"));
  EXPECT_THAT(says("role_arn = a\ncredential_source = Mars"), HasSubstr("Ec2InstanceMetadata"));
  EXPECT_THAT(says("web_identity_token_file = /none\nrole_arn = a"), HasSubstr("/none"));
  EXPECT_THAT(says("web_identity_token_file = /none"), HasSubstr("role_arn"));
  ::setenv("AWS_PROFILE", "absent", 1);
  EXPECT_THAT(says(""), HasSubstr("'absent'"));
  ::unsetenv("AWS_PROFILE");
  ::setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/keys", 1);
  EXPECT_THAT(says(""), HasSubstr("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
}

}  // namespace
}  // namespace saola::objects_s3
