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
    EXPECT_THAT(page.body, HasSubstr(file));
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
    EXPECT_THAT(page.body, HasSubstr(file));
    EXPECT_EQ(client.get(file).status, 200) << file;
  }
}

TEST(Dashboard, LeavesTheRootToAnApplicationThatHasOne) {
  web::App app;
  app.get("/", [] { return "mine"; });
  app.register_blueprint(dashboard_blueprint(Place::kAside));
  web::TestClient client(app);
  EXPECT_EQ(client.get("/").body, "mine");
  EXPECT_THAT(client.get("/dashboard").body, HasSubstr("/ui/dashboard.js"));
}

}  // namespace
}  // namespace saola::dashboard
