#include "split_service.hpp"

#include <boost/json.hpp>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/objects/memory_store.hpp>
#include <saola/service/test.hpp>
#include <saola/service/uploads.hpp>

namespace saola::split_service {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

struct SplitServiceTest : testing::Test {
  SplitServiceTest() {
    auto memory = std::make_unique<objects::MemoryStore>();
    EXPECT_TRUE(memory->put_bytes(objects::ObjectName::parse("s3://samples/t.csv").value(),
                                  "id,x\na,1\nb,2\nc,3\nd,4\n", {}));
    EXPECT_TRUE(client.buckets().add("samples", std::move(memory), {.writable = true}));
  }
  std::unique_ptr<Service> service = make_split_service();
  ServiceTest client = service->test_client();
};

TEST_F(SplitServiceTest, SplitsATable) {
  const auto accepted = client.post("/split", {{"source", "s3://samples/t.csv"}, {"groups", 2}});
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  EXPECT_EQ(client.run_jobs(), 1);
  const json::value job = client.get(accepted.header("Location")).json();
  EXPECT_EQ(job.at("state"), "completed") << job;
  EXPECT_EQ(job.at("request").at("source"), "s3://samples/t.csv");
  EXPECT_EQ(job.at("result").at("groups").at("1"), 2) << job;
}

TEST_F(SplitServiceTest, EveryProblemIsToldBeforeAnythingIsStored) {
  const auto answer =
      client.post("/split", {{"source", "s3://other/t.csv"}, {"groups", 1}, {"objectiv", "kplus"}});
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(answer.json().at("errors").as_array().size(), 3U) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("#/objectiv"));
  EXPECT_THAT(answer.body, HasSubstr("configured buckets: samples"));
  EXPECT_EQ(client.get("/split").status, 405);
  EXPECT_EQ(client.run_jobs(), 0);
}

TEST_F(SplitServiceTest, AnUnknownQueryArgumentIsRefused) {
  const json::value good{{"source", "s3://samples/t.csv"}, {"groups", 2}};
  EXPECT_EQ(client.post("/split?group=3", good).status, 400);
  EXPECT_EQ(client.post("/split/check?x", good).status, 400);
  EXPECT_EQ(client.post("/uploads?destinatoin=s3://samples/", good).status, 400);
  EXPECT_EQ(client.get("/jobs/01970000-0000-7000-8000-000000000001/page?x=1").status, 400);
  EXPECT_EQ(client.run_jobs(), 0);
}

TEST_F(SplitServiceTest, FilesOfACompletedSplitAreServed) {
  const auto accepted = client.post("/split", {{"source", "s3://samples/t.csv"}, {"groups", 2}});
  const std::string job(accepted.header("Location"));
  EXPECT_EQ(client.get(job + "/assignment").status, 409) << "not completed yet";
  EXPECT_EQ(client.run_jobs(), 1);
  const json::value links = client.get(job).json().at("result").at("links");
  const auto assignment = client.get(std::string(links.at("assignment").as_string()));
  EXPECT_EQ(assignment.status, 200) << assignment.body;
  EXPECT_EQ(assignment.header("Content-Type"), "text/csv; charset=utf-8");
  EXPECT_THAT(assignment.body, testing::StartsWith("id,group\na,"));
  EXPECT_THAT(std::string(assignment.header("Content-Disposition")),
              HasSubstr("attachment; filename=\"t."));
  const auto page = client.get(std::string(links.at("page").as_string()));
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(std::string(page.header("Content-Security-Policy")), HasSubstr("sandbox"));
  EXPECT_THAT(page.body, HasSubstr("<h1>Split of"));
  EXPECT_EQ(client.get(job + "/report").json().at("format"), "saola.split.balance/1");
  EXPECT_EQ(client.get("/jobs/0192f0c1-2345-7890-abcd-ef0123456789/assignment").status, 404);
}

TEST_F(SplitServiceTest, ACheckSaysWhatWasUnderstoodAndWritesNothing) {
  const auto accepted =
      client.post("/split/check", {{"source", "s3://samples/t.csv"}, {"groups", {"u", "v"}}});
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  EXPECT_EQ(client.run_jobs(), 1);
  const std::string job(accepted.header("Location"));
  const json::value result = client.get(job).json().at("result");
  EXPECT_EQ(result.at("rows"), 4) << result;
  EXPECT_EQ(result.at("groups").at("u"), 2);
  EXPECT_EQ(result.at("columns").at(0).at("role"), "id");
  EXPECT_EQ(result.at("columns").at(1).at("role"), "balanced");
  EXPECT_EQ(client.get(job + "/assignment").status, 404);
  EXPECT_EQ(client.post("/split/check", {{"source", "s3://samples/t.csv"}}).status, 422);
}

