#include "credentials/role_credentials.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include <saola/objects_s3/s3_store.hpp>
#include <saola/testing/temp_folder.hpp>

#include "credentials/aws_environment.hpp"
#include "fake_endpoint.hpp"

namespace saola::objects_s3 {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

std::string keys_json(std::string_view id, std::string_view expiration = "2099-01-01T00:00:00Z") {
  return fmt::format(
      R"({{"Code": "Success", "AccessKeyId": "{}", "SecretAccessKey": "s", "Token": "t-{}", "Expiration": "{}"}})",
      id, id, expiration);
}

std::string keys_xml(std::string_view id) {
  return fmt::format(
      "<R><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
      "<SessionToken>t&amp;{}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
      "</Credentials></R>",
      id, id);
}

class RoleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    clear_aws_environment();
    ::setenv("HOME", folder_.path().c_str(), 1);
  }
  void TearDown() override { clear_aws_environment(); }

  void write(const std::string& path, std::string_view text) {
    const std::string whole = folder_.path() + path;
    std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
    std::ofstream(whole) << text;
  }
  Result<FoundCredentials> find() { return find_credentials(options_, Deadline::after(20s)); }
  std::string id() {
    const auto found = find();
    return found ? found->credentials->access_key_id : found.error().message();
  }

  const TempFolder folder_;
  S3Options options_;
};

TEST_F(RoleTest, AContainersAgentGivesKeys) {
  FakeEndpoint agent([](const FakeRequest&) { return FakeAnswer{http(200, "", keys_json("C"))}; });
  ::setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", (agent.url() + "/v2/keys?x=1").c_str(), 1);
  ::setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc", 1);
  ASSERT_EQ(id(), "C");
  EXPECT_EQ(find()->credentials->session_token, "t-C");
  EXPECT_EQ(agent.requests().at(0).target, "/v2/keys?x=1");
  EXPECT_EQ(agent.requests().at(0).header("authorization"), "Basic abc");
  // The file wins, and is read anew.
  write("/token", "from a file\n");
  ::setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", (folder_.path() + "/token").c_str(), 1);
  ASSERT_EQ(id(), "C");
  EXPECT_EQ(agent.requests().back().header("authorization"), "from a file");
  ::setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/none", 1);
  EXPECT_THAT(id(), HasSubstr("/none"));
}

TEST_F(RoleTest, AnAgentThatRefusesOrIsAwaySaysSo) {
  FakeEndpoint agent([](const FakeRequest&) { return FakeAnswer{http(403, "", "no role")}; });
  ::setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url().c_str(), 1);
  EXPECT_THAT(id(), HasSubstr("answered 403 no role"));
  ::setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/", 1);
  EXPECT_EQ(find().error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(id(), HasSubstr("the container's role"));
}

TEST_F(RoleTest, AnInstanceGivesKeysByVersionTwo) {
  FakeEndpoint metadata([](const FakeRequest& request) {
    if (request.method == "PUT" && request.target == "/latest/api/token") {
      return FakeAnswer{http(200, "", "session")};
    }
    if (request.header("x-aws-ec2-metadata-token") != "session")
      return FakeAnswer{http(401, "", "")};
    const std::string base = "/latest/meta-data/iam/security-credentials/";
    if (request.target == base) return FakeAnswer{http(200, "", "a-role\n")};
    if (request.target == base + "a-role") return FakeAnswer{http(200, "", keys_json("I"))};
    return FakeAnswer{http(404, "", "")};
  });
  ::setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url().c_str(), 1);
  EXPECT_THAT(id(), HasSubstr("no S3 credentials were found")) << "metadata is switched off";
  ::unsetenv("AWS_EC2_METADATA_DISABLED");
  EXPECT_EQ(id(), "I");
  EXPECT_THAT(find()->source, HasSubstr("'a-role'"));
  EXPECT_EQ(metadata.requests().at(0).header("x-aws-ec2-metadata-token-ttl-seconds"), "21600");
}

TEST_F(RoleTest, AnInstanceWithoutARoleIsNoSource) {
  FakeEndpoint metadata([](const FakeRequest& request) {
    return FakeAnswer{http(request.method == "PUT" ? 200 : 404, "", "session")};
  });
  ::setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url().c_str(), 1);
  ::unsetenv("AWS_EC2_METADATA_DISABLED");
  EXPECT_THAT(id(), HasSubstr("no S3 credentials were found"));
  ::setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", 1);
  EXPECT_THAT(id(), HasSubstr("no S3 credentials were found"));
}

