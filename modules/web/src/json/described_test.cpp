#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/web/app.hpp>
#include <saola/web/described.hpp>
#include <saola/web/openapi.hpp>
#include <saola/web/test_client.hpp>

namespace saola::web {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

enum class Shade { light, dark };
SAOLA_DESCRIBE_ENUM(Shade, light, dark)

struct Point {
  double x;
  double y = 0;
};
SAOLA_DESCRIBE(Point, x, y)

struct Everything {
  std::string name;
  std::string suffix = ".csv";
  int count;
  int groups = 2;
  bool dry_run = false;
  std::uint64_t big = 0;
  std::int8_t tiny = 0;
  Shade shade = Shade::light;
  std::optional<int> maybe;
  std::vector<Point> points;
  Point origin{.x = 0};

  static void describe(Fields& fields) {
    fields["groups"].min(2).max(9).doc("How many");
    fields["name"].max(5);
  }
  std::vector<http::FieldError> problems() const {
    if (name != suffix) return {};
    return {{"#/suffix", "must not be the name"}};
  }
};
SAOLA_DESCRIBE(Everything, name, suffix, count, groups, dry_run, big, tiny, shade, maybe, points,
               origin)

struct Mapped {
  std::map<std::string, int> sizes;
  int floor = 0;
  int steps = 1;
};
SAOLA_DESCRIBE(Mapped, sizes, floor, steps)

std::vector<std::string> required_of(const json::value& schema) {
  std::vector<std::string> out;
  for (const auto& name : schema.at("required").as_array()) out.emplace_back(name.as_string());
  return out;
}

std::string problems_of(const json::value& value) {
  Everything object;
  std::string out;
  for (const auto& error : shape_of<Everything>().read(value, &object)) {
    out += error.pointer + ' ' + error.detail + '\n';
  }
  return out;
}

json::value good() {
  return {{"name", "ab"}, {"count", 3}, {"origin", {{"x", 1}}}};
}

TEST(Described, AMemberWithoutADefaultIsRequired) {
  EXPECT_THAT(required_of(schema_of<Everything>().to_json()),
              testing::ElementsAre("name", "count", "origin"));
  // It cannot be made at compile time.
  EXPECT_THAT(required_of(schema_of<Mapped>().to_json()), testing::ElementsAre("floor"));
}

TEST(Described, ReadsWhatItWrites) {
  const Everything object{.name = "a\"b",
                          .count = -7,
                          .big = ~std::uint64_t{0},
                          .tiny = -128,
                          .shade = Shade::dark,
                          .maybe = 3,
                          .points = {{1.5, 2}, {.x = 1e300}}};
  const std::string text = to_json_text(object);
  auto again = from_json_text<Everything>(text);
  ASSERT_TRUE(again) << again.error().message() << text;
  EXPECT_EQ(again->big, object.big);
  EXPECT_EQ(again->tiny, -128);
  EXPECT_EQ(again->shade, Shade::dark);
  EXPECT_EQ(to_json_text(*again), text);
}

TEST(Described, WhatIsLeftOutKeepsItsDefault) {
  Everything object;
  EXPECT_TRUE(shape_of<Everything>().read(good(), &object).empty());
  EXPECT_EQ(object.groups, 2);
  EXPECT_EQ(object.suffix, ".csv");
  EXPECT_EQ(object.maybe, std::nullopt);
}

TEST(Described, EveryProblemHasItsPointer) {
  EXPECT_EQ(problems_of(good()), "");
  json::value bad = good();
  bad.as_object()["groups"] = 10;
  bad.as_object()["tiny"] = 128;
  bad.as_object()["nam"] = "x";
  bad.as_object()["name"] = "too long";
  bad.as_object()["shade"] = "drak";
  bad.as_object()["points"] = json::array{json::object{{"y", "z"}}};
  const std::string what = problems_of(bad);
  for (const char* pointer : {"#/groups ", "#/tiny ", "#/nam ", "#/name ", "#/shade ",
                              "#/points/0/x ", "#/points/0/y "}) {
    EXPECT_THAT(what, HasSubstr(pointer));
  }
  EXPECT_THAT(what, HasSubstr("dark"));
}

TEST(Described, ANumberBeyondItsTypeIsAProblem) {
  json::value bad = good();
  bad.as_object()["count"] = std::int64_t{1} << 31;
  EXPECT_THAT(problems_of(bad), HasSubstr("#/count"));
  bad = good();
  bad.as_object()["big"] = -1;
  EXPECT_THAT(problems_of(bad), HasSubstr("#/big"));
}

TEST(Described, WhatOnlySeveralMembersShow) {
  json::value bad = good();
  bad.as_object()["suffix"] = "ab";
  EXPECT_EQ(problems_of(bad), "#/suffix must not be the name\n");
}

TEST(Described, ARuleForAnUnknownMemberIsASetupError) {
  struct Local {
    static void rules(Fields& fields) { fields["groupz"].min(1); }
  };
  Shape shape = shape_of<Everything>();
  EXPECT_THROW(shape.refine(Local::rules), SetupError);
}

TEST(Described, ViewsTakeAndReturnThem) {
  App app;
  app.post("/move/<int:by>", [](Request&, std::int64_t by, const Point& from) {
    return Point{from.x + static_cast<double>(by), from.y};
  });
  TestClient client(app);
  const auto answer = client.post("/move/3", {{"x", 1}});
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body, R"({"x":4,"y":0})");
  const auto refused = client.post("/move/3", {{"y", 1}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.body, HasSubstr("#/x"));

  const json::value post =
      openapi(app, {.title = "t", .version = "1"}).at("paths").at("/move/{by}").at("post");
  EXPECT_EQ(post.at("operationId"), "post_move_int_by");
  const auto schema = [](const json::value& of) {
    return of.at("content").at("application/json").at("schema").at("required");
  };
  EXPECT_EQ(schema(post.at("requestBody")), json::array{"x"});
  EXPECT_EQ(schema(post.at("responses").at("200")), json::array{"x"});
}

}  // namespace
}  // namespace saola::web
