#include <fstream>
#include <iterator>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/split_task/flags.hpp>
#include <saola/split_task/input.hpp>
#include <saola/split_task/results.hpp>

namespace saola::split_task {
namespace {

namespace json = boost::json;
using testing::AllOf;
using testing::HasSubstr;

// The request that flags make.
json::object request_of(std::vector<std::string> words) {
  CLI::App app;
  const TaskFlags flags(app);
  std::reverse(words.begin(), words.end());
  app.parse(words);
  auto request = flags.request();
  EXPECT_TRUE(request.has_value()) << request.error().message();
  return request ? *std::move(request) : json::object();
}

TEST(TaskInput, APanelIsSplitAndReportedEverywhere) {
  const auto request =
      request_of({"--panel", "unit=geo,time=date,value=sales,holdout=4,placebos=40,control=b",
                  "--groups", "a,b", "--patience", "2"});
  EXPECT_EQ(
      json::serialize(request.at("panel")),
      R"({"unit":"geo","time":"date","value":"sales","holdout":4,"placebos":40,"control":"b"})");
  std::vector<http::FieldError> errors;
  const auto task = parse_split_task(request, errors);
  ASSERT_TRUE(task.has_value()) << errors.front().pointer << errors.front().detail;
  std::ifstream file(SAOLA_SOURCE_DIR "/modules/split/testdata/panel.csv");
  const auto input = TaskInput::read({std::istreambuf_iterator<char>(file), {}}, *task);
  ASSERT_TRUE(input.has_value()) << input.error().message();
  EXPECT_EQ(input->table().rows(), 12u);
  EXPECT_EQ(input->delimiter(), ',');

  const auto preview = input->preview();
  ASSERT_TRUE(preview.has_value());
  EXPECT_THAT(preview_text(preview_json(*input, *preview)),
              AllOf(HasSubstr("12 rows"), HasSubstr("the panel's time")));

  split::Observer observer;
  const auto outcome = input->split(observer, real_clock());
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  const auto summary = summary_of(*outcome);
  const auto& test = summary.at("panel").at("tests").at(0);
  EXPECT_EQ(summary.at("panel").at("control").as_string(), "b");
  EXPECT_EQ(test.at("placebos").to_number<int>(), 40);
  EXPECT_GT(test.at("mde").to_number<double>(), 0);
  EXPECT_THAT(summary_text(summary), AllOf(HasSubstr("geo test of 4 times; control: b"),
                                           HasSubstr("minimum detectable effect (power 80 %)")));
  const auto files = result_files(input->table(), *outcome, *task, "panel.csv");
  ASSERT_TRUE(files.has_value());
  EXPECT_EQ(std::count(files->at(0).bytes.begin(), files->at(0).bytes.end(), '\n'), 13);
  const auto report = json::parse(files->at(1).bytes);
  EXPECT_EQ(report.at("panel").at("tests").at(0).at("series").as_array().size(), 14u);
  EXPECT_EQ(report.at("panel").at("tests").at(0).at("placebo").at("mde"), test.at("mde"));
  EXPECT_THAT(files->at(2).bytes, HasSubstr("Geo test"));
}

TEST(TaskInput, AParetoSetIsWrittenBesideTheAnswer) {
  const auto request = request_of(
      {"--objective", "bicriterion", "--distance-matrix", "--groups", "2", "--patience", "2"});
  std::vector<http::FieldError> errors;
  const auto task = parse_split_task(request, errors);
  ASSERT_TRUE(task.has_value()) << errors.front().pointer << errors.front().detail;
  const auto input =
      TaskInput::read("id,a,b,c,d\na,0,9,8,1\nb,9,0,7,6\nc,8,7,0,3\nd,1,6,3,0\n", *task);
  ASSERT_TRUE(input.has_value()) << input.error().message();
  split::Observer observer;
  const auto outcome = input->split(observer, real_clock());
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message();
  // ab|cd has 9 + 3, ac|bd 8 + 6, ad|bc 1 + 7: the second is best in both.
  const auto summary = summary_of(*outcome);
  EXPECT_EQ(json::serialize(summary.at("pareto")), R"([{"diversity":1.4E1,"dispersion":6E0}])");
  EXPECT_TRUE(summary.at("dispersion_proven").as_bool());
  const auto files = result_files(input->table(), *outcome, *task, "m.csv");
  ASSERT_TRUE(files.has_value());
  EXPECT_EQ(files->at(1).ending, ".pareto.csv");
  EXPECT_THAT(files->at(1).bytes, testing::StartsWith("id,pareto_1\na,"));
  EXPECT_THAT(files->at(3).bytes, HasSubstr("Diversity and dispersion"));
}

TEST(TaskFlags, APanelsPeriodsMayBeRanges) {
  const auto request =
      request_of({"--panel", "unit=geo,time=date,value=sales,pre=2024-01-01..2024-01-09,lags=2"});
  EXPECT_EQ(json::serialize(request.at("panel").at("pre")), R"(["2024-01-01","2024-01-09"])");
  EXPECT_EQ(request.at("panel").at("lags").to_number<int>(), 2);
}

TEST(TaskFlags, AFlagWithoutAValueIsTrue) {
  const auto request = request_of({"--correlations", "--moments", "3"});
  EXPECT_TRUE(request.at("correlations").as_bool());
  EXPECT_EQ(request.at("moments").to_number<int>(), 3);
}

}  // namespace
}  // namespace saola::split_task
