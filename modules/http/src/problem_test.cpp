#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/http/problem.hpp>

namespace saola::http {
namespace {

TEST(Problem, MinimalDocumentHasTypeTitleAndStatus) {
  EXPECT_EQ(to_json(Problem{.status = 404}),
            R"({"type":"about:blank","title":"Not Found","status":404})");
}

TEST(Problem, AllMembers) {
  const Problem problem{.status = 422,
                        .detail = "two \"fields\"",
                        .title = "Bad split",
                        .type = "https://example.org/bad-split",
                        .code = "invalid_argument",
                        .request_id = "r-1",
                        .errors = {{"#/a", "is missing"}, {"#/b/0", "is\n7"}}};
  EXPECT_EQ(to_json(problem),
            R"({"type":"https://example.org/bad-split","title":"Bad split","status":422,)"
            R"("detail":"two \"fields\"","code":"invalid_argument","request_id":"r-1",)"
            R"("errors":[{"pointer":"#/a","detail":"is missing"},)"
            R"({"pointer":"#/b/0","detail":"is\n7"}]})");
}

TEST(Problem, BytesThatAreNotUtf8DoNotReachTheDocument) {
  EXPECT_EQ(to_json(Problem{.status = 400, .detail = "\xff"}),
            "{\"type\":\"about:blank\",\"title\":\"Bad "
            "Request\",\"status\":400,\"detail\":\"\\ufffd\"}");
}

TEST(Problem, ErrorKeepsItsTextUnlessItIsOurFault) {
  const Problem missing = problem_from(Error(ErrorCode::kNotFound, "no job 7"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.detail, "no job 7");
  EXPECT_EQ(missing.code, "not_found");
  for (ErrorCode code : {ErrorCode::kInternal, ErrorCode::kDataCorrupt}) {
    const Problem ours = problem_from(Error(code, "password is hunter2"));
    EXPECT_EQ(ours.status, 500);
    EXPECT_THAT(ours.detail, testing::Not(testing::HasSubstr("hunter2")));
  }
}

TEST(Problem, ResponseIsProblemJsonAndNotStored) {
  const Response response = problem_response(Problem{.status = 413});
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/problem+json");
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
  EXPECT_TRUE(std::holds_alternative<std::string>(response.body));
}

}  // namespace
}  // namespace saola::http
