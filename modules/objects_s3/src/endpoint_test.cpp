#include "endpoint.hpp"

#include <stdlib.h>

#include <string>

#include <gtest/gtest.h>

namespace saola::objects_s3 {
namespace {

Target target_of(const S3Options& options, const char* name) {
  return Endpoint::make(options).value().target(objects::ObjectName::parse(name).value());
}

TEST(Endpoint, AmazonUsesTheBucketAsHostWhenItCan) {
  const Target target = target_of({.region = "eu-west-1"}, "s3://my-bucket/a b/c+d//é~");
  EXPECT_EQ(target.origin, "https://my-bucket.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(target.host, "my-bucket.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(target.path, "/a%20b/c%2Bd//%C3%A9~");
  // No wildcard certificate covers these.
  EXPECT_EQ(target_of({.region = "eu-west-1"}, "s3://my.bucket/k").path, "/my.bucket/k");
  EXPECT_EQ(target_of({.region = "eu-west-1"}, "s3://My_Bucket/k").path, "/My_Bucket/k");
}

TEST(Endpoint, OthersUseThePathUnlessToldOtherwise) {
  S3Options options{.endpoint = "http://127.0.0.1:7480", .bucket = "real"};
  EXPECT_EQ(target_of(options, "s3://alias/k").origin, "http://127.0.0.1:7480");
  EXPECT_EQ(target_of(options, "s3://alias/k").host, "127.0.0.1:7480");
  EXPECT_EQ(target_of(options, "s3://alias/k").path, "/real/k");
  options.endpoint = "https://s3.example:9000/";
  options.addressing = S3Addressing::kVirtualHost;
  EXPECT_EQ(target_of(options, "s3://alias/k").origin, "https://real.s3.example:9000");
  EXPECT_EQ(target_of(options, "s3://alias/k").path, "/k");
}

TEST(Endpoint, DefaultPortsAndPaths) {
  EXPECT_EQ(target_of({.endpoint = "https://s3.example:443"}, "s3://b/k").host, "s3.example");
  EXPECT_EQ(target_of({.endpoint = "http://s3.example:80"}, "s3://b/k").host, "s3.example");
  EXPECT_EQ(target_of({.endpoint = "http://s3.example:443"}, "s3://b/k").host, "s3.example:443");
  EXPECT_EQ(target_of({.endpoint = "http://[::1]:9000"}, "s3://b/k").host, "[::1]:9000");
  EXPECT_EQ(target_of({.endpoint = "https://x.example/storage/v1/s3/"}, "s3://b/k").path,
            "/storage/v1/s3/b/k");
}

TEST(Endpoint, WrongOnesAreRefusedWithoutRepeatingThem) {
  for (const char* endpoint :
       {"127.0.0.1:7480", "ftp://h", "file:///etc/passwd", "http://", "http://user:hunter2@h",
        "http://h?x=hunter2", "http://h#f", "http://h:99999", "not a url"}) {
    const auto made = Endpoint::make({.endpoint = endpoint});
    ASSERT_FALSE(made) << endpoint;
    EXPECT_EQ(made.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(made.error().message().find("hunter2"), std::string::npos);
  }
  EXPECT_FALSE(Endpoint::make({.region = "eu/west"}));
}

TEST(Endpoint, OnlyAmazonsRegionsMustBeDnsLabels) {
  for (const char* region : {"NL", "RegionOne", "GRA", "us_east"}) {
    const auto other = Endpoint::make({.endpoint = "http://s3.example.org", .region = region});
    ASSERT_TRUE(other) << region;
    EXPECT_EQ(other->region(), region);
    EXPECT_FALSE(Endpoint::make({.region = region})) << region;
  }
  EXPECT_FALSE(Endpoint::make({.endpoint = "http://s3.example.org", .region = "a/b"}));
}

TEST(Endpoint, RegionFromTheEnvironment) {
  ::unsetenv("AWS_REGION");
  ::unsetenv("AWS_DEFAULT_REGION");
  EXPECT_EQ(Endpoint::make({})->region(), "us-east-1");
  ::setenv("AWS_DEFAULT_REGION", "eu-north-1", 1);
  EXPECT_EQ(Endpoint::make({})->region(), "eu-north-1");
  ::setenv("AWS_REGION", "eu-south-1", 1);
  EXPECT_EQ(Endpoint::make({})->region(), "eu-south-1");
  EXPECT_EQ(Endpoint::make({.region = "x-1"})->region(), "x-1");
  ::unsetenv("AWS_REGION");
  ::unsetenv("AWS_DEFAULT_REGION");
}

TEST(S3Store, OptionsAreChecked) {
  const auto refused = [](auto change) {
    S3Options options;
    options.credential_source = S3CredentialSource::kAnonymous;
    change(options);
    const auto store = S3Store::open(options);
    return !store && !store.error().text().empty();
  };
  EXPECT_FALSE(refused([](S3Options&) {}));
  EXPECT_TRUE(refused([](S3Options& o) { o.part_size = 0; }));
  EXPECT_TRUE(refused([](S3Options& o) { o.parallel = 0; }));
  EXPECT_TRUE(refused([](S3Options& o) { o.attempts = 0; }));
  EXPECT_TRUE(refused([](S3Options& o) { o.low_speed_time = {}; }));
  EXPECT_TRUE(refused([](S3Options& o) { o.bucket = "a/b"; }));
  EXPECT_TRUE(refused([](S3Options& o) { o.ca_file = "/nonexistent.pem"; }));
  EXPECT_TRUE(refused([](S3Options& o) { o.credential_source = S3CredentialSource::kExplicit; }));
}

}  // namespace
}  // namespace saola::objects_s3
