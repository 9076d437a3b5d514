#include <future>

#include <boost/json.hpp>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/objects/memory_store.hpp>
#include <saola/service/service.hpp>
#include <saola/service/test.hpp>

namespace saola {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

struct PrimesArgs {
  std::int64_t below;
  int step = 1;
};
SAOLA_DESCRIBE(PrimesArgs, below, step)

struct PrimesResult {
  std::int64_t primes = 0;
};
SAOLA_DESCRIBE(PrimesResult, primes)

struct ServiceTestCase : testing::Test {
  ServiceTestCase() {
    primes = std::make_unique<Task<PrimesArgs>>(service.task<PrimesArgs>(
        "primes", [this](Job& job, const PrimesArgs& args) { return run(job, args); },
        {.max_attempts = 1}));
    service.post("/primes", [task = *primes](Request& request) { return task.accept(request); },
                 {.doc = "Count primes"});
  }
  std::string start(ServiceTest& client, const json::value& body) {
    const auto answer = client.post("/primes", body);
    EXPECT_EQ(answer.status, 202) << answer.body;
    return std::string(answer.header("Location"));
  }

  Service service{"primes", {.version = "1.2", .description = "Counts primes."}};
  std::unique_ptr<Task<PrimesArgs>> primes;
  std::function<jobs::Outcome(Job&, const PrimesArgs&)> run = [](Job&, const PrimesArgs& args) {
    return jobs::Done{web::to_json_text(PrimesResult{args.below / args.step})};
  };
};

TEST_F(ServiceTestCase, ATaskGetsItsArgumentsAndItsResultIsShown) {
  auto client = service.test_client();
  const std::string job = start(client, {{"below", 10}, {"step", 2}});
  EXPECT_EQ(client.get(job).json().at("state"), "available");
  EXPECT_EQ(client.run_jobs(), 1);
  const json::value done = client.get(job).json();
  EXPECT_EQ(done.at("state"), "completed");
  EXPECT_EQ(done.at("result"), (json::object{{"primes", 5}}));
  EXPECT_EQ(done.at("request"), (json::object{{"below", 10}, {"step", 2}}));
  EXPECT_EQ(client.run_jobs(), 0);
}

TEST_F(ServiceTestCase, ABodyThatDoesNotFitIs422WithPointersAndStoresNothing) {
  auto client = service.test_client();
  for (const auto& [body, pointer] : std::vector<std::pair<json::value, std::string>>{
           {json::object{}, "#/below"},
           {{{"below", "ten"}}, "#/below"},
           {{{"below", 1}, {"stp", 2}}, "#/stp"},
           {{{"below", 1.5}}, "#/below"},
           {json::array{}, "#"},
       }) {
    const auto answer = client.post("/primes", body);
    EXPECT_EQ(answer.status, 422) << body;
    EXPECT_THAT(answer.body, HasSubstr("\"" + pointer + "\"")) << body;
  }
  EXPECT_EQ(client.run_jobs(), 0);
}

TEST_F(ServiceTestCase, AnIdempotencyKeyNamesOneJob) {
  auto client = service.test_client();
  const auto first = client.post("/primes", {{"below", 1}}, {{"Idempotency-Key", "k"}});
  const auto again = client.post("/primes", {{"below", 1}}, {{"Idempotency-Key", "k"}});
  EXPECT_EQ(first.json().at("id"), again.json().at("id"));
  EXPECT_EQ(client.post("/primes", {{"below", 2}}, {{"Idempotency-Key", "k"}}).status, 409);
}

TEST_F(ServiceTestCase, AnExceptionFailsTheAttemptWithItsText) {
  run = [](Job&, const PrimesArgs&) -> jobs::Outcome { throw std::runtime_error("no luck"); };
  auto client = service.test_client();
  const std::string job = start(client, {{"below", 1}});
  client.run_jobs();
  EXPECT_EQ(client.get(job).json().at("state"), "discarded");
  EXPECT_EQ(client.get(job).json().at("error"), "no luck");
}

TEST_F(ServiceTestCase, ACancelledJobStopsAtItsNextLook) {
  auto client = service.test_client();
  run = [&](Job& job, const PrimesArgs&) -> jobs::Outcome {
    job.progress(0.5, "half");
    EXPECT_EQ(client.get("/jobs/" + job.id()).json().at("progress").at("message"), "half");
    EXPECT_EQ(client.request("POST", "/jobs/" + job.id() + "/cancel").status, 202);
    job.throw_if_stopped();
    return jobs::Done{};
  };
  const std::string job = start(client, {{"below", 1}});
  client.run_jobs();
  EXPECT_EQ(client.get(job).json().at("state"), "cancelled");
}

TEST_F(ServiceTestCase, AResultThatIsNoJsonDiscardsTheJob) {
  run = [](Job&, const PrimesArgs&) { return jobs::Done{"{broken"}; };
  auto client = service.test_client();
  const std::string job = start(client, {{"below", 1}});
  client.run_jobs();
  EXPECT_EQ(client.get(job).json().at("state"), "discarded");
}

TEST_F(ServiceTestCase, OperatorsRoutesAreThere) {
  auto client = service.test_client();
  start(client, {{"below", 3}});
  client.run_jobs();
  for (const char* path : {"/healthz", "/readyz"}) {
    EXPECT_EQ(client.get(path).status, 200);
    EXPECT_EQ(client.get(path).body, R"({"status":"ok"})") << "as on the management bind";
  }
  const std::string metrics = client.get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("saola_jobs{state=\"completed\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("saola_job_attempts_total{outcome=\"done\"} 1"));
  EXPECT_THAT(
      metrics,
      HasSubstr("saola_web_requests_total{method=\"POST\",route=\"/primes\",status=\"2xx\"} 1"));
  EXPECT_THAT(client.get("/").body, HasSubstr("dashboard.js"));
}

TEST_F(ServiceTestCase, OpenApiKnowsTheTasksArguments) {
  auto client = service.test_client();
  const json::value document = client.get("/openapi.json").json();
  EXPECT_EQ(document.at("info").at("version"), "1.2");
  const json::value& post = document.at("paths").at("/primes").at("post");
  const json::value& schema =
      post.at("requestBody").at("content").at("application/json").at("schema");
  EXPECT_EQ(schema.at("required"), json::array{"below"});
  EXPECT_EQ(schema.at("properties").at("step").at("default"), 1);
  EXPECT_EQ(post.at("parameters").at(0).at("name"), "Idempotency-Key");
  EXPECT_TRUE(post.at("responses").at("202").as_object().contains("content"));
  EXPECT_TRUE(document.at("paths").as_object().contains("/jobs/{id}/events"));
}

TEST(Service, ResultsOfEveryKindBecomeJson) {
  Service service("kinds");
  std::map<std::string, Task<>> tasks;
  const auto add = [&](std::string name, auto function) {
    tasks.emplace(name, service.task(name, function));
  };
  add("nothing", [](Job&) {});
  add("struct", [](Job&) { return PrimesResult{7}; });
  add("list", [](Job&) { return std::vector<int>{1, 2}; });
  add("number", [](Job&) { return 3; });
  add("good", [](Job&) { return Result<PrimesResult>(PrimesResult{1}); });
  add("bad", [](Job&) { return Result<PrimesResult>(fail(ErrorCode::kNotFound, "no table")); });
  service.post("/<name>", [&](Request& request, std::string_view name) {
    return Response(tasks.at(std::string(name)).accept(request));
  });
  auto client = service.test_client();
  const auto result = [&](std::string_view name) {
    const auto accepted = client.request("POST", fmt::format("/{}", name));
    client.run_jobs();
    const json::value job = client.get(accepted.header("Location")).json();
    return job.at("state") == "completed" ? json::serialize(job.at("result"))
                                          : std::string(job.at("error").as_string());
  };
  EXPECT_EQ(result("nothing"), "{}");
  EXPECT_EQ(result("struct"), R"({"primes":7})");
  EXPECT_EQ(result("list"), "[1,2]");
  EXPECT_EQ(result("number"), "3");
  EXPECT_EQ(result("good"), R"({"primes":1})");
  EXPECT_EQ(result("bad"), "no table");
}

TEST(Service, WithoutTasksHasNoJobsAndKeepsItsOwnRoot) {
  Service service("hello");
  service.get("/", [] { return "Hello, World!"; });
  auto client = service.test_client();
  EXPECT_EQ(client.get("/").body, "Hello, World!");
  EXPECT_EQ(client.get("/jobs").status, 404);
  EXPECT_EQ(client.get("/readyz").status, 200);
  EXPECT_THAT(client.get("/metrics").body, Not(HasSubstr("saola_jobs")));
}

TEST(Service, WhatTheApplicationAnswersItselfStaysItsOwn) {
  Service service("own");
  service.task("t", [](Job&) {});
  for (const char* path : {"/", "/healthz", "/docs"}) service.get(path, [] { return "mine"; });
  auto client = service.test_client();
  for (const char* path : {"/", "/healthz", "/docs"}) EXPECT_EQ(client.get(path).body, "mine");
  EXPECT_THAT(client.get("/dashboard").body, HasSubstr("dashboard.js"));
}

TEST(Service, AThreadPoolIsCounted) {
  Service service("pool");
  auto pool = service.thread_pool("split", 1);
  auto client = service.test_client();
  std::promise<void> go;
  std::promise<void> begun;
  auto first = pool.submit([&] {
    begun.set_value();
    go.get_future().wait();
  });
  begun.get_future().wait();
  auto second = pool.submit([](std::stop_token, int n) { return n; }, 7);
  const std::string busy = client.get("/metrics").body;
  EXPECT_THAT(busy, HasSubstr("saola_pool_running{pool=\"split\"} 1"));
  EXPECT_THAT(busy, HasSubstr("saola_pool_queued{pool=\"split\"} 1"));
  go.set_value();
  EXPECT_EQ(second.take(Deadline::after(std::chrono::seconds(20))), 7);
  const std::string idle = client.get("/metrics").body;
  EXPECT_THAT(idle, HasSubstr("saola_pool_running{pool=\"split\"} 0"));
  EXPECT_THAT(idle, HasSubstr("saola_pool_queued{pool=\"split\"} 0"));
  EXPECT_THAT(idle, HasSubstr("saola_pool_done_total{pool=\"split\"} 2"));
}

TEST(Service, MetricsOfTheApplicationsOwn) {
  Service service("own");
  auto downloads = service.counter("downloads_total", "Downloads.", {{"kind", "csv"}});
  auto size = service.gauge("cache_entries", "Entries.");
  service.get("/download", [=] {
    downloads.add();
    size.set(4);
    return "";
  });
  auto client = service.test_client();
  client.get("/download");
  const std::string metrics = client.get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("downloads_total{kind=\"csv\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("cache_entries 4"));
}

TEST(Service, MistakesInTheSetUpAreTold) {
  Service service("twice");
  service.task("t", [](Job&) {});
  EXPECT_THROW(service.task("t", [](Job&) {}), web::SetupError);
  EXPECT_THROW(service.thread_pool("p", 0), web::SetupError);
  EXPECT_THROW(service.buckets(), web::SetupError);
  auto client = service.test_client();
  EXPECT_THROW(service.task("late", [](Job&) {}), web::SetupError);
  EXPECT_THROW(service.test_client(), web::SetupError);
}

TEST(Service, AWordThatIsNoCommandGetsTheNearestOne) {
  Service service("splitter");
  service.task("split", [](Job&) {});
  std::string program = "splitter";
  std::string word = "sumbit";
  char* argv[] = {program.data(), word.data(), nullptr};
  testing::internal::CaptureStderr();
  EXPECT_EQ(service.main(2, argv), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("did you mean submit?"));
}

TEST_F(ServiceTestCase, EveryRouteSaysWhatItsCallersNeed) {
  auto client = service.test_client();
  const auto needed = [&](std::string_view method, std::string_view path) {
    http::Request request;
    request.method = http::method_from(method);
    request.raw_path = request.path = path;
    return service.app().role_needed(request);
  };
  for (const char* path : {"/healthz", "/readyz", "/login", "/ui/login.js", "/ui/dashboard.css"}) {
    EXPECT_EQ(needed("GET", path), http::Role::kNone) << path;
  }
  for (const char* path : {"/", "/jobs", "/jobs/x/events", "/metrics", "/openapi.json", "/docs",
                           "/session", "/nosuch", "//login"}) {
    EXPECT_EQ(needed("GET", path), http::Role::kRead) << path;
  }
  EXPECT_EQ(needed("POST", "/primes"), http::Role::kSubmit);
  EXPECT_EQ(needed("POST", "/healthz"), http::Role::kSubmit);
  EXPECT_EQ(needed("POST", "/jobs/x/cancel"), http::Role::kOperate);
  EXPECT_EQ(needed("POST", "/jobs/x/retry"), http::Role::kOperate);
}

TEST_F(ServiceTestCase, LoggingOutTakesTheCookieAway) {
  auto client = service.test_client();
  EXPECT_EQ(client.post("/login", {{"token", "saola_none"}}).status, 401);
  const auto out = client.request("POST", "/logout");
  EXPECT_EQ(out.status, 204);
  EXPECT_THAT(out.header("Set-Cookie"), HasSubstr("saola_session=; "));
  EXPECT_THAT(out.header("Set-Cookie"), HasSubstr("Max-Age=0"));
}

// Else two services of one site would take each other's cookie away.
TEST_F(ServiceTestCase, TheSessionsCookieIsForTheServiceAlone) {
  auto client = service.test_client();
  const auto cookie = [&] {
    return std::string(client.request("POST", "/logout").header("Set-Cookie")) + ";";
  };
  EXPECT_THAT(cookie(), HasSubstr(" Path=/;"));
  client.below("/site");
  EXPECT_THAT(cookie(), HasSubstr(" Path=/site;"));
}

TEST(Service, ATestSeesTheDefaultSettings) {
  Service service("greeter");
  constexpr server::Setting<std::int64_t> kGreetings{"greetings"};
  service.setting({.section = "Greeter",
                   .key = kGreetings.key,
                   .type = server::SettingType::kInteger,
                   .default_value = "3",
                   .doc = "How often."});
  service.get("/", [&] { return std::to_string(service.settings().get(kGreetings)); });
  EXPECT_EQ(service.test_client().get("/").body, "3");
}

}  // namespace
}  // namespace saola