std::string form_of(std::string_view file, std::string_view bytes) {
  return fmt::format(
      "--XX\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--XX\r\n"
      "Content-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n"
      "Content-Type: text/csv\r\n\r\n{}\r\n--XX--\r\n",
      file, bytes);
}
const std::string kForm = "multipart/form-data; boundary=XX";

TEST_F(SplitServiceTest, AnUploadedFileCanBeSplit) {
  const auto stored =
      client.request("POST", "/uploads", form_of("../my units.csv", "id,x\na,1\nb,2\n"),
                     {{"Content-Type", kForm}});
  ASSERT_EQ(stored.status, 201) << stored.body;
  EXPECT_EQ(stored.json().at("bytes"), 13);
  const std::string source(stored.json().at("source").as_string());
  EXPECT_THAT(source, testing::StartsWith("s3://samples/uploads/"));
  EXPECT_THAT(source, testing::EndsWith("/my_units.csv"));
  const auto accepted = client.post("/split", {{"source", source}, {"groups", 2}});
  EXPECT_EQ(accepted.status, 202) << accepted.body;
  EXPECT_EQ(client.run_jobs(), 1);
  EXPECT_EQ(client.get(accepted.header("Location")).json().at("state"), "completed");
}

TEST_F(SplitServiceTest, AnUploadThatCannotBeTakenSaysWhy) {
  const auto send = [&](std::string_view target, const std::string& body, const std::string& type) {
    return client.request("POST", target, body, {{"Content-Type", type}});
  };
  EXPECT_EQ(send("/uploads", "id,x\n", "text/csv").status, 415);
  EXPECT_EQ(send("/uploads", "--XX--\r\n", kForm).status, 400);
  auto cut = form_of("t.csv", "id,x\na,1\n");
  cut.resize(cut.size() - 8);
  EXPECT_EQ(send("/uploads", cut, kForm).status, 400);
  EXPECT_EQ(send("/uploads?destination=s3://other/x/", form_of("t.csv", "id\n"), kForm).status,
            404);
}

TEST_F(SplitServiceTest, AnUploadOfMoreBytesThanASourceMayHaveIsRefused) {
  Service small("small");
  add_upload_route(small, {.most_bytes = [] { return 10; }, .setting = "source-max-bytes"});
  ServiceTest of_small = small.test_client();
  EXPECT_TRUE(of_small.buckets().add("samples", std::make_unique<objects::MemoryStore>(),
                                     {.writable = true}));
  const auto send = [&](std::string_view bytes) {
    return of_small.request("POST", "/uploads", form_of("t.csv", bytes), {{"Content-Type", kForm}});
  };
  EXPECT_EQ(send("id,x\na,1\n\n").status, 201);
  const auto refused = send("id,x\na,1\nb\n");
  EXPECT_EQ(refused.status, 413);
  EXPECT_THAT(refused.body, HasSubstr("more than 10 bytes (setting source-max-bytes)"));
}

TEST_F(SplitServiceTest, ReadersGetFilesAndSubmittersUploadAndCheck) {
  const auto needed = [&](http::Method method, std::string_view path) {
    http::Request request;
    request.method = method;
    request.raw_path = request.path = path;
    return service->app().role_needed(request);
  };
  for (const char* path : {"/uploads", "/split", "/split/check"}) {
    EXPECT_EQ(needed(http::Method::kPost, path), http::Role::kSubmit) << path;
  }
  for (const char* path : {"/jobs/x/assignment", "/jobs/x/report", "/jobs/x/page"}) {
    EXPECT_EQ(needed(http::Method::kGet, path), http::Role::kRead) << path;
  }
}

TEST_F(SplitServiceTest, OpenApiDescribesTheBody) {
  const json::value post = client.get("/openapi.json").json().at("paths").at("/split").at("post");
  const json::value& schema =
      post.at("requestBody").at("content").at("application/json").at("schema");
  EXPECT_TRUE(schema.at("properties").as_object().contains("strata"));
  EXPECT_TRUE(post.at("responses").as_object().contains("429"));
}

}  // namespace
}  // namespace saola::split_service
