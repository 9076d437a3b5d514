#include "jobs_report.hpp"

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include <saola/jobs/memory_store.hpp>
#include <saola/jobs/owner.hpp>

namespace saola::service {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::MatchesRegex;

const Deadline kSoon = Deadline::after(std::chrono::seconds(20));

TEST(JobsReport, CountsAllAndListsTheRunning) {
  const auto store = jobs::make_memory_store();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store->enqueue({.kind = "split"}, kSoon));
  const auto claimed = store->claim({.owner = "far/boot/pid:[1]/12/3", .kinds = {"split"}}, kSoon);
  ASSERT_EQ(claimed->size(), 1u);
  ASSERT_TRUE(store->set_progress(claimed->at(0).token(), {0.25, "searching"}, kSoon));
  const auto text = jobs_report(*store, real_clock(), kSoon);
  ASSERT_TRUE(text);
  const json::value report = json::parse(*text);
  EXPECT_EQ(report.at("counts").at("available"), 2);
  EXPECT_EQ(report.at("counts").at("running"), 1);
  EXPECT_EQ(report.at("counts").at("completed"), 0);
  ASSERT_EQ(report.at("running").as_array().size(), 1u);
  const json::object& row = report.at("running").as_array()[0].as_object();
  EXPECT_EQ(row.at("id"), json::string(claimed->at(0).id));
  EXPECT_EQ(row.at("kind"), "split");
  EXPECT_EQ(row.at("attempt"), 1);
  EXPECT_GE(row.at("age_seconds").as_double(), 0);
  EXPECT_EQ(row.at("progress"), 0.25);
  EXPECT_EQ(row.at("message"), "searching");
  EXPECT_EQ(row.at("worker"), "far pid 12");
}

TEST(JobsReport, DescribesOwners) {
  EXPECT_EQ(jobs::describe_owner("somebody"), "somebody");
  EXPECT_THAT(jobs::describe_owner(jobs::this_process_as_owner()), MatchesRegex(".+ pid [0-9]+"));
}

}  // namespace
}  // namespace saola::service
