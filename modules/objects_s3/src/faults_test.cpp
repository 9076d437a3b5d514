// What the S3 store makes of endpoints that fail, lie, stall or refuse.
#include <stdlib.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <saola/objects_s3/s3_store.hpp>
#include <saola/testing/temp_folder.hpp>

#include "fake_endpoint.hpp"
#include "result_matchers.hpp"

namespace saola::objects_s3 {
namespace {

using objects::CallOptions;
using objects::fails_with;
using objects::GetOptions;
using objects::ObjectName;
using objects::succeeds;
using namespace std::chrono_literals;

constexpr std::string_view kSecret = "a-very-secret-key";

class S3Faults : public testing::Test {
 protected:
  void SetUp() override { ::setenv("no_proxy", "*", 1); }

  // Starts the endpoint and a store with small parts, time-outs and delays on it.
  void serve(FakeEndpoint::Handler handler) {
    endpoint_ = std::make_unique<FakeEndpoint>(std::move(handler));
    options_.endpoint = endpoint_->url();
    open();
  }
  void open() {
    options_.credential_source = S3CredentialSource::kExplicit;
    options_.credentials = {"key-id", std::string(kSecret), "session-token"};
    store_ = S3Store::open(options_).value();
  }
  Result<std::string> get(const GetOptions& options = {}) {
    auto out = store_->get_bytes(name_, 100'000'000, options);
    EXPECT_TRUE(out || out.error().message().find(kSecret) == std::string::npos);
    return out;
  }
  std::size_t count(std::string_view method) const {
    const auto all = endpoint_->requests();
    return static_cast<std::size_t>(
        std::ranges::count(all, std::string(method), &FakeRequest::method));
  }

  const ObjectName name_ = ObjectName::parse("s3://samples/dir/data.csv").value();
  const std::string content_ = std::string(1000, 'a') + std::string(1000, 'b') + "end";
  S3Options options_{.region = "us-east-1",
                     .part_size = 1000,
                     .parallel = 1,
                     .connect_timeout = 2s,
                     .low_speed_time = 200ms,
                     .attempts = 3,
                     .retry_base_delay = 1ms};
  std::unique_ptr<FakeEndpoint> endpoint_;
  std::unique_ptr<S3Store> store_;
};

TEST_F(S3Faults, RequestsAreSignedAndRangesNameTheEtag) {
  serve([&](const FakeRequest& r) -> FakeAnswer { return {serve_object(r, content_)}; });
  const auto bytes = get();
  ASSERT_TRUE(succeeds(bytes));
  EXPECT_EQ(*bytes, content_);
  const auto all = endpoint_->requests();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].method, "HEAD");
  EXPECT_EQ(all[0].target, "/samples/dir/data.csv");
  EXPECT_EQ(all[1].header("range"), "bytes=0-999");
  EXPECT_EQ(all[3].header("range"), "bytes=2000-2002");
  for (const auto& request : all) {
    EXPECT_TRUE(request.header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=key-id/"));
    EXPECT_NE(request.header("authorization").find("x-amz-security-token"), std::string::npos);
    EXPECT_EQ(request.header("x-amz-security-token"), "session-token");
    EXPECT_EQ(request.head.find(kSecret), std::string::npos);
    EXPECT_EQ(request.header("if-match"), request.method == "GET" ? "\"v1\"" : "");
    EXPECT_EQ(request.head.find("checksum"), std::string::npos);
  }
}

TEST_F(S3Faults, AnonymousRequestsAreUnsigned) {
  serve([&](const FakeRequest& r) -> FakeAnswer { return {serve_object(r, content_)}; });
  S3Options options;
  options.endpoint = endpoint_->url();
  options.credential_source = S3CredentialSource::kAnonymous;
  const auto store = S3Store::open(options).value();
  EXPECT_EQ(store->get_bytes(name_, 10'000, {}).value(), content_);
  for (const auto& request : endpoint_->requests()) {
    EXPECT_EQ(request.header("authorization"), "");
    EXPECT_EQ(request.head.find("x-amz-"), std::string::npos);
  }
}

TEST_F(S3Faults, WhoMayGetButNotHeadReadsAllTheSame) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.method == "HEAD") return {"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n"};
    return {serve_object(r, content_)};
  });
  const auto bytes = get();
  ASSERT_TRUE(succeeds(bytes));
  EXPECT_EQ(*bytes, content_);
  const auto info = store_->stat(name_, {});
  ASSERT_TRUE(succeeds(info));
  EXPECT_EQ(info->size, content_.size());
  EXPECT_EQ(info->etag, "\"v1\"");
}

