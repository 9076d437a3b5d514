#include "split_api.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/jobs/memory_store.hpp>
#include <saola/objects/memory_store.hpp>
#include <saola/web/test_client.hpp>

namespace saola::split_service {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

const json::value kGood{{"source", "s3://samples/t.csv"}, {"groups", 2}};

struct SplitApiTest : testing::Test {
  SplitApiTest() { bind({}); }

  void bind(jobs::StoreOptions options, bool one_event = false) {
    api = std::make_unique<SplitApi>();
    client = std::make_unique<web::TestClient>(*api);
    auto buckets = std::make_unique<objects::Buckets>();
    EXPECT_TRUE(buckets->add("samples", std::make_unique<objects::MemoryStore>()));
    auto memory = jobs::make_memory_store(options);
    store = memory.get();
    api->bind({.store = std::move(memory),
               .buckets = std::move(buckets),
               .metrics_text = [] { return std::string("up 1\n"); },
               .queue_limit = options.queue_limit,
               .one_event_a_stream = one_event});
  }
  std::string submit() {
    const auto answer = client->post("/split", kGood);
    EXPECT_EQ(answer.status, 202) << answer.body;
    return std::string(answer.json().at("id").as_string());
  }
  jobs::Job claim() {
    auto jobs = store->claim({.owner = "w", .kinds = {"split"}}, soon());
    EXPECT_TRUE(jobs && jobs->size() == 1);
    return jobs->at(0);
  }
  static Deadline soon() { return Deadline::after(std::chrono::seconds(5)); }

