#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/web/app.hpp>
#include <saola/web/test_client.hpp>

namespace saola::web {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct AppTest : testing::Test {
  App app;
  TestClient client{app};
};

TEST_F(AppTest, ViewsOfManyShapes) {
  app.get("/none", [] { return "plain"; });
  app.get("/text/<name>",
          [](Request&, std::string_view name) { return "Hello, " + std::string(name); });
  app.get("/sum/<int:a>/<float:b>", [](Request&, std::int64_t a, double b) {
    return json::object{{"sum", static_cast<double>(a) + b}};
  });
  app.get("/result", [](Request&) -> Result<Response> { return text("fine", 201); });
  app.get("/missing",
          [](Request&) -> Result<Response> { return fail(ErrorCode::kNotFound, "no job 7"); });
  EXPECT_EQ(client.get("/none").body, "plain");
  EXPECT_EQ(client.get("/text/Ada").body, "Hello, Ada");
  EXPECT_EQ(client.get("/sum/2/0.5").json(), (json::object{{"sum", 2.5}}));
  EXPECT_EQ(client.get("/sum/2/0.5").header("Content-Type"), "application/json");
  EXPECT_EQ(client.get("/result").status, 201);
  const auto missing = client.get("/missing");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(missing.json().at("detail"), "no job 7");
  EXPECT_EQ(missing.json().at("code"), "not_found");
}

TEST_F(AppTest, ParametersByName) {
  app.get("/jobs/<uuid:id>/log/<path:file>", [](Request& request) {
    return std::string(request.param("file")) + " of " + std::string(request.param("id"));
  });
  EXPECT_EQ(client.get("/jobs/0192f0c1-2345-7890-abcd-ef0123456789/log/a/b.txt").body,
            "a/b.txt of 0192f0c1-2345-7890-abcd-ef0123456789");
}

TEST_F(AppTest, ViewThatTakesOtherParametersIsRefusedAtSetUp) {
  EXPECT_THROW(app.get("/a/<int:n>", [](Request&, std::string_view) { return ""; }), SetupError);
  EXPECT_THROW(app.get("/a/<int:n>", [](Request&, std::int64_t, double) { return ""; }),
               SetupError);
  EXPECT_EQ(client.get("/a/1").status, 404);
}

TEST_F(AppTest, UnknownPathWrongMethodAndOptions) {
  app.get("/thing", [] { return ""; });
  app.post("/thing", [] { return ""; });
  const auto unknown = client.get("/nothing");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(unknown.json().at("status"), 404);
  const auto wrong = client.request("DELETE", "/thing");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(client.request("BREW", "/thing").status, 405);
  EXPECT_EQ(client.request("BREW", "/nothing").status, 404);
  const auto options = client.request("OPTIONS", "/thing");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(client.request("OPTIONS", "*").header("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(client.request("OPTIONS", "/nothing").status, 404);
  EXPECT_EQ(client.request("CONNECT", "example.org:443").status, 501);
}

TEST_F(AppTest, HeadRunsTheGetView) {
  int calls = 0;
  app.get("/x", [&calls](Request& request) {
    ++calls;
    EXPECT_EQ(request.method(), http::Method::kHead);
    return text("body");
  });
  const auto answer = client.request("HEAD", "/x");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(calls, 1);
}

TEST_F(AppTest, SlashRedirectsKeepTheQuery) {
  app.get("/folder/", [] { return "folder"; });
  app.get("/file", [] { return "file"; });
  const auto redirected = client.get("/folder?a=1&b=%20x");
  EXPECT_EQ(redirected.status, 308);
  EXPECT_EQ(redirected.header("Location"), "/folder/?a=1&b=%20x");
  EXPECT_EQ(client.get("/file/").status, 404);
  const auto merged = client.get("//folder///?q=2");
  EXPECT_EQ(merged.status, 308);
  EXPECT_EQ(merged.header("Location"), "/folder/?q=2");
  EXPECT_EQ(client.get("//nothing").status, 404);
  client.below("/site");
  EXPECT_EQ(client.get("/folder").header("Location"), "/site/folder/");
}

TEST_F(AppTest, RedirectNeverLeadsToAnotherHost) {
  app.get("/<name>/", [] { return ""; });
  for (std::string_view hostile :
       {"//evil.example", "/\\evil.example", "///evil.example", "/%5Cevil.example"}) {
    const std::string location(client.get(hostile).header("Location"));
    EXPECT_THAT(location, testing::StartsWith("/"));
    EXPECT_THAT(location, Not(testing::StartsWith("//")));
    EXPECT_THAT(location, Not(HasSubstr("\\")));
  }
}

TEST_F(AppTest, BrokenPathsAre400) {
  app.get("/<path:any>", [] { return ""; });
  for (std::string_view bad : {"/%", "/%4", "/%zz", "/a%ff", "/%c0%af", "/%00", "/%ed%a0%80"}) {
    EXPECT_EQ(client.get(bad).status, 400) << bad;
  }
  EXPECT_EQ(client.get("/%C3%A9").status, 200);
}

TEST_F(AppTest, ExceptionIs500WithoutInternals) {
  app.get("/boom", [](Request&) -> Response { throw std::runtime_error("password is hunter2"); });
  app.get("/ours", [](Request&) -> Result<Response> {
    return fail(ErrorCode::kInternal, "password is hunter2");
  });
  for (std::string_view path : {"/boom", "/ours"}) {
    testing::internal::CaptureStderr();
    const auto answer = client.get(path, {{"X-Request-Id", "trace-me-7"}});
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_EQ(answer.status, 500);
    EXPECT_THAT(answer.body, Not(HasSubstr("hunter2")));
    EXPECT_EQ(answer.json().at("request_id"), "trace-me-7");
    EXPECT_THAT(log, HasSubstr("hunter2"));
    EXPECT_THAT(log, HasSubstr("trace-me-7"));
    EXPECT_EQ(log.find("request failed"), log.rfind("request failed")) << "logged once";
  }
}

TEST_F(AppTest, BareErrorResponseBecomesAProblem) {
  app.get("/gone", [](Request&) {
    Response response(410);
    response.headers.add("X-Why", "moved");
    return response;
  });
  app.get("/own", [](Request&) { return text("mine", 410); });
  const auto answer = client.get("/gone");
  EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(answer.header("X-Why"), "moved");
  EXPECT_EQ(answer.json().at("status"), 410);
  EXPECT_EQ(client.get("/own").body, "mine");
}

struct Unwinding {};  // as runtime::Cancelled: no std::exception

TEST_F(AppTest, WhatIsNoExceptionPassesThroughAfterTeardown) {
  app.get("/cancelled", [](Request&) -> Response { throw Unwinding(); });
  bool torn_down = false;
  app.teardown_request([&](Request&, std::exception_ptr error) { torn_down = error != nullptr; });
  EXPECT_THROW(client.get("/cancelled"), Unwinding);
  EXPECT_TRUE(torn_down);
}

TEST_F(AppTest, HooksRunInFlasksOrder) {
  std::vector<std::string> order;
  const auto note = [&order](std::string what) { order.push_back(std::move(what)); };
  const auto hooks = [&note](Scaffold& to, const std::string& name) {
    for (const char* number : {"1", "2"}) {
      to.before_request([=](Request&) {
        note(name + " before " + number);
        return std::nullopt;
      });
      to.after_request([=](Request&, Response&) { note(name + " after " + number); });
      to.teardown_request(
          [=](Request&, std::exception_ptr) { note(name + " teardown " + number); });
    }
  };
  Blueprint outer("outer", "/o");
  Blueprint inner("inner", "/i");
  hooks(app, "app");
  hooks(outer, "outer");
  hooks(inner, "inner");
  inner.get("/", [=](Request& request) {
    note("view");
    request.after_this_request([=](Response&) { note("after this"); });
    return text("");
  });
  outer.register_blueprint(std::move(inner));
  app.register_blueprint(std::move(outer));
  EXPECT_EQ(client.get("/o/i/").status, 200);
  EXPECT_THAT(order,
              ElementsAre("app before 1", "app before 2", "outer before 1", "outer before 2",
                          "inner before 1", "inner before 2", "view", "after this", "inner after 2",
                          "inner after 1", "outer after 2", "outer after 1", "app after 2",
                          "app after 1", "inner teardown 2", "inner teardown 1", "outer teardown 2",
                          "outer teardown 1", "app teardown 2", "app teardown 1"));
}

TEST_F(AppTest, BeforeHookMayAnswerAndAfterHooksSeeErrors) {
  app.before_request([](Request& request) -> std::optional<Response> {
    if (request.headers().contains("Authorization")) return std::nullopt;
    throw HttpError(401, "Say who you are.").with("WWW-Authenticate", "Bearer");
  });
  app.after_request([](Request&, Response& response) { response.headers.set("X-After", "1"); });
  app.get("/x", [] { return "secret"; });
  const auto refused = client.get("/x");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.header("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(refused.header("X-After"), "1");
  EXPECT_EQ(client.get("/unknown").status, 401) << "the App's hooks guard unknown paths too";
  EXPECT_EQ(client.get("/x", {{"Authorization", "Bearer t"}}).body, "secret");
}

TEST_F(AppTest, AfterHookThatThrowsIs500) {
  app.get("/x", [] { return ""; });
  app.after_request([](Request&, Response&) { throw std::runtime_error("hook"); });
  testing::internal::CaptureStderr();
  EXPECT_EQ(client.get("/x").status, 500);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("hook"));
}

TEST_F(AppTest, TeardownThatThrowsIsLoggedOnly) {
  app.get("/x", [] { return "ok"; });
  app.teardown_request([](Request&, std::exception_ptr) { throw std::runtime_error("late"); });
  testing::internal::CaptureStderr();
  EXPECT_EQ(client.get("/x").body, "ok");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("late"));
}

struct BaseProblem : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct SpecialProblem : BaseProblem {
  using BaseProblem::BaseProblem;
};

TEST_F(AppTest, MostSpecificClassHandlerWinsWhateverTheOrder) {
  app.error_handler<std::exception>(
      [](Request&, const std::exception&) { return text("any", 500); });
  app.error_handler<SpecialProblem>(
      [](Request&, const SpecialProblem&) { return text("special", 418); });
  app.error_handler<BaseProblem>(
      [](Request&, const BaseProblem& e) { return text(e.what(), 409); });
  app.get("/special", [](Request&) -> Response { throw SpecialProblem("s"); });
  app.get("/base", [](Request&) -> Response { throw BaseProblem("base"); });
  app.get("/other", [](Request&) -> Response { throw std::logic_error("o"); });
  EXPECT_EQ(client.get("/special").body, "special");
  EXPECT_EQ(client.get("/base").body, "base");
  EXPECT_EQ(client.get("/other").body, "any");
}

TEST_F(AppTest, BlueprintHandlersComeBeforeTheAppsAndStatusBeforeClass) {
  app.error_handler(404, [](Request&, const HttpError&) { return text("app 404", 404); });
  app.error_handler<HttpError>(
      [](Request&, const HttpError& e) { return text("app class", e.status()); });
  Blueprint part("part", "/part");
  part.error_handler(404, [](Request&, const HttpError&) { return text("part 404", 404); });
  part.get("/x", [](Request&) -> Response { throw HttpError(404); });
  part.get("/y", [](Request&) -> Response { throw HttpError(409); });
  app.register_blueprint(std::move(part));
  EXPECT_EQ(client.get("/part/x").body, "part 404");
  EXPECT_EQ(client.get("/part/y").body, "app class");
  EXPECT_EQ(client.get("/part/unknown").body, "app 404") << "routing errors are the App's";
}

TEST_F(AppTest, Handler500SeesTheOriginal) {
  std::string seen;
  app.error_handler(500, [&](Request&, const HttpError& error) {
    try {
      std::rethrow_exception(error.original());
    } catch (const std::logic_error& original) {
      seen = original.what();
    }
    return html("<p>sorry</p>", 500);
  });
  app.get("/x", [](Request&) -> Response { throw std::logic_error("why"); });
  testing::internal::CaptureStderr();
  EXPECT_EQ(client.get("/x").body, "<p>sorry</p>");
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(seen, "why");
}

TEST_F(AppTest, MemoryThatRanOutIs503AndSaysSo) {
  app.get("/x", [](Request&) -> Response { throw std::bad_alloc(); });
  testing::internal::CaptureStderr();
  const auto answer = client.get("/x");
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("Retry-After"), "5");
  EXPECT_THAT(answer.body, HasSubstr("out of memory"));
}

TEST_F(AppTest, ErrorHandlerThatThrowsStillAnswers) {
  app.error_handler(
      404, [](Request&, const HttpError&) -> Response { throw std::runtime_error("oops"); });
  testing::internal::CaptureStderr();
  const auto answer = client.get("/x");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("oops"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
}

TEST_F(AppTest, FrozenByTheFirstRequest) {
  app.get("/x", [] { return ""; });
  client.get("/x");
  EXPECT_THROW(app.get("/y", [] { return ""; }), SetupError);
  EXPECT_THROW(app.before_request([](Request&) { return std::nullopt; }), SetupError);
  EXPECT_THROW(app.error_handler(404, [](Request&, const HttpError&) { return text(""); }),
               SetupError);
  EXPECT_THROW(app.register_blueprint(Blueprint("late")), SetupError);
}

TEST_F(AppTest, RequestIdComesFromTheClientOnlyWhenSane) {
  app.get("/x", [](Request& request) { return std::string(request.id()); });
  EXPECT_EQ(client.get("/x", {{"X-Request-Id", "a.B-9_"}}).header("X-Request-Id"), "a.B-9_");
  for (const std::string& hostile :
       {std::string("a b"), std::string("a\"b"), std::string(129, 'x'), std::string()}) {
    const auto answer = client.get("/x", {{"X-Request-Id", hostile}});
    EXPECT_NE(answer.header("X-Request-Id"), hostile);
    EXPECT_EQ(answer.header("X-Request-Id"), answer.body);
  }
  EXPECT_NE(client.get("/x").body, client.get("/x").body);
}

TEST_F(AppTest, AViewRunsWhereTheServersPlacerPutsIt) {
  struct Recorder final : http::Placer {
    void run(std::string_view kind, std::move_only_function<void()> work) override {
      kinds.emplace_back(kind);
      work();
    }
    std::vector<std::string> kinds;
  } placer;
  app.get("/jobs/<int:id>", [](Request&) -> Response { throw HttpError(404, "none"); });
  for (const char* path : {"/jobs/7", "/unknown"}) {
    http::Request request;
    request.target = request.raw_path = request.path = path;
    request.placer = &placer;
    EXPECT_EQ(app.handle(request).status, 404);
  }
  EXPECT_THAT(placer.kinds, ElementsAre("route /jobs/<int:id>"));
}

TEST_F(AppTest, JsonOfAnotherShapeThanTheViewReadsIs422) {
  app.post("/x", [](Request& request) {
    return std::to_string(request.json().at("below").to_number<std::int64_t>());
  });
  app.post("/text", [](Request& request) { return std::string(request.json().as_string()); });
  app.post("/list", [](Request& request) { return std::string(request.json().at(3).as_string()); });
  EXPECT_EQ(client.post("/x", {{"below", 7}}).body, "7");
  for (const json::value& bad : {json::value{{"other", 1}}, json::value{{"below", "x"}},
                                 json::value{{"below", 1.5}}, json::value(3)}) {
    EXPECT_EQ(client.post("/x", bad).status, 422) << bad;
    EXPECT_EQ(client.post("/text", bad).status, 422) << bad;
    EXPECT_EQ(client.post("/list", bad).status, 422) << bad;
  }
  EXPECT_EQ(client.post("/list", json::array{1}).status, 422);
}

TEST_F(AppTest, AnOutOfRangeOfTheViewsOwnIsStill500) {
  app.post("/x", [](Request& request) {
    request.json();
    return std::to_string(std::vector<int>{1}.at(7));
  });
  EXPECT_EQ(client.post("/x", json::object{}).status, 500);
}

TEST_F(AppTest, UrlFor) {
  app.get("/jobs/<int:id>/files/<path:file>", [] { return ""; }, {.endpoint = "file"});
  Blueprint admin("admin", "/admin");
  admin.get("/user/<name>/", [] { return ""; }, {.endpoint = "user"});
  app.register_blueprint(std::move(admin));
  http::Request raw;
  const Request request(raw, RequestLimits{});
  EXPECT_EQ(app.url_for(request, "file", {{"id", "7"}, {"file", "a b/ü.csv"}, {"x", "1&2"}}),
            "/jobs/7/files/a%20b/%C3%BC.csv?x=1%262");
  EXPECT_EQ(app.url_for(request, "admin.user", {{"name", "a/b"}}), "/admin/user/a%2Fb/");
  EXPECT_EQ(client.get(app.url_for(request, "admin.user", {{"name", "a/b"}})).status, 200);
  EXPECT_THROW(app.url_for(request, "file", {{"file", "x"}}), std::invalid_argument);
  EXPECT_THROW(app.url_for(request, "file", {{"id", "seven"}, {"file", "x"}}),
               std::invalid_argument);
  raw.prefix = "/site";
  EXPECT_EQ(app.url_for(request, "admin.user", {{"name", "a"}}), "/site/admin/user/a/");
  try {
    app.url_for(request, "admin.usr");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("Did you mean 'admin.user'?"));
  }
}

TEST_F(AppTest, OneEndpointBelongsToOnePattern) {
  app.get("/a", [] { return ""; }, {.endpoint = "a"});
  app.post("/a", [] { return ""; }, {.endpoint = "a"});
  EXPECT_THROW(app.get("/b", [] { return ""; }, {.endpoint = "a"}), SetupError);
}

TEST_F(AppTest, BlueprintNames) {
  EXPECT_THROW(Blueprint(""), SetupError);
  EXPECT_THROW(Blueprint("a.b"), SetupError);
  EXPECT_THROW(Blueprint("a", "x"), SetupError);
  EXPECT_THROW(Blueprint("a", "/x/"), SetupError);
  app.register_blueprint(Blueprint("a"));
  EXPECT_THROW(app.register_blueprint(Blueprint("a")), SetupError);
}

TEST_F(AppTest, LocalsGoFromHookToView) {
  struct User {
    std::string name;
  };
  app.before_request([](Request& request) {
    request.local<User>().name = "ada";
    return std::nullopt;
  });
  app.get("/me", [](Request& request) { return request.local<User>().name; });
  EXPECT_EQ(client.get("/me").body, "ada");
}

TEST_F(AppTest, ServesManyThreadsAtOnceFromTheFirstRequestOn) {
  app.before_request([](Request& request) {
    request.local<std::string>() = request.id();
    return std::nullopt;
  });
  app.get("/<int:n>/<name>", [](Request& request, std::int64_t n, std::string_view name) {
    if (n % 2 == 1) throw HttpError(409, std::string(name));
    return request.local<std::string>() + ' ' + std::string(name);
  });
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t, &wrong] {
      TestClient own(app);
      for (int i = 0; i < 200; ++i) {
        const std::string id = "t" + std::to_string(t) + "-" + std::to_string(i);
        const auto answer =
            own.get("/" + std::to_string(i) + "/caf%C3%A9" + id, {{"X-Request-Id", id}});
        const bool right = i % 2 == 1 ? answer.status == 409 && answer.body.contains(id)
                                      : answer.body == id + " café" + id;
        if (!right) ++wrong;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST_F(AppTest, MetricsAreLabelledByPattern) {
  app.get("/jobs/<int:id>",
          [](Request&, std::int64_t id) { return id == 0 ? throw HttpError(404) : text("job"); });
  observe::MetricTable table;
  app.declare_metrics(table);
  std::vector<std::uint64_t> memory(observe::MetricBlock::bytes(table, 1) / 8 + 1);
  const observe::MetricBlock block(table, std::as_writable_bytes(std::span(memory)), 1);
  app.count_in({block, 0});
  client.get("/jobs/1");
  client.get("/jobs/2");
  client.get("/jobs/0");
  client.get("/secret/path");
  const std::string text = observe::prometheus_text(block);
  EXPECT_THAT(
      text,
      HasSubstr(R"(saola_web_requests_total{method="GET",route="/jobs/<int:id>",status="2xx"} 2)"));
  EXPECT_THAT(
      text,
      HasSubstr(R"(saola_web_requests_total{method="GET",route="/jobs/<int:id>",status="4xx"} 1)"));
  EXPECT_THAT(text,
              HasSubstr(R"(saola_web_requests_total{method="none",route="none",status="4xx"} 1)"));
  EXPECT_THAT(
      text, HasSubstr(R"(saola_web_request_seconds_count{method="GET",route="/jobs/<int:id>"} 3)"));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace saola::web