// Bytes that came before do not buy it another such time.
TEST_F(S3Faults, ABodyThatHangsIsGivenUpAfterItsTimeNotTwiceIt) {
  options_.attempts = 1;
  options_.low_speed_time = 800ms;
  options_.part_size = 10'000;
  serve([&](const FakeRequest& r) -> FakeAnswer {
    std::string answer = serve_object(r, content_);
    if (r.method == "HEAD") return {answer};
    return {answer.substr(0, answer.size() - 503), FakeAnswer::kHang};
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(fails_with(get(), ErrorCode::kUnavailable, "bytes in 0.8 s"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1500ms);
}

TEST_F(S3Faults, CutBodyIsContinuedWhereItEnded) {
  options_.part_size = 10'000;
  serve([&](const FakeRequest& r) -> FakeAnswer {
    std::string answer = serve_object(r, content_);
    if (r.number != 1) return {answer};
    return {answer.substr(0, answer.size() - 503), FakeAnswer::kClose};
  });
  const auto bytes = get();
  ASSERT_TRUE(succeeds(bytes));
  EXPECT_EQ(*bytes, content_);
  ASSERT_EQ(endpoint_->requests().size(), 3u);
  EXPECT_EQ(endpoint_->requests()[2].header("range"), "bytes=1500-2002");
}

TEST_F(S3Faults, BodyThatIsAlwaysCutIsGivenUp) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.method == "HEAD") return {serve_object(r, content_)};
    const std::string answer = serve_object(r, content_);
    return {answer.substr(0, answer.find("\r\n\r\n") + 4), FakeAnswer::kClose};
  });
  EXPECT_TRUE(fails_with(get(), ErrorCode::kUnavailable, "gave up after 3 attempts"));
  EXPECT_EQ(count("GET"), 3u);
}

TEST_F(S3Faults, WrongContentRangeIsTriedAgainThenAnError) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.number == 1)
      return {http(206, "Content-Range: bytes 5-1004/2003\r\n", content_.substr(5, 1000))};
    if (r.number == 2)
      return {http(206, "Content-Range: bytes 0-999/9999\r\n", content_.substr(0, 1000))};
    return {serve_object(r, content_)};
  });
  const auto bytes = get();
  ASSERT_TRUE(succeeds(bytes));
  EXPECT_EQ(*bytes, content_);

  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.method == "HEAD") return {serve_object(r, content_)};
    return {http(206, "", content_.substr(0, 1000))};
  });
  EXPECT_TRUE(fails_with(get(), ErrorCode::kDataCorrupt, "asked for bytes 0-999 of 2003"));
}

TEST_F(S3Faults, ServerErrorsAreTriedAgain) {
  for (const int status : {500, 502, 503, 504, 429, 408}) {
    serve([&](const FakeRequest& r) -> FakeAnswer {
      if (r.number == 0 || r.number == 2) return {http(status, "", r.method == "HEAD" ? "" : "x")};
      return {serve_object(r, content_)};
    });
    const auto bytes = get();
    ASSERT_TRUE(succeeds(bytes)) << status;
    EXPECT_EQ(*bytes, content_);
    EXPECT_EQ(endpoint_->requests().size(), 6u);
  }
}

TEST_F(S3Faults, RequestTimeoutCodeIsTriedAgain) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.number == 1) return {http(400, "", error_xml("RequestTimeout"))};
    return {serve_object(r, content_)};
  });
  EXPECT_TRUE(succeeds(get()));
}