  std::unique_ptr<SplitApi> api;
  std::unique_ptr<web::TestClient> client;
  jobs::Store* store = nullptr;
};

TEST_F(SplitApiTest, SubmitAnswersWithTheJob) {
  const auto answer = client->post("/split", kGood);
  EXPECT_EQ(answer.status, 202);
  const json::value body = answer.json();
  const std::string id(body.at("id").as_string());
  EXPECT_EQ(answer.header("Location"), "/jobs/" + id);
  EXPECT_EQ(body.at("state"), "available");
  EXPECT_EQ(body.at("kind"), "split");
  EXPECT_EQ(body.at("links").at("events"), json::value("/jobs/" + id + "/events"));
  EXPECT_TRUE(store->get(id, soon()));

  const json::value job = client->get("/jobs/" + id).json();
  for (const char* field : {"id", "kind", "state", "attempt", "progress", "created_at",
                            "started_at", "finished_at", "error", "result"}) {
    EXPECT_TRUE(job.as_object().contains(field)) << field;
  }
  EXPECT_EQ(job.at("progress").at("fraction"), 0.0);
  EXPECT_EQ(job.at("position").at("ahead"), 0);
  EXPECT_EQ(job.at("request").at("source"), "s3://samples/t.csv");
}

TEST_F(SplitApiTest, EveryProblemIsTold) {
  const auto answer = client->post(
      "/split", {{"source", "s3://other/t.csv"}, {"groups", 1}, {"objectiv", "kplus"}});
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(answer.json().at("errors").as_array().size(), 3U) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("#/objectiv"));
  EXPECT_THAT(answer.body, HasSubstr("objective"));
  EXPECT_THAT(answer.body, HasSubstr("configured buckets: samples"));
  EXPECT_EQ(client->request("POST", "/split", "{", {{"Content-Type", "application/json"}}).status,
            400);
  EXPECT_EQ(client->request("POST", "/split", "{}", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(client
                ->request("POST", "/split", std::string(2 << 20, ' '),
                          {{"Content-Type", "application/json"}})
                .status,
            413);
  EXPECT_EQ(client->get("/split").status, 405);
  EXPECT_TRUE(store->list({}, soon())->jobs.empty());
}

TEST_F(SplitApiTest, AnIdempotencyKeyNamesOneJob) {
  const auto first = client->post("/split", kGood, {{"Idempotency-Key", "k1"}});
  const auto again = client->post("/split", kGood, {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(first.json().at("id"), again.json().at("id"));
  const auto other = client->post("/split", {{"source", "s3://samples/u.csv"}, {"groups", 2}},
                                  {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(other.status, 409);
  const auto long_key = client->post("/split", kGood, {{"Idempotency-Key", std::string(256, 'k')}});
  EXPECT_EQ(long_key.status, 400);
}

TEST_F(SplitApiTest, AFullQueueIs429) {
  bind({.queue_limit = 2});
  submit();
  const std::string second = submit();
  const auto answer = client->post("/split", kGood);
  EXPECT_EQ(answer.status, 429) << answer.body;
  EXPECT_EQ(answer.header("Retry-After"), "5");
  EXPECT_EQ(client->request("POST", "/jobs/" + second + "/cancel").status, 200);
  submit();
  EXPECT_EQ(client->request("POST", "/jobs/" + second + "/retry").status, 429);
}

TEST_F(SplitApiTest, ARequestTooLargeForTheStoreIs413) {
  bind({.max_payload = 10});
  EXPECT_EQ(client->post("/split", kGood).status, 413);
}

TEST_F(SplitApiTest, ListsWithFiltersAndPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(submit());
  EXPECT_EQ(client->request("POST", "/jobs/" + ids[1] + "/cancel").status, 200);
  const json::value first = client->get("/jobs?limit=2").json();
  EXPECT_EQ(first.at("jobs").as_array().size(), 2U);
  EXPECT_EQ(first.at("jobs").at(0).at("id"), json::value(ids[2]));
  EXPECT_FALSE(first.at("jobs").at(0).as_object().contains("result"));
  const std::string cursor(first.at("next_cursor").as_string());
  const json::value second = client->get("/jobs?limit=2&cursor=" + cursor).json();
  EXPECT_EQ(second.at("jobs").as_array().size(), 1U);
  EXPECT_TRUE(second.at("next_cursor").is_null());
  EXPECT_EQ(client->get("/jobs?state=cancelled,running").json().at("jobs").as_array().size(), 1U);
  EXPECT_EQ(client->get("/jobs?kind=other").json().at("jobs").as_array().size(), 0U);
  const auto unknown = client->get("/jobs?state=waiting");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_THAT(unknown.body, HasSubstr("available"));
  EXPECT_EQ(client->get("/jobs?limit=0").status, 400);
  EXPECT_EQ(client->get("/jobs?cursor=nonsense").status, 400);
}

TEST_F(SplitApiTest, UnknownJobsAre404) {
  for (const char* id : {"7", "0192f0c1-2345-7890-abcd-ef0123456789"}) {
    const std::string path = std::string("/jobs/") + id;
    EXPECT_EQ(client->get(path).status, 404);
    EXPECT_EQ(client->get(path + "/events").status, 404);
    EXPECT_EQ(client->get(path + "/result").status, 404);
    EXPECT_EQ(client->request("POST", path + "/cancel").status, 404);
    EXPECT_EQ(client->request("POST", path + "/retry").status, 404);
  }
}

TEST_F(SplitApiTest, TheResultIsThereWhenTheJobIsCompleted) {
  const std::string id = submit();
  const auto early = client->get("/jobs/" + id + "/result");
  EXPECT_EQ(early.status, 409);
  EXPECT_THAT(early.body, HasSubstr("/events"));
  const jobs::Job job = claim();
  ASSERT_TRUE(store->complete(job.token(), R"({"seconds":1.5})", soon()));
  EXPECT_EQ(client->get("/jobs/" + id + "/result").json(), (json::object{{"seconds", 1.5}}));
  EXPECT_EQ(client->get("/jobs/" + id).json().at("result").at("seconds"), 1.5);
  EXPECT_EQ(client->request("POST", "/jobs/" + id + "/cancel").status, 409);
  EXPECT_EQ(client->request("POST", "/jobs/" + id + "/retry").status, 409);
}

TEST_F(SplitApiTest, ADiscardedJobSaysWhyAndRunsAgain) {
  const std::string id = submit();
  ASSERT_TRUE(store->fail(claim().token(),
                          {.text = "row 3 is short", .next = jobs::FailRequest::Next::kDiscard},
                          soon()));
  EXPECT_EQ(client->get("/jobs/" + id).json().at("error"), "row 3 is short");
  EXPECT_THAT(client->get("/jobs/" + id + "/result").body, HasSubstr("row 3 is short"));
  const auto retried = client->request("POST", "/jobs/" + id + "/retry");
  EXPECT_EQ(retried.status, 202);
  EXPECT_EQ(retried.json().at("state"), "available");
}

TEST_F(SplitApiTest, CancelOfARunningJobIsAsked) {
  const std::string id = submit();
  claim();
  const auto answer = client->request("POST", "/jobs/" + id + "/cancel");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.json().at("state"), "running");
  EXPECT_EQ(answer.json().at("cancel_requested"), true);
}

TEST_F(SplitApiTest, EventsTellTheEndAndAreNotRepeated) {
  const std::string id = submit();
  ASSERT_TRUE(store->complete(claim().token(), "{}", soon()));
  const auto stream = client->get("/jobs/" + id + "/events");
  EXPECT_EQ(stream.header("Content-Type"), "text/event-stream");
  EXPECT_THAT(stream.body, HasSubstr("event: end\n"));
  EXPECT_THAT(stream.body, HasSubstr("\"completed\""));
  EXPECT_TRUE(stream.complete);
  const std::size_t at = stream.body.find("id: ") + 4;
  const std::string event = stream.body.substr(at, stream.body.find('\n', at) - at);
  EXPECT_EQ(client->get("/jobs/" + id + "/events", {{"Last-Event-ID", event}}).status, 204);
  EXPECT_EQ(client->get("/jobs/" + id + "/events", {{"Last-Event-ID", "x"}}).status, 200);
}

TEST_F(SplitApiTest, AWatcherThatHangsUpEndsTheStream) {
  const std::string id = submit();
  client->hang_up_after(10);
  const auto stream = client->get("/jobs/" + id + "/events");
  EXPECT_FALSE(stream.complete);
}

TEST_F(SplitApiTest, UnderClassSyncAStreamIsOneEvent) {
  bind({}, true);
  const auto stream = client->get("/jobs/" + submit() + "/events");
  EXPECT_THAT(stream.body, HasSubstr("event: progress\n"));
  EXPECT_TRUE(stream.complete);
}

TEST_F(SplitApiTest, OperatorsRoutes) {
  submit();
  EXPECT_EQ(client->get("/healthz").body, "ok\n");
  EXPECT_EQ(client->get("/readyz").json(), (json::object{{"ready", true}}));
  const auto metrics = client->get("/metrics");
  EXPECT_THAT(metrics.body, HasSubstr("up 1\n"));
  EXPECT_THAT(metrics.body, HasSubstr("saola_jobs{state=\"available\"} 1\n"));
  const json::value api_document = client->get("/openapi.json").json();
  EXPECT_TRUE(api_document.at("paths").at("/split").as_object().contains("post"));
  EXPECT_TRUE(api_document.at("paths").at("/jobs/{id}/events").as_object().contains("get"));
}

TEST_F(SplitApiTest, TheDashboardIsComplete) {
  const auto page = client->get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(page.body, Not(HasSubstr("://cdn")));
  for (const char* file : {"/ui/dashboard.css", "/ui/dashboard.js"}) {
    EXPECT_THAT(page.body, HasSubstr(file));
    const auto answer = client->get(file);
    EXPECT_EQ(answer.status, 200) << file;
    const std::string etag(answer.header("ETag"));
    EXPECT_EQ(client->get(file, {{"If-None-Match", etag}}).status, 304);
  }
}

}  // namespace
}  // namespace saola::split_service
