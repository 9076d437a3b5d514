#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/dashboard/dashboard.hpp>
#include <saola/web/app.hpp>
#include <saola/web/test_client.hpp>

namespace saola::dashboard {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Dashboard, IsCompleteAndFetchesNothingFromElsewhere) {
  web::App app;
  app.register_blueprint(dashboard_blueprint(Place::kRoot));
  app.register_blueprint(docs_blueprint(Place::kRoot));
  web::TestClient client(app);
  const auto page = client.get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(page.body, Not(HasSubstr("://")));
  for (const char* file : {"/ui/dashboard.css", "/ui/dashboard.js"}) {
    EXPECT_THAT(page.body, HasSubstr(fmt::format("\"{}\"", file + 1))) << "relative to <base>";
    const auto answer = client.get(file);
    EXPECT_EQ(answer.status, 200) << file;
    const std::string etag(answer.header("ETag"));
    EXPECT_EQ(client.get(file, {{"If-None-Match", etag}}).status, 304);
  }
}

TEST(Docs, IsCompleteAndFetchesNothingFromElsewhere) {
  web::App app;
  app.register_blueprint(docs_blueprint(Place::kRoot));
  web::TestClient client(app);
  const auto page = client.get("/docs");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, Not(HasSubstr("://")));
  for (const char* file : {"/ui/dashboard.css", "/ui/docs.js"}) {
    EXPECT_THAT(page.body, HasSubstr(fmt::format("\"{}\"", file + 1))) << "relative to <base>";
    EXPECT_EQ(client.get(file).status, 200) << file;
  }
}

TEST(Dashboard, LeavesTheRootToAnApplicationThatHasOne) {
  web::App app;
  app.get("/", [] { return "mine"; });
  app.register_blueprint(dashboard_blueprint(Place::kAside));
  web::TestClient client(app);
  EXPECT_EQ(client.get("/").body, "mine");
  EXPECT_THAT(client.get("/dashboard").body, HasSubstr("\"ui/dashboard.js\""));
}

// Whatever a page asks for is relative to its base.
TEST(Dashboard, WorksBelowAPathOfABiggerSite) {
  web::App app;
  app.register_blueprint(dashboard_blueprint(Place::kRoot));
  app.register_blueprint(docs_blueprint(Place::kRoot));
  app.register_blueprint(login_blueprint());
  web::TestClient client(app);
  for (const char* path : {"/", "/docs", "/login"}) {
    client.below("");
    const auto at_root = client.get(path);
    EXPECT_THAT(at_root.body, HasSubstr("<base href=\"/\">"));
    EXPECT_THAT(at_root.body, Not(HasSubstr("=\"/ui")));
    client.below("/site");
    const auto below = client.get(path);
    EXPECT_THAT(below.body, HasSubstr("<base href=\"/site/\">"));
    EXPECT_NE(below.header("ETag"), at_root.header("ETag"));
  }
  for (const char* path : {"/ui/dashboard.js", "/ui/docs.js", "/ui/login.js"}) {
    for (const char* absolute : {"\"/jobs", "`/jobs", "\"/openapi.json", "\"/log"}) {
      EXPECT_THAT(client.get(path).body, Not(HasSubstr(absolute))) << path;
    }
  }
}

}  // namespace
}  // namespace saola::dashboard