TEST_F(S3Faults, RetryAfterIsHeeded) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.number == 1) return {http(503, "Retry-After: 1\r\n", error_xml("SlowDown"))};
    return {serve_object(r, content_)};
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(succeeds(get()));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 1s);
}

TEST_F(S3Faults, RetryAfterBeyondTheDeadlineIsAnErrorAtOnce) {
  serve([&](const FakeRequest&) -> FakeAnswer {
    return {"HTTP/1.1 503 X\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"};
  });
  GetOptions options;
  options.deadline = Deadline::after(20s);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(fails_with(get(options), ErrorCode::kUnavailable, "the deadline leaves no time"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST_F(S3Faults, ErrorsThatLastAreGivenUp) {
  serve([&](const FakeRequest&) -> FakeAnswer {
    return {"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"};
  });
  const auto result = get();
  EXPECT_TRUE(fails_with(result, ErrorCode::kUnavailable, "gave up after 3 attempts"));
  EXPECT_TRUE(fails_with(result, ErrorCode::kUnavailable, "s3://samples/dir/data.csv"));
  EXPECT_TRUE(fails_with(result, ErrorCode::kUnavailable, endpoint_->url()));
  EXPECT_EQ(endpoint_->requests().size(), 3u);
}

TEST_F(S3Faults, StallAfterTheHeadersIsTriedAgain) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    std::string answer = serve_object(r, content_);
    if (r.number == 1) return {answer.substr(0, answer.size() - 900), FakeAnswer::kHang};
    return {answer};
  });
  const auto bytes = get();
  ASSERT_TRUE(succeeds(bytes));
  EXPECT_EQ(*bytes, content_);
}

TEST_F(S3Faults, EndpointThatNeverAnswersEndsWithinTheDeadlineOrTheAttempts) {
  serve([&](const FakeRequest&) -> FakeAnswer { return {"", FakeAnswer::kHang}; });
  EXPECT_TRUE(fails_with(get(), ErrorCode::kUnavailable, "It is stopped, overloaded or cut off"));
  EXPECT_EQ(endpoint_->requests().size(), 3u);
  GetOptions options;
  options.deadline = Deadline::after(100ms);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(fails_with(get(options), ErrorCode::kTimedOut, "s3://samples/dir/data.csv"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  const auto put = store_->put_bytes(name_, "x", options);
  EXPECT_TRUE(fails_with(put, ErrorCode::kTimedOut, "writing s3://samples/dir/data.csv"));
}

TEST_F(S3Faults, StopEndsAWaitAtOnce) {
  options_.low_speed_time = 1h;
  serve([&](const FakeRequest&) -> FakeAnswer { return {"", FakeAnswer::kHang}; });
  std::stop_source stop;
  GetOptions options;
  options.stop = stop.get_token();
  const std::jthread stopper([&] {
    endpoint_->wait_for_requests(1);
    stop.request_stop();
  });
  EXPECT_TRUE(fails_with(get(options), ErrorCode::kCancelled, "was cancelled"));
}

TEST_F(S3Faults, EndlessHeadersAreCutOff) {
  options_.low_speed_time = 1h;
  serve([&](const FakeRequest&) -> FakeAnswer {
    // The status line is repeated too, which must not start the count anew.
    return {"HTTP/1.1 100 Go\r\nX-Filler: " + std::string(1000, 'f') + "\r\n\r\n",
            FakeAnswer::kRepeatForever};
  });
  EXPECT_TRUE(fails_with(get(), ErrorCode::kDataCorrupt, "bytes of headers"));
  serve([&](const FakeRequest&) -> FakeAnswer {
    return {"X-Filler: " + std::string(1000, 'f') + "\r\n", FakeAnswer::kRepeatForever};
  });
  EXPECT_FALSE(get());
}

TEST_F(S3Faults, GarbageIsNoAnswer) {
  serve([&](const FakeRequest&) -> FakeAnswer {
    return {"\x16\x03\x01 garbage\n\n", FakeAnswer::kClose};
  });
  EXPECT_TRUE(fails_with(get(), ErrorCode::kUnavailable, endpoint_->url()));
}

TEST_F(S3Faults, GarbageXmlIsJudgedByTheStatus) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    return {http(404, "", r.method == "HEAD" ? "" : "<Error><Code\xff<<&#;")};
  });
  EXPECT_TRUE(fails_with(get(), ErrorCode::kNotFound, "answered 404. There is no such object"));
}