TEST_F(RoleTest, AnInstanceOfVersionOneGivesKeysToo) {
  int token_status = 404;
  FakeEndpoint metadata([&](const FakeRequest& request) {
    if (request.method == "PUT") return FakeAnswer{http(token_status, "", "no")};
    if (!request.header("x-aws-ec2-metadata-token").empty()) return FakeAnswer{http(401, "", "")};
    const bool list = request.target.ends_with("/security-credentials/");
    return FakeAnswer{http(200, "", list ? "a-role\n" : keys_json("ONE"))};
  });
  ::setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url().c_str(), 1);
  ::unsetenv("AWS_EC2_METADATA_DISABLED");
  for (const int status : {404, 403, 405}) {
    token_status = status;
    EXPECT_EQ(id(), "ONE") << status;
  }
  token_status = 400;
  EXPECT_THAT(id(), HasSubstr("answered 400"));
  token_status = 403;
  ::setenv("AWS_EC2_METADATA_V1_DISABLED", "true", 1);
  EXPECT_THAT(id(), HasSubstr("answered 403"));
}

TEST_F(RoleTest, AnInstanceThatGivesNoTokenInTimeIsAskedByVersionOne) {
  FakeEndpoint metadata([](const FakeRequest& request) {
    if (request.method == "PUT") return FakeAnswer{"", FakeAnswer::kHang};
    const bool list = request.target.ends_with("/security-credentials/");
    return FakeAnswer{http(200, "", list ? "a-role\n" : keys_json("ONE"))};
  });
  ::setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url().c_str(), 1);
  ::unsetenv("AWS_EC2_METADATA_DISABLED");
  EXPECT_EQ(id(), "ONE");
}

TEST_F(RoleTest, AWebIdentityIsExchangedAtSts) {
  FakeEndpoint sts([](const FakeRequest&) { return FakeAnswer{http(200, "", keys_xml("W"))}; });
  write("/jwt", "the.web/token\n");
  ::setenv("AWS_WEB_IDENTITY_TOKEN_FILE", (folder_.path() + "/jwt").c_str(), 1);
  ::setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
  ::setenv("AWS_ROLE_SESSION_NAME", "mine", 1);
  ::setenv("AWS_ENDPOINT_URL_STS", sts.url().c_str(), 1);
  ASSERT_EQ(id(), "W");
  EXPECT_EQ(find()->credentials->session_token, "t&W");
  const FakeRequest asked = sts.requests().at(0);
  EXPECT_EQ(asked.method, "POST");
  EXPECT_THAT(asked.body, HasSubstr("Action=AssumeRoleWithWebIdentity"));
  EXPECT_THAT(asked.body, HasSubstr("WebIdentityToken=the.web%2Ftoken"));
  EXPECT_THAT(asked.body, HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"));
  EXPECT_THAT(asked.body, HasSubstr("RoleSessionName=mine"));
  EXPECT_EQ(asked.header("authorization"), "") << "the token is the proof";
  // A profile that was named outdoes the environment's.
  options_.profile = "named";
  options_.credential_source = S3CredentialSource::kProfile;
  write("/.aws/credentials", "[named]\naws_access_key_id=N\naws_secret_access_key=n\n");
  EXPECT_EQ(id(), "N");
}

TEST_F(RoleTest, ARoleIsTakenWithTheKeysOfItsSource) {
  FakeEndpoint sts([](const FakeRequest&) { return FakeAnswer{http(200, "", keys_xml("R"))}; });
  ::setenv("AWS_ENDPOINT_URL_STS", sts.url().c_str(), 1);
  write("/.aws/config",
        "[default]\nrole_arn = arn:r\nsource_profile = base\nexternal_id = e\nregion = eu-west-1\n"
        "[profile chain]\nrole_arn = arn:c\nsource_profile = default\n"
        "[profile by-environment]\nrole_arn = arn:e\ncredential_source = Environment\n");
  write("/.aws/credentials", "[base]\naws_access_key_id=BASE\naws_secret_access_key=b\n");
  ASSERT_EQ(id(), "R");
  const FakeRequest asked = sts.requests().at(0);
  EXPECT_THAT(asked.body, HasSubstr("Action=AssumeRole&ExternalId=e"));
  EXPECT_THAT(asked.header("authorization"), HasSubstr("Credential=BASE/"));
  EXPECT_THAT(asked.header("authorization"), HasSubstr("/eu-west-1/sts/aws4_request"));
  options_.profile = "chain";
  ASSERT_EQ(id(), "R");
  EXPECT_EQ(sts.requests().size(), 3u) << "a role that is taken with another";
  EXPECT_EQ(sts.requests().at(2).header("x-amz-security-token"), "t&R");
  ::setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
  options_.profile = "by-environment";
  options_.credential_source = S3CredentialSource::kProfile;
  ASSERT_EQ(id(), "R");
  EXPECT_THAT(sts.requests().at(3).header("authorization"), HasSubstr("Credential=ENV/"));
}

TEST_F(RoleTest, ARefusalOfStsNamesItsReason) {
  FakeEndpoint sts([](const FakeRequest&) {
    return FakeAnswer{http(403, "",
                           "<E><Error><Code>AccessDenied</Code><Message>not you</Message>"
                           "</Error></E>")};
  });
  ::setenv("AWS_ENDPOINT_URL_STS", sts.url().c_str(), 1);
  write("/.aws/config", "[default]\nrole_arn = arn:r\nsource_profile = base\n");
  write("/.aws/credentials", "[base]\naws_access_key_id=BASE\naws_secret_access_key=secret1\n");
  EXPECT_THAT(id(), HasSubstr("answered 403 AccessDenied (not you)"));
  EXPECT_THAT(id(), Not(HasSubstr("secret1")));
}

// Time that moves when told.
class TestClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return real_clock().steady_now(); }
  SystemTime system_now() const override { return now; }
  SystemTime now = real_clock().system_now();
};

