#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/jobs/memory_store.hpp>
#include <saola/jobs_web/jobs_api.hpp>
#include <saola/web/app.hpp>
#include <saola/web/test_client.hpp>

#include "job_json.hpp"

namespace saola::jobs_web {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

const json::value kGood{{"source", "s3://samples/t.csv"}, {"groups", 2}};

TEST(JobJson, ShowsFailuresAndInterruptionsApart) {
  jobs::Job job{.id = "1", .kind = "split", .queue = "default", .attempt = 7, .failures = 2};
  job.interruptions = 5;
  job.max_attempts = 5;
  job.priority = 3;
  job.timeout = std::chrono::seconds(90);
  const json::object shown = summary_json(job, "");
  EXPECT_EQ(shown.at("attempt"), 7);
  EXPECT_EQ(shown.at("failures"), 2);
  EXPECT_EQ(shown.at("interruptions"), 5);
  EXPECT_EQ(shown.at("queue"), "default");
  EXPECT_EQ(shown.at("priority"), 3);
  EXPECT_EQ(shown.at("timeout_seconds"), 90.0);
}

struct JobsApiTest : testing::Test {
  JobsApiTest() { make({}); }

  void make(jobs::StoreOptions options, bool one_event = false) {
    api.reset();
    store = jobs::make_memory_store(options);
    api = std::make_unique<JobsApi>(*store, JobsApiOptions{.queue_limit = options.queue_limit,
                                                           .queues = {"default", "bulk"},
                                                           .one_event_a_stream = one_event});
    app = std::make_unique<web::App>();
    app->post("/split", [this](web::Request& request) {
      return api->accept(request, {.kind = "split", .payload = json::serialize(request.json())});
    });
    app->register_blueprint(jobs_blueprint([this]() -> JobsApi& { return *api; }));
    client = std::make_unique<web::TestClient>(*app);
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

  std::unique_ptr<jobs::Store> store;
  std::unique_ptr<JobsApi> api;
  std::unique_ptr<web::App> app;
  std::unique_ptr<web::TestClient> client;
};

TEST_F(JobsApiTest, BelowAPathOfABiggerSiteLinksBeginWithIt) {
  client->below("/site");
  const auto answer = client->post("/split", kGood);
  const json::value body = answer.json();
  const std::string self = "/site/jobs/" + std::string(body.at("id").as_string());
  EXPECT_EQ(answer.header("Location"), self);
  const std::string path = self.substr(5);
  const json::value listed = client->get("/jobs").json().at("jobs").at(0);
  const json::value job = client->get(path).json();
  const json::value cancelled = client->post(path + "/cancel", nullptr).json();
  for (const json::value& shown : {body, listed, job, cancelled}) {
    EXPECT_EQ(shown.at("links").at("self"), json::value(self));
    EXPECT_EQ(shown.at("links").at("retry"), json::value(self + "/retry"));
  }
  EXPECT_THAT(client->get(path + "/events").body, HasSubstr(self + "/events"));
}

TEST_F(JobsApiTest, BelowAPathOfABiggerSiteTheLinksOfAResultBeginWithItToo) {
  const auto completed = [&](std::string_view result) {
    const std::string path(client->post("/split", kGood).header("Location"));
    const auto taken = store->claim({.owner = "w", .kinds = {"split"}}, soon());
    EXPECT_TRUE(store->complete(taken->at(0).token(), result, soon()));
    return path;
  };
  const std::string path =
      completed(R"({"links":{"report":"/jobs/1/report","docs":"https://a.example/"},"mean":0.25})");
  const std::string other = completed(R"({"links":["/x"],"mean":0.25})");
  EXPECT_THAT(client->get(path + "/result").body, HasSubstr(R"("report":"/jobs/1/report")"));
  client->below("/site");
  for (const json::value& result :
       {client->get(path + "/result").json(), client->get(path).json().at("result")}) {
    EXPECT_EQ(result.at("links").at("report"), "/site/jobs/1/report");
    EXPECT_EQ(result.at("links").at("docs"), "https://a.example/");
    EXPECT_EQ(result.at("mean"), 0.25);
  }
  EXPECT_THAT(client->get(path + "/events").body, HasSubstr("/site/jobs/1/report"));
  EXPECT_EQ(client->get(other + "/result").body, R"({"links":["/x"],"mean":0.25})");
}

TEST_F(JobsApiTest, SubmitAnswersWithTheJob) {
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

TEST_F(JobsApiTest, HeadersSayHowTheJobIsToBeRun) {
  const auto answer = client->post(
      "/split", kGood, {{"Job-Priority", "-7"}, {"Job-Queue", "bulk"}, {"Job-Timeout", "1.5"}});
  ASSERT_EQ(answer.status, 202) << answer.body;
  const std::string id(answer.json().at("id").as_string());
  const json::value job = client->get("/jobs/" + id).json();
  EXPECT_EQ(job.at("priority"), -7);
  EXPECT_EQ(job.at("queue"), "bulk");
  EXPECT_EQ(job.at("timeout_seconds"), 1.5);
  // Without them it is as the task says.
  const json::value plain = client->get("/jobs/" + submit()).json();
  EXPECT_EQ(plain.at("priority"), 0);
  EXPECT_EQ(plain.at("queue"), "default");
  EXPECT_TRUE(plain.at("timeout_seconds").is_null());
  EXPECT_EQ(client->get("/jobs?queue=bulk").json().at("jobs").as_array().size(), 1u);
}

TEST_F(JobsApiTest, HeadersThatAreWrongStartNoJob) {
  for (const auto& [name, value] : {std::pair{"Job-Priority", "1001"},
                                    {"Job-Priority", "high"},
                                    {"Job-Priority", "1.5"},
                                    {"Job-Queue", "other"},
                                    {"Job-Queue", ""},
                                    {"Job-Timeout", "0"},
                                    {"Job-Timeout", "-1"},
                                    {"Job-Timeout", "nan"},
                                    {"Job-Timeout", "1e300"},
                                    {"Job-Timeout", "10 s"}}) {
    const auto answer = client->post("/split", kGood, {{name, value}});
    EXPECT_EQ(answer.status, 400) << name << ": " << value;
    EXPECT_THAT(answer.body, HasSubstr(name));
  }
  EXPECT_THAT(client->post("/split", kGood, {{"Job-Queue", "other"}}).body,
              HasSubstr("default, bulk"));
  // The task's own limit is the most.
  app = std::make_unique<web::App>();
  app->post("/short", [this](web::Request& request) {
    return api->accept(request, {.kind = "split", .timeout = std::chrono::seconds(5)});
  });
  client = std::make_unique<web::TestClient>(*app);
  EXPECT_EQ(client->post("/short", kGood, {{"Job-Timeout", "6"}}).status, 400);
  EXPECT_EQ(client->post("/short", kGood, {{"Job-Timeout", "5"}}).status, 202);
  EXPECT_EQ(store->list({}, soon())->jobs.size(), 1u);
}

TEST_F(JobsApiTest, AnIdempotencyKeyNamesOneJob) {
  const auto first = client->post("/split", kGood, {{"Idempotency-Key", "k1"}});
  const auto again = client->post("/split", kGood, {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(first.json().at("id"), again.json().at("id"));
  const auto other = client->post("/split", {{"source", "s3://samples/u.csv"}, {"groups", 2}},
                                  {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(other.status, 409);
  const auto twice =
      client->post("/split", kGood, {{"Idempotency-Key", "a"}, {"Idempotency-Key", "b"}});
  EXPECT_EQ(twice.status, 400);
  const auto long_key = client->post("/split", kGood, {{"Idempotency-Key", std::string(256, 'k')}});
  EXPECT_EQ(long_key.status, 400);
}

TEST_F(JobsApiTest, AFullQueueIs429) {
  make({.queue_limit = 2});
  submit();
  const std::string second = submit();
  const auto answer = client->post("/split", kGood);
  EXPECT_EQ(answer.status, 429) << answer.body;
  EXPECT_EQ(answer.header("Retry-After"), "5");
  EXPECT_EQ(client->request("POST", "/jobs/" + second + "/cancel").status, 200);
  submit();
  EXPECT_EQ(client->request("POST", "/jobs/" + second + "/retry").status, 429);
}

TEST_F(JobsApiTest, FormsAndTextsSteerNoJob) {
  const std::string id = submit();
  for (const char* verb : {"/cancel", "/retry"}) {
    for (const char* type : {"text/plain", "text/plain; charset=utf-8", "multipart/form-data",
                             "application/x-www-form-urlencoded", ""}) {
      EXPECT_EQ(client->request("POST", "/jobs/" + id + verb, "", {{"Content-Type", type}}).status,
                415)
          << verb << ' ' << type;
    }
  }
  EXPECT_EQ(
      client
          ->request("POST", "/jobs/" + id + "/cancel", "{}", {{"Content-Type", "application/json"}})
          .status,
      200);
}

TEST_F(JobsApiTest, ARequestTooLargeForTheStoreIs413) {
  make({.max_payload = 10});
  EXPECT_EQ(client->post("/split", kGood).status, 413);
}

TEST_F(JobsApiTest, ListsWithFiltersAndPages) {
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
  EXPECT_EQ(client->get("/jobs?limit=201").status, 400) << "a page has a bounded size";
  const auto misspelled = client->get("/jobs?stat=running");
  EXPECT_EQ(misspelled.status, 400);
  EXPECT_THAT(misspelled.body, HasSubstr("no query argument 'stat'"));
  EXPECT_THAT(misspelled.body, HasSubstr("Did you mean 'state'?"));
  const std::string path = "/jobs/" + submit();
  for (const char* below : {"", "/events", "/result"}) {
    EXPECT_EQ(client->get(path + below + "?verbose=1").status, 400) << below;
  }
  EXPECT_EQ(client->post(path + "/cancel?force=1", nullptr).status, 400);
  EXPECT_EQ(client->get("/jobs?cursor=nonsense").status, 400);
}

TEST_F(JobsApiTest, UnknownJobsAre404) {
  for (const char* id : {"7", "0192f0c1-2345-7890-abcd-ef0123456789"}) {
    const std::string path = std::string("/jobs/") + id;
    EXPECT_EQ(client->get(path).status, 404);
    EXPECT_EQ(client->get(path + "/events").status, 404);
    EXPECT_EQ(client->get(path + "/result").status, 404);
    EXPECT_EQ(client->request("POST", path + "/cancel").status, 404);
    EXPECT_EQ(client->request("POST", path + "/retry").status, 404);
  }
}

TEST_F(JobsApiTest, TheResultIsThereWhenTheJobIsCompleted) {
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

TEST_F(JobsApiTest, ADiscardedJobSaysWhyAndRunsAgain) {
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

TEST_F(JobsApiTest, CancelOfARunningJobIsAsked) {
  const std::string id = submit();
  claim();
  const auto answer = client->request("POST", "/jobs/" + id + "/cancel");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.json().at("state"), "running");
  EXPECT_EQ(answer.json().at("cancel_requested"), true);
}

TEST_F(JobsApiTest, EventsTellTheEndAndAreNotRepeated) {
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

TEST_F(JobsApiTest, AWatcherThatHangsUpEndsTheStream) {
  const std::string id = submit();
  client->hang_up_after(10);
  const auto stream = client->get("/jobs/" + id + "/events");
  EXPECT_FALSE(stream.complete);
}

TEST_F(JobsApiTest, UnderClassSyncAStreamIsOneEvent) {
  make({}, true);
  const auto stream = client->get("/jobs/" + submit() + "/events");
  EXPECT_THAT(stream.body, HasSubstr("event: progress\n"));
  EXPECT_TRUE(stream.complete);
}

TEST_F(JobsApiTest, CountsJobsByState) {
  submit();
  EXPECT_THAT(api->metrics_text(), HasSubstr("saola_jobs{state=\"available\"} 1\n"));
  EXPECT_THAT(api->metrics_text(), HasSubstr("\nsaola_jobs_oldest_waiting_seconds "));
  EXPECT_THAT(api->metrics_text(), HasSubstr("\nsaola_job_store_bytes "));
  EXPECT_TRUE(api->ready());
}

TEST_F(JobsApiTest, PayloadAndResultAreShownByteForByte) {
  const std::string odd = "{\"n\": 1.50,  \"s\":\"\\u00e9\"}";
  auto stored = store->enqueue({.kind = "split", .payload = odd}, soon());
  ASSERT_TRUE(stored);
  ASSERT_TRUE(store->complete(claim().token(), odd, soon()));
  const auto shown = client->get("/jobs/" + stored->job.id);
  EXPECT_THAT(shown.body, HasSubstr("\"request\":" + odd));
  EXPECT_THAT(shown.body, HasSubstr("\"result\":" + odd));
  EXPECT_EQ(shown.json().at("state"), "completed");
}

TEST_F(JobsApiTest, TheDocumentedShapesAreTheAnswers) {
  const std::string id = submit();
  EXPECT_THAT(job_schema().check(client->get("/jobs/" + id).json()), testing::IsEmpty());
  EXPECT_THAT(page_schema().check(client->get("/jobs").json()), testing::IsEmpty());
  claim();
  EXPECT_THAT(job_schema().check(client->get("/jobs/" + id).json()), testing::IsEmpty());
  const auto accepted = client->post("/split", kGood).json();
  EXPECT_THAT(accepted_schema().check(accepted), testing::IsEmpty());
}

}  // namespace
}  // namespace saola::jobs_web