TEST_F(S3Faults, HeadRefusalIsExplainedByTheBodyOfAGet) {
  const std::pair<const char*, ErrorCode> cases[] = {
      {"NoSuchBucket", ErrorCode::kNotFound},
      {"NoSuchKey", ErrorCode::kNotFound},
      {"SignatureDoesNotMatch", ErrorCode::kUnauthenticated},
      {"InvalidAccessKeyId", ErrorCode::kUnauthenticated},
      {"AccessDenied", ErrorCode::kPermissionDenied},
      {"RequestTimeTooSkewed", ErrorCode::kUnauthenticated}};
  for (const auto& [code, expected] : cases) {
    serve([&](const FakeRequest& r) -> FakeAnswer {
      const int status = std::string_view(code).starts_with("NoSuch") ? 404 : 403;
      return {
          http(status, "", r.method == "HEAD" ? "" : error_xml(code, "<Message>why</Message>"))};
    });
    const auto result = store_->stat(name_, {});
    EXPECT_TRUE(fails_with(result, expected, code));
    EXPECT_TRUE(fails_with(result, expected, "(\"why\")"));
    EXPECT_TRUE(fails_with(result, expected, "bucket 'samples'"));
    EXPECT_EQ(endpoint_->requests().size(), 2u);
  }
}

TEST_F(S3Faults, RedirectsAreExplainedNotFollowed) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    const std::string headers =
        fmt::format("Location: {}\r\nx-amz-bucket-region: eu-west-1\r\n", r.target);
    return {http(301, headers,
                 r.method == "HEAD" ? ""
                                    : error_xml("PermanentRedirect",
                                                "<Endpoint>b.s3.eu-west-1.example</Endpoint>"))};
  });
  const auto result = get();
  EXPECT_TRUE(
      fails_with(result, ErrorCode::kInvalidArgument, "'eu-west-1', configured is 'us-east-1'"));
  EXPECT_TRUE(fails_with(result, ErrorCode::kInvalidArgument, "b.s3.eu-west-1.example"));
  EXPECT_EQ(endpoint_->requests().size(), 2u);
  const auto put = store_->put_bytes(name_, "x", {});
  EXPECT_TRUE(fails_with(put, ErrorCode::kInvalidArgument, "PermanentRedirect"));
}

TEST_F(S3Faults, ObjectChangedBetweenPartsIsAConflict) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.number == 2) return {http(412, "", error_xml("PreconditionFailed"))};
    return {serve_object(r, content_)};
  });
  EXPECT_TRUE(fails_with(get(), ErrorCode::kConflict, "changed while it was being read"));
  EXPECT_EQ(endpoint_->requests().size(), 3u);
  // An endpoint that ignores If-Match.
  serve([&](const FakeRequest& r) -> FakeAnswer {
    return {serve_object(r, content_, r.number == 2 ? "\"v2\"" : "\"v1\"")};
  });
  EXPECT_TRUE(fails_with(get(), ErrorCode::kConflict, "changed while it was being read"));
}

