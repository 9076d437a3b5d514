#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/split_task/request.hpp>

namespace saola::split_task {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const PlaceChecks& only_samples() {
  static const auto check = [](const std::string& bucket) -> Result<void> {
    if (bucket == "samples") return {};
    return fail(ErrorCode::kNotFound, "bucket '{}' is not configured", bucket);
  };
  static const PlaceChecks checks{
      [](const objects::ObjectName& name) {
        return name.bucket() == "archive" ? Result<void>() : check(name.bucket());
      },
      [](const objects::ObjectPrefix& prefix) { return check(prefix.bucket()); }};
  return checks;
}

std::optional<SplitRequest> parse(std::string_view text, std::vector<http::FieldError>& errors) {
  return parse_split_request(json::parse(text), only_samples(), errors);
}

SplitRequest parse_good(std::string_view text) {
  std::vector<http::FieldError> errors;
  auto request = parse(text, errors);
  for (const auto& error : errors) ADD_FAILURE() << error.pointer << " " << error.detail;
  if (!request) throw std::runtime_error("no request");
  return *std::move(request);
}

// "pointer detail" of every problem.
std::vector<std::string> problems(std::string_view text) {
  std::vector<http::FieldError> errors;
  parse(text, errors);
  std::vector<std::string> out;
  for (const auto& error : errors) out.push_back(error.pointer + " " + error.detail);
  return out;
}

TEST(SplitRequest, ResultsBesideASourceThatMayOnlyBeReadAreRefused) {
  EXPECT_THAT(problems(R"({"source": "s3://archive/t.csv", "groups": 2})"),
              testing::ElementsAre("#/destination is left out, so the results would go beside the "
                                   "source: bucket 'archive' is not configured"));
  EXPECT_THAT(problems(R"({"source": "s3://archive/t.csv", "groups": 2,
                           "destination": "s3://samples/out/"})"),
              testing::IsEmpty());
}

TEST(SplitRequest, TheIssuesExample) {
  const SplitRequest request = parse_good(R"({"source": "s3://samples/us_states.csv",
    "id_column": "state", "groups": {"test": 0.5, "control": 0.5},
    "columns": ["population_thousands", "income_usd"], "strata": ["region"],
    "objective": "kplus", "method": "exchange", "restarts": 10, "budget_seconds": 30, "seed": 1,
    "destination": "s3://samples/out/"})");
  EXPECT_EQ(request.source.to_string(), "s3://samples/us_states.csv");
  EXPECT_EQ(request.destination.to_string(), "s3://samples/out/");
  const split::Options& options = request.task.options;
  const auto& weights = std::get<split::WeightedGroups>(options.groups).weights;
  EXPECT_THAT(weights, ElementsAre(std::pair<std::string, double>("test", 0.5),
                                   std::pair<std::string, double>("control", 0.5)));
  EXPECT_EQ(options.id_column, "state");
  EXPECT_THAT(options.columns, ElementsAre("population_thousands", "income_usd"));
  EXPECT_THAT(options.strata, ElementsAre("region"));
  EXPECT_EQ(options.objective, split::Objective::kKPlus);
  EXPECT_EQ(options.method, split::Method::kExchange);
  EXPECT_EQ(options.restarts, 10U);
  EXPECT_EQ(options.budget, std::chrono::seconds(30));
  EXPECT_EQ(options.seed, 1U);
}

