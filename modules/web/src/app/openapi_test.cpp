#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <saola/web/app.hpp>
#include <saola/web/openapi.hpp>

namespace saola::web {
namespace {

namespace json = boost::json;

TEST(OpenApi, DescribesDocumentedRoutes) {
  App app;
  app.post("/split", [](Request&) { return ""; },
           {.endpoint = "split",
            .doc = "Start a split\n\nAnswers at once.",
            .body = Schema::object({{"source", Schema::string(), Required::kYes}}),
            .responses = {{202, "Accepted"}, {429, "The queue is full"}}});
  app.get("/jobs/<uuid:id>/<int(min=1):page>", [](Request&) { return ""; }, {.doc = "A page"});
  app.del("/jobs/<uuid:id>/<int(min=1):page>", [](Request&) { return ""; }, {.doc = "Remove it"});
  app.get("/hidden", [](Request&) { return ""; });
  const json::value document = openapi(app, {.title = "Split", .version = "1.0", .license = "MIT"});
  EXPECT_EQ(document.at("openapi"), "3.1.0");
  EXPECT_EQ(document.at("info"),
            (json::object{{"title", "Split"},
                          {"version", "1.0"},
                          {"license", {{"name", "MIT"}, {"identifier", "MIT"}}}}));
  EXPECT_EQ(document.at("paths").as_object().size(), 2U);

  const json::value& post = document.at("paths").at("/split").at("post");
  EXPECT_EQ(post.at("operationId"), "post_split");
  EXPECT_EQ(post.at("summary"), "Start a split");
  EXPECT_EQ(post.at("description"), "Answers at once.");
  EXPECT_EQ(post.at("requestBody").at("content").at("application/json").at("schema").at("required"),
            json::array{"source"});
  EXPECT_EQ(post.at("responses").at("202").at("description"), "Accepted");
  EXPECT_EQ(post.at("responses")
                .at("4XX")
                .at("content")
                .at("application/problem+json")
                .at("schema")
                .at("$ref"),
            "#/components/schemas/Problem");

  const json::value& item = document.at("paths").at("/jobs/{id}/{page}");
  EXPECT_TRUE(item.as_object().contains("get"));
  EXPECT_TRUE(item.as_object().contains("delete"));
  EXPECT_FALSE(item.as_object().contains("head"));
  EXPECT_EQ(item.at("get").at("parameters"),
            (json::array{json::object{{"name", "id"},
                                      {"in", "path"},
                                      {"required", true},
                                      {"schema", {{"type", "string"}, {"format", "uuid"}}}},
                         json::object{{"name", "page"},
                                      {"in", "path"},
                                      {"required", true},
                                      {"schema", {{"type", "integer"}, {"minimum", 1}}}}}));
  EXPECT_TRUE(document.at("components").at("schemas").as_object().contains("Problem"));
}

TEST(OpenApi, ListsAreArrays) {
  App app;
  app.get("/x", [](Request&) { return ""; }, {.doc = "X"});
  const json::value document = openapi(app, {.title = "T", .version = "1"});
  const json::value& problem = document.at("components").at("schemas").at("Problem");
  EXPECT_EQ(problem.at("required"), (json::array{"type", "title", "status"}));
  EXPECT_TRUE(problem.at("properties").is_object());
  EXPECT_TRUE(problem.at("properties").at("errors").at("items").at("properties").is_object());
  EXPECT_TRUE(document.at("paths").at("/x").at("get").at("responses").at("200").is_object());
}

TEST(OpenApi, SaysWhichRoleAnOperationTakesWhereCallersAreAsked) {
  App app;
  app.get("/x", [](Request&) { return ""; }, {.doc = "X"});
  app.post("/x", [](Request&) { return ""; }, {.doc = "X", .role = http::Role::kOperate});
  app.get("/open", [](Request&) { return ""; }, {.doc = "Open", .role = http::Role::kNone});
  const json::value asked = openapi(app, {.title = "T", .version = "1", .asks_who = true});
  const json::value& schemes = asked.at("components").at("securitySchemes");
  EXPECT_EQ(schemes.at("token").at("scheme"), "bearer");
  EXPECT_EQ(schemes.at("session").at("name"), "saola_session");
  const json::value& paths = asked.at("paths");
  EXPECT_EQ(paths.at("/x").at("get").at("security").at(0), (json::object{{"token", {"read"}}}));
  EXPECT_EQ(paths.at("/x").at("post").at("security").at(1),
            (json::object{{"session", {"operate"}}}));
  EXPECT_TRUE(paths.at("/x").at("post").at("responses").as_object().contains("401"));
  EXPECT_EQ(paths.at("/open").at("get").at("security"), json::array());
  const json::value open = openapi(app, {.title = "T", .version = "1"});
  EXPECT_FALSE(open.at("paths").at("/x").at("get").as_object().contains("security"));
}

}  // namespace
}  // namespace saola::web