TEST_F(S3Faults, EndpointWithoutRanges) {
  const auto whole = [&](const FakeRequest& r) -> FakeAnswer {
    FakeRequest plain = r;
    plain.head = "\r\n";
    return {serve_object(plain, content_)};
  };
  serve(whole);
  auto bytes = get();
  ASSERT_TRUE(succeeds(bytes));
  EXPECT_EQ(*bytes, content_) << "as one stream, though the parts are smaller";
  options_.part_size = 10'000;
  serve(whole);
  bytes = get();
  ASSERT_TRUE(succeeds(bytes));
  EXPECT_EQ(*bytes, content_);
  // Cut, then sent from its beginning again: no byte is doubled.
  serve([&](const FakeRequest& r) -> FakeAnswer {
    const std::string answer = whole(r).bytes;
    if (r.number == 1) return {answer.substr(0, answer.size() - 100), FakeAnswer::kClose};
    return {answer};
  });
  EXPECT_EQ(get().value(), content_);
}

TEST_F(S3Faults, MoreBytesThanAskedForAreRefused) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.method == "HEAD") return {serve_object(r, content_)};
    return {"HTTP/1.1 206 X\r\nContent-Range: bytes 0-999/2003\r\n\r\n" + std::string(5000, 'x'),
            FakeAnswer::kRepeatForever};
  });
  EXPECT_TRUE(fails_with(get(), ErrorCode::kDataCorrupt, "more bytes than the range has"));
}

TEST_F(S3Faults, EndlessRefusalIsCutOff) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.method == "HEAD") return {"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n"};
    if (r.number < 2)
      return {"HTTP/1.1 403 X\r\n\r\n" + std::string(100'000, 'x'), FakeAnswer::kRepeatForever};
    return {http(403, "", error_xml("AccessDenied"))};
  });
  EXPECT_TRUE(fails_with(get(), ErrorCode::kPermissionDenied));
}

TEST_F(S3Faults, HeadWithoutALengthIsRefused) {
  serve([&](const FakeRequest&) -> FakeAnswer {
    return {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"};
  });
  EXPECT_TRUE(fails_with(get(), ErrorCode::kDataCorrupt, "does not say how long"));
}

TEST_F(S3Faults, NobodyListens) {
  serve([&](const FakeRequest& r) -> FakeAnswer { return {serve_object(r, content_)}; });
  endpoint_.reset();
  const auto result = get();
  EXPECT_TRUE(fails_with(result, ErrorCode::kUnavailable, "Check that the endpoint runs"));
  EXPECT_TRUE(fails_with(result, ErrorCode::kUnavailable, options_.endpoint));
}

TEST_F(S3Faults, UnknownHost) {
  options_.endpoint = "http://no-such-host.invalid";
  open();
  GetOptions options;
  options.deadline = Deadline::after(5s);
  const auto begin = std::chrono::steady_clock::now();
  const auto result = get(options);
  ASSERT_FALSE(result);
  // A resolver that does not answer lets the deadline pass.
  EXPECT_TRUE(result.error().code() == ErrorCode::kUnavailable ||
              result.error().code() == ErrorCode::kTimedOut)
      << result.error().message();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 12s);
}

TEST_F(S3Faults, FailedDownloadLeavesNoFile) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.number > 1) return {http(403, "", error_xml("AccessDenied"))};
    return {serve_object(r, content_)};
  });
  const TempFolder folder;
  EXPECT_FALSE(store_->get_file(name_, folder / "f", {}));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(S3Faults, PutIsSentAgainAsAWhole) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.number == 0) return {http(500, "", error_xml("InternalError"))};
    if (r.number == 1) return {"", FakeAnswer::kClose};
    return {http(200, "ETag: \"v1\"\r\n", "")};
  });
  const auto info = store_->put_bytes(name_, content_, {});
  ASSERT_TRUE(succeeds(info));
  EXPECT_EQ(info->etag, "\"v1\"");
  for (const auto& request : endpoint_->requests()) EXPECT_EQ(request.body, content_);
}