TEST(SplitRequest, Defaults) {
  const SplitRequest request = parse_good(R"({"source": "s3://samples/a/b/c.csv", "groups": 3})");
  EXPECT_EQ(request.destination.to_string(), "s3://samples/a/b/out/");
  EXPECT_EQ(std::get<split::EqualGroups>(request.task.options.groups).count, 3U);
  EXPECT_FALSE(request.task.options.id_column);
  EXPECT_THAT(request.task.options.columns, IsEmpty());
  EXPECT_THAT(request.task.options.strata, IsEmpty());
  EXPECT_EQ(request.task.options.objective, split::Objective::kKPlus);
  EXPECT_EQ(request.task.options.method, split::Method::kSearch);
  EXPECT_EQ(request.task.options.restarts, std::nullopt);
  EXPECT_EQ(request.task.options.patience, 100U);
  EXPECT_EQ(request.task.options.budget, std::chrono::seconds(60));
  EXPECT_EQ(request.task.options.seed, 1U);
  EXPECT_EQ(parse_good(R"({"source": "s3://samples/c.csv", "groups": 2})").destination.to_string(),
            "s3://samples/out/");
  const SplitRequest nulls = parse_good(
      R"({"source": "s3://samples/c.csv", "groups": ["a", "b"], "seed": null, "columns": null,
          "destination": null, "id_column": null, "budget_seconds": null})");
  EXPECT_EQ(to_payload(nulls),
            to_payload(parse_good(R"({"source": "s3://samples/c.csv", "groups": ["a", "b"]})")));
}

TEST(SplitRequest, ThePayloadGivesTheSameRequest) {
  for (
      const char* text :
      {R"({"source": "s3://samples/c.csv", "groups": {"z": 12, "a": 38}, "seed": 18446744073709551615})",
       R"({"source": "s3://samples/c d%20.csv", "groups": ["x", "y/~"], "id_column": "i",
            "columns": ["p"], "strata": ["q"], "objective": "diversity", "method": "local-maximum",
            "restarts": 7, "budget_seconds": 0.25, "destination": "s3://samples"})",
       R"({"source": "s3://samples/c.csv", "groups": 2, "encoding": "cp1252", "delimiter": ";",
            "decimal": ",", "thousands": "none", "percent": "points", "na_values": ["-9", "n/k"],
            "sheet": "Sales", "missing": "median", "categories": ["c"], "patience": 5})",
       R"({"source": "s3://samples/c.csv", "groups": {"a": {"min": 2, "max": 5},
            "b": {"min": 1, "max": 9}}, "fixed": {"u1": "a"}, "allowed": {"u2": ["a", "b"]},
            "exclude": ["u3"], "together": [["u4", "u5"]], "apart": {"column": "kin", "at_most": 2},
            "volume": {"column": "sales", "shares": {"a": [0.1, 0.2]}}, "weights": {"x": 2.5},
            "transform": {"x": "log"}, "start_column": "old"})",
       R"({"source": "s3://samples/c.csv", "groups": 2, "panel": {"unit": "geo", "time": "date",
            "value": "sales", "pre": ["2024-01-01", "2024-02-01"], "holdout": 14, "lags": 0,
            "duration": 7, "control": "2", "placebos": 200}})",
       R"({"source": "s3://samples/c.csv", "groups": 2, "moments": 4, "correlations": true})",
       R"({"source": "s3://samples/c.csv", "groups": 3, "objective": "bicriterion",
            "distance_matrix": true})",
       R"({"source": "s3://samples/c.csv", "groups": 2, "together": "family",
            "apart": [["u1", "u2"], ["u3", "u4", "u5"]]})"}) {
    const std::string payload = to_payload(parse_good(text));
    const auto again = from_payload(payload);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(to_payload(*again), payload);
  }
  EXPECT_EQ(from_payload("{").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(from_payload(R"({"groups": 2})").error().message(), HasSubstr("#/source"));
}

struct Bad {
  const char* name;
  const char* document;
  std::vector<std::string> expected;  // a part of each problem, in order
};

class BadRequest : public testing::TestWithParam<Bad> {};

