#include "sigv4.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include <saola/objects/checksum.hpp>

namespace saola::objects_s3 {
namespace {

// The four examples of "Signature Calculations for the Authorization Header: Transferring Payload
// in a Single Chunk" in Amazon's S3 API reference.
const S3Credentials kExample{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                             ""};
constexpr SystemTime kMay24{std::chrono::sys_days(std::chrono::May / 24 / 2013)};
constexpr std::string_view kEmptySha =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string signature(std::string_view method, std::string_view path, const NameValues& query,
                      NameValues headers, std::string_view sha) {
  headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
  headers.emplace_back("x-amz-content-sha256", sha);
  headers.emplace_back("x-amz-date", amz_date(kMay24));
  const std::string q = query_string(query);
  const std::string value = sign({method, path, q, headers, sha, "us-east-1", kMay24}, kExample);
  return value.substr(value.find("Signature=") + 10);
}

TEST(SigV4, GetObjectExample) {
  EXPECT_EQ(signature("GET", "/test.txt", {}, {{"range", "bytes=0-9"}}, kEmptySha),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4, PutObjectExample) {
  EXPECT_EQ(signature("PUT", "/" + uri_encode("test$file.text"), {},
                      {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                       {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                      objects::sha256_hex("Welcome to Amazon S3.")),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4, GetBucketLifecycleExample) {
  EXPECT_EQ(signature("GET", "/", {{"lifecycle", ""}}, {}, kEmptySha),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(SigV4, ListObjectsExample) {
  EXPECT_EQ(signature("GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}, kEmptySha),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4, TheWholeHeader) {
  const std::string value = sign({"GET",
                                  "/",
                                  "",
                                  {{"host", "h"}, {"x-amz-date", amz_date(kMay24)}},
                                  kEmptySha,
                                  "eu-west-1",
                                  kMay24},
                                 kExample);
  EXPECT_TRUE(
      value.starts_with("AWS4-HMAC-SHA256 "
                        "Credential=AKIAIOSFODNN7EXAMPLE/20130524/eu-west-1/s3/aws4_request,"
                        "SignedHeaders=host;x-amz-date,Signature="))
      << value;
  EXPECT_EQ(value.find(kExample.secret_access_key), std::string::npos);
}

TEST(SigV4, UriEncode) {
  EXPECT_EQ(uri_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(uri_encode("a b+c/d"), "a%20b%2Bc%2Fd");
  EXPECT_EQ(uri_encode("a b+c//d", "/"), "a%20b%2Bc//d");
  EXPECT_EQ(uri_encode("ñ%*'()!"), "%C3%B1%25%2A%27%28%29%21");
  EXPECT_EQ(query_string({{"uploads", ""}}), "uploads=");
  EXPECT_EQ(query_string({{"uploadId", "2~x/y="}, {"partNumber", "3"}}),
            "partNumber=3&uploadId=2~x%2Fy%3D");
}

TEST(SigV4, Sha256) {
  EXPECT_EQ(objects::sha256_hex(""), kEmptySha);
  EXPECT_EQ(objects::sha256_hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace saola::objects_s3