TEST_F(S3Faults, OneStreamGoesOnWhereItWasCutAndEndsWhereTheRangeDoes) {
  std::size_t answers = 0;
  serve([&](const FakeRequest& r) -> FakeAnswer {
    FakeRequest plain = r;
    plain.head = "\r\n";
    std::string bytes = serve_object(plain, content_);
    const bool stream = r.method == "GET" && r.header("range").empty();
    if (!stream || ++answers > 2) return {std::move(bytes)};
    const std::size_t missing = answers == 1 ? content_.size() / 2 : 1;
    return {bytes.substr(0, bytes.size() - missing), FakeAnswer::kClose};
  });
  const auto whole = get();
  ASSERT_TRUE(succeeds(whole));
  EXPECT_EQ(*whole, content_);
  EXPECT_EQ(answers, 3u);
  objects::GetOptions options;
  options.offset = 7;
  options.length = content_.size() - 20;
  const auto range = store_->get_bytes(name_, 1 << 20, options);
  ASSERT_TRUE(succeeds(range));
  EXPECT_EQ(*range, content_.substr(7, content_.size() - 20));
}

class S3Multipart : public S3Faults {
 protected:
  void SetUp() override {
    S3Faults::SetUp();
    options_.multipart_threshold = 1000;
    options_.parallel = 2;
    options_.low_speed_time = 5s;
  }
  static FakeAnswer answer(const FakeRequest& r) {
    if (r.method == "POST" && r.target.ends_with("?uploads=")) {
      return {http(200, "Date: Mon, 02 Mar 2026 09:00:00 GMT\r\n",
                   "<InitiateMultipartUploadResult><UploadId>id/1</UploadId>"
                   "</InitiateMultipartUploadResult>")};
    }
    if (r.method == "PUT")
      return {http(
          200, "ETag: \"<p" + r.target.substr(r.target.find("partNumber=") + 11, 1) + "&>\"\r\n",
          "")};
    if (r.method == "POST") return {http(200, "", "  <R><ETag>\"all-2\"</ETag></R>")};
    return {"HTTP/1.1 204 No\r\n\r\n"};
  }
  const std::string large_ = std::string(5 * 1024 * 1024 + 4, 'l');
};

TEST_F(S3Multipart, PartsAreUploadedAndCompletedInOrder) {
  serve(&answer);
  std::uint64_t last = 0;
  CallOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t) { last = done; };
  const auto info = store_->put_bytes(name_, large_, options);
  ASSERT_TRUE(succeeds(info));
  EXPECT_EQ(info->size, large_.size());
  EXPECT_EQ(info->etag, "\"all-2\"");
  EXPECT_EQ(last, large_.size());
  const auto all = endpoint_->requests();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_TRUE(all[3].target.ends_with("?uploadId=id%2F1"));
  EXPECT_EQ(all[3].body,
            "<CompleteMultipartUpload>"
            "<Part><PartNumber>1</PartNumber><ETag>\"&lt;p1&amp;>\"</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>\"&lt;p2&amp;>\"</ETag></Part>"
            "</CompleteMultipartUpload>");
}

TEST_F(S3Multipart, FailedPartAbortsTheUpload) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.target.find("partNumber=2") != std::string::npos) {
      return {http(403, "", error_xml("QuotaExceeded"))};
    }
    return answer(r);
  });
  EXPECT_TRUE(fails_with(store_->put_bytes(name_, large_, {}), ErrorCode::kResourceExhausted));
  EXPECT_EQ(endpoint_->requests().back().method, "DELETE");
  EXPECT_TRUE(endpoint_->requests().back().target.ends_with("?uploadId=id%2F1"));
}

TEST_F(S3Multipart, AnUploadThatCouldNotBeAbortedIsAbortedBeforeTheNext) {
  bool refuses = true;
  options_.attempts = 1;
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (refuses && (r.method == "DELETE" || r.target.find("partNumber=2") != std::string::npos)) {
      return {http(503, "", error_xml("ServiceUnavailable"))};
    }
    return answer(r);
  });
  EXPECT_TRUE(fails_with(store_->put_bytes(name_, large_, {}), ErrorCode::kUnavailable));
  refuses = false;
  const std::size_t before = endpoint_->requests().size();
  ASSERT_TRUE(succeeds(store_->put_bytes(name_, "x", {})));
  ASSERT_TRUE(succeeds(store_->put_bytes(name_, "x", {})));
  const auto all = endpoint_->requests();
  ASSERT_EQ(all.size(), before + 3) << "it is done once";
  EXPECT_EQ(all[before].method, "DELETE");
  EXPECT_TRUE(all[before].target.ends_with("?uploadId=id%2F1"));
}