TEST_P(BadRequest, IsToldWithPointers) {
  const std::vector<std::string> got = problems(GetParam().document);
  ASSERT_EQ(got.size(), GetParam().expected.size()) << testing::PrintToString(got);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_THAT(got[i], HasSubstr(GetParam().expected[i]));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, BadRequest,
    testing::Values(
        Bad{"NoObject", "[]", {"# must be an object"}},
        Bad{"Empty", "{}", {"#/source is missing", "#/groups is missing"}},
        Bad{"UnknownField",
            R"({"source": "s3://samples/a", "groups": 2, "stratas": ["x"]})",
            {"#/stratas is no field of this object. Did you mean 'strata'?"}},
        Bad{"WrongTypes",
            R"({"source": 1, "groups": true, "columns": "x", "restarts": 1.5, "seed": "1"})",
            {"#/source must be a string", "#/groups must be", "#/columns must be an array",
             "#/restarts must be an integer", "#/seed must be an integer"}},
        Bad{"AllAtOnce",
            R"({"source": "http://x/y", "groups": 1, "objective": "k-plus", "budget_seconds": -1,
                "destination": "s3://other/x"})",
            {"#/groups must be at least 2", "#/objective must be", "#/budget_seconds must be",
             "#/source", "#/destination bucket 'other' is not configured"}},
        Bad{"OtherBucket",
            R"({"source": "s3://secrets/a.csv", "groups": 2})",
            {"#/source bucket 'secrets' is not configured"}},
        Bad{"Escape", R"({"source": "s3://samples/../../etc/passwd", "groups": 2})", {"#/source"}},
        Bad{"SharesOff",
            R"({"source": "s3://samples/a", "groups": {"a": 0.5, "b": 0.4}})",
            {"#/groups the shares sum to 0.9"}},
        Bad{"ShareOfNothing",
            R"({"source": "s3://samples/a", "groups": {"a": 0, "b": 1}})",
            {"#/groups/a must be above 0"}},
        Bad{"NamedTwice",
            R"({"source": "s3://samples/a", "groups": ["a", "b", "a"], "columns": ["x", "x"]})",
            {"#/groups/2 'a' is named twice", "#/columns/1 'x' is named twice"}},
        Bad{"TwoRoles",
            R"({"source": "s3://samples/a", "groups": 2, "id_column": "x", "columns": ["x", "y"],
                "strata": ["y"]})",
            {"#/columns/0 'x' is the id column", "#/strata/0 'y' is among the columns too"}},
        Bad{"Constraints",
            R"({"source": "s3://samples/a", "groups": {"a": {"min": 5, "max": 2}, "b": {"min": 1, "max": 2}},
                "together": [["x"]], "volume": {"column": "v", "shares": {"a": [0.5]}},
                "transform": {"x": "sqrt"}})",
            {"#/transform/x must be", "#/together", "#/volume/shares/a must be at least 2"}},
        Bad{"RangesTurned",
            R"({"source": "s3://samples/a", "groups": {"a": {"min": 5, "max": 2}, "b": {"min": 1, "max": 2}},
                "volume": {"column": "v", "shares": {"a": [0.5, 0.1]}}})",
            {"#/groups/a 'min' must not be above 'max'", "#/volume/shares/a the first share"}},
        Bad{"Reading",
            R"({"source": "s3://samples/a", "groups": 2, "delimiter": "ab", "decimal": ",",
                "thousands": ",", "categories": ["x"], "strata": ["x"]})",
            {"#/delimiter", "#/thousands must differ", "#/categories/0 'x' is among the strata"}},
        Bad{"Panel",
            R"({"source": "s3://samples/a", "groups": 2,
                "panel": {"unit": "geo", "time": "date", "holdout": 0, "pre": ["a"], "lag": 3}})",
            {"#/panel/value is missing", "#/panel/pre", "#/panel/holdout",
             "#/panel/lag is no field of this object. Did you mean 'lags'?"}},
        Bad{"MomentsOfVariance",
            R"({"source": "s3://samples/a", "groups": 2, "objective": "variance", "moments": 3})",
            {"#/moments belongs to the objective 'kplus'"}},
        Bad{"MatrixOfKPlus",
            R"({"source": "s3://samples/a", "groups": 2, "distance_matrix": true})",
            {"#/objective must be 'diversity'"}},
        Bad{"EmptyName",
            R"({"source": "s3://samples/a", "groups": {"": 0.5, "b": 0.5}})",
            {"a group's name must not be empty"}}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace saola::split_task
