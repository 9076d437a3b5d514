#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/web/app.hpp>
#include <saola/web/schema.hpp>
#include <saola/web/test_client.hpp>

namespace saola::web {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::IsEmpty;

Schema split() {
  return Schema::object({
      {"source", Schema::string().min(1).doc("s3://bucket/key"), Required::kYes},
      {"groups",
       Schema::either({Schema::integer().min(2), Schema::array(Schema::string().min(1)).min(2),
                       Schema::map(Schema::number().above(0)).min(2)}),
       Required::kYes},
      {"columns", Schema::array(Schema::string())},
      {"objective", Schema::string().one_of({"diversity", "variance", "kplus"})},
      {"seed", Schema::integer().min(0)},
      {"budget_seconds", Schema::number().above(0).max(3600)},
      {"id_column", Schema::string().or_null()},
  });
}

std::vector<std::string> problems(const Schema& schema, std::string_view text) {
  std::vector<std::string> out;
  for (const auto& error : schema.check(json::parse(text)))
    out.push_back(error.pointer + " " + error.detail);
  return out;
}

TEST(Schema, TakesWhatFits) {
  for (
      std::string_view good :
      {R"({"source": "s3://a/b", "groups": 2})", R"({"source": "s", "groups": ["a", "b"]})",
       R"({"source": "s", "groups": {"a": 0.5, "b": 1}})",
       R"({"source": "s", "groups": 3.0, "seed": 0})",
       R"({"source": "s", "groups": 2, "objective": "kplus", "budget_seconds": 3600, "id_column": null})",
       R"({"source": "s", "groups": 2, "seed": 18446744073709551615})"}) {
    EXPECT_THAT(problems(split(), good), IsEmpty()) << good;
  }
}

TEST(Schema, TellsAllProblemsAtOnce) {
  EXPECT_THAT(
      problems(split(),
               R"({"groups": 1, "columns": ["a", 2, null], "objective": "kpluss", "seed": 1.5,
                            "budget_seconds": 0, "sed": 1, "id_column": false})"),
      ElementsAre(
          "#/source is missing and must be given", "#/groups must be at least 2, not 1",
          "#/columns/1 must be a string, not 2", "#/columns/2 must be a string, not null",
          "#/objective must be diversity, variance or kplus, not 'kpluss'. Did you mean 'kplus'?",
          "#/seed must be an integer, not 1.5", "#/budget_seconds must be above 0, not 0",
          "#/id_column must be a string or null, not false",
          "#/sed is no field of this object. Did you mean 'seed'?"));
}

TEST(Schema, EitherTellsOfTheAlternativeThatWasMeant) {
  EXPECT_THAT(problems(split(), R"({"source": "s", "groups": "two"})"),
              ElementsAre("#/groups must be an integer, an array or an object, not 'two'"));
  EXPECT_THAT(problems(split(), R"({"source": "s", "groups": ["a", ""]})"),
              ElementsAre("#/groups/1 must be at least 1 characters long, not 0"));
  EXPECT_THAT(problems(split(), R"({"source": "s", "groups": {"a": -1, "b/c~d ü": "x"}})"),
              ElementsAre("#/groups/a must be above 0, not -1",
                          "#/groups/b~1c~0d%20%C3%BC must be a number, not 'x'"));
}

TEST(Schema, WrongWhole) {
  for (std::string_view bad : {"[]", "null", "1", "\"x\""}) {
    const auto errors = split().check(json::parse(bad));
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].pointer, "#");
  }
}

TEST(Schema, LongHostileNamesAndValuesAreNotRepeatedAtLength) {
  const std::string name(100'000, 'x');
  const auto errors = Schema::object({{"a", Schema::integer()}}).check(json::object{{"a", name}});
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_LT(errors[0].detail.size(), 100U);
}

TEST(Schema, SharedPartsDoNotChange) {
  const Schema word = Schema::string();
  const Schema limited = Schema(word).min(3);
  EXPECT_THAT(problems(word, "\"a\""), IsEmpty());
  EXPECT_EQ(problems(limited, "\"a\"").size(), 1U);
}

TEST(Schema, DocumentsItself) {
  const json::value document = split().to_json();
  EXPECT_EQ(document.at("required"), (json::array{"source", "groups"}));
  EXPECT_EQ(document.at("additionalProperties"), false);
  EXPECT_EQ(
      document.at("properties").at("source"),
      (json::object{{"type", "string"}, {"minLength", 1}, {"description", "s3://bucket/key"}}));
  EXPECT_EQ(document.at("properties").at("budget_seconds"),
            (json::object{{"type", "number"}, {"maximum", 3600}, {"exclusiveMinimum", 0}}));
  EXPECT_EQ(document.at("properties").at("groups").at("anyOf").as_array().size(), 3U);
  EXPECT_EQ(document.at("properties").at("id_column").at("type"), (json::array{"string", "null"}));
}

TEST(Schema, RequestAnswers422WithPointers) {
  App app;
  const Schema schema = split();
  app.post("/split", [&](Request& request) {
    return json::object{{"source", request.json(schema).at("source")}};
  });
  TestClient client(app);
  EXPECT_EQ(client.post("/split", {{"source", "s"}, {"groups", 2}}).status, 200);
  const auto refused = client.post("/split", {{"souce", "s"}, {"groups", 2}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.json().at("errors"),
            (json::array{
                json::object{{"pointer", "#/source"}, {"detail", "is missing and must be given"}},
                json::object{{"pointer", "#/souce"},
                             {"detail", "is no field of this object. Did you mean 'source'?"}}}));
  const auto one = client.post("/split", {{"source", "s"}, {"groups", 1}});
  EXPECT_EQ(one.json().at("detail"),
            "The request was not taken: #/groups must be at least 2, not 1.");
}

}  // namespace
}  // namespace saola::web