TEST_F(RoleTest, KeysAreKeptAndReplacedBeforeTheyExpire) {
  TestClock clock;
  bool away = false;
  std::size_t given = 0;
  FakeEndpoint agent([&](const FakeRequest&) {
    if (away) return FakeAnswer{http(500, "", "")};
    return FakeAnswer{
        http(200, "", keys_json(fmt::format("K{}", ++given), format_rfc3339(clock.now + 1h)))};
  });
  ::setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url().c_str(), 1);
  KeptCredentials kept(options_, clock);
  const auto id = [&] {
    const auto found = kept.get(Deadline::after(20s));
    return found ? found->credentials->access_key_id : found.error().message();
  };
  EXPECT_EQ(id(), "K1");
  clock.now += 49min;
  EXPECT_EQ(id(), "K1");
  clock.now += 2min;
  EXPECT_EQ(id(), "K2") << "ten minutes before the end";
  clock.now += 55min;
  away = true;
  EXPECT_EQ(id(), "K2") << "those at hand are still good";
  clock.now += 6min;
  EXPECT_THAT(id(), HasSubstr("answered 500"));
  away = false;
  EXPECT_EQ(id(), "K3");
  EXPECT_EQ(given, 3u);
}

TEST_F(RoleTest, KeysThatTheEndpointCallsExpiredAreReplacedOnce) {
  std::size_t given = 0;
  FakeEndpoint agent([&](const FakeRequest&) {
    return FakeAnswer{http(200, "", keys_json(fmt::format("K{}", ++given)))};
  });
  ::setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url().c_str(), 1);
  std::string good = "Credential=K2/";
  FakeEndpoint s3([&](const FakeRequest& request) {
    if (request.header("authorization").find(good) == std::string::npos) {
      return FakeAnswer{http(400, "", error_xml("ExpiredToken"))};
    }
    return FakeAnswer{http(200, "ETag: \"e\"\r\n", "")};
  });
  options_.endpoint = s3.url();
  options_.retry_base_delay = 1ms;
  const auto store = S3Store::open(options_);
  ASSERT_TRUE(store) << store.error().message();
  const auto name = objects::ObjectName::parse("s3://b/k").value();
  EXPECT_TRUE((*store)->put_bytes(name, "x", {.deadline = Deadline::after(20s)}));
  good = "nobody";
  const auto refused = (*store)->put_bytes(name, "x", {.deadline = Deadline::after(20s)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_THAT(refused.error().message(), HasSubstr("the container's role"));
}

}  // namespace
}  // namespace saola::objects_s3
