#include "split_service.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/objects/memory_store.hpp>
#include <saola/service/test.hpp>

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

TEST_F(SplitServiceTest, OpenApiDescribesTheBody) {
  const json::value post = client.get("/openapi.json").json().at("paths").at("/split").at("post");
  const json::value& schema =
      post.at("requestBody").at("content").at("application/json").at("schema");
  EXPECT_TRUE(schema.at("properties").as_object().contains("strata"));
  EXPECT_TRUE(post.at("responses").as_object().contains("429"));
}

}  // namespace
}  // namespace saola::split_service