TEST_F(S3Multipart, UnfinishedUploadsOfABeginningAreCleared) {
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.method != "GET") return answer(r);
    return {http(200, "",
                 "<ListMultipartUploadsResult><Upload><Key>out/j.1.a&amp;b</Key><UploadId>u1"
                 "</UploadId></Upload><Upload><Key>other</Key><UploadId>u2</UploadId></Upload>"
                 "<Upload><Key>out/j.2.c</Key><UploadId>u3</UploadId></Upload>"
                 "</ListMultipartUploadsResult>")};
  });
  const auto beginning = objects::ObjectName::parse("s3://bucket/out/j.").value();
  ASSERT_TRUE(store_->clear_unfinished(beginning, {}));
  const auto all = endpoint_->requests();
  ASSERT_EQ(all.size(), 3u) << "what has another beginning stays";
  EXPECT_EQ(all[0].target, "/bucket/?prefix=out%2Fj.&uploads=");
  EXPECT_EQ(all[1].method, "DELETE");
  EXPECT_TRUE(all[1].target.ends_with("/bucket/out/j.1.a%26b?uploadId=u1")) << all[1].target;
  EXPECT_TRUE(all[2].target.ends_with("/bucket/out/j.2.c?uploadId=u3"));
}

TEST_F(S3Multipart, CancelAbortsTheUpload) {
  serve(&answer);
  std::stop_source stop;
  CallOptions options;
  options.stop = stop.get_token();
  options.progress = [&](std::uint64_t, std::uint64_t) { stop.request_stop(); };
  EXPECT_TRUE(fails_with(store_->put_bytes(name_, large_, options), ErrorCode::kCancelled));
  EXPECT_EQ(endpoint_->requests().back().method, "DELETE");
}

TEST_F(S3Multipart, ErrorInsideASuccessIsTriedAgain) {
  bool first = true;
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.method == "POST" && r.target.find("uploadId") != std::string::npos &&
        std::exchange(first, false)) {
      return {http(200, "", error_xml("InternalError"))};
    }
    return answer(r);
  });
  EXPECT_TRUE(succeeds(store_->put_bytes(name_, large_, {})));
}

TEST_F(S3Multipart, LostAnswerToTheCompletionIsLookedUp) {
  int completions = 0;
  serve([&](const FakeRequest& r) -> FakeAnswer {
    if (r.method == "HEAD") return {serve_object(r, large_, "\"all-2\"")};
    if (r.method == "POST" && r.target.find("uploadId") != std::string::npos) {
      if (completions++ == 0) return {"", FakeAnswer::kClose};
      return {http(404, "", error_xml("NoSuchUpload"))};
    }
    return answer(r);
  });
  const auto info = store_->put_bytes(name_, large_, {});
  ASSERT_TRUE(succeeds(info));
  EXPECT_EQ(info->etag, "\"all-2\"");
  EXPECT_EQ(count("DELETE"), 0u);
}

TEST_F(S3Faults, CallsFromManyThreadsLeaveNothingOpen) {
  serve([&](const FakeRequest& r) -> FakeAnswer { return {serve_object(r, content_)}; });
  const auto descriptors = [] {
    using It = std::filesystem::directory_iterator;
    return std::distance(It("/proc/self/fd"), It());
  };
  endpoint_.reset();
  store_.reset();
  const auto before = descriptors();
  serve([&](const FakeRequest& r) -> FakeAnswer { return {serve_object(r, content_)}; });
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10; ++i) EXPECT_EQ(get().value(), content_);
      });
    }
  }
  endpoint_.reset();
  store_.reset();
  EXPECT_EQ(descriptors(), before);
}

}  // namespace
}  // namespace saola::objects_s3
