#include <gtest/gtest.h>

#include <saola/jobs/lifecycle.hpp>

namespace saola::jobs {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToItsCapWithFullJitter) {
  const Backoff backoff{.base = 2s, .cap = 10s};
  constexpr std::uint64_t kAlmostOne = ~std::uint64_t{0};
  for (const auto& [failures, ceiling] :
       {std::pair{1, 2s}, {2, 4s}, {3, 8s}, {4, 10s}, {5, 10s}, {100, 10s}}) {
    EXPECT_EQ(backoff_delay(backoff, failures, 0), 0us);
    EXPECT_EQ(backoff_delay(backoff, failures, kAlmostOne / 2 + 1), ceiling / 2);
    EXPECT_LT(backoff_delay(backoff, failures, kAlmostOne), ceiling);
    EXPECT_GE(backoff_delay(backoff, failures, kAlmostOne), ceiling - 1us);
  }
}

TEST(JobId, IsAVersionSevenUuidThatGrows) {
  JobIdSource source;
  const Time now{1'780'000'000'123'456us};
  const std::string first = source.next(now, ~std::uint64_t{0});
  EXPECT_EQ(first, "019e7044-887b-774b-bfff-ffffffffffff");
  EXPECT_TRUE(is_job_id(first));
  std::string last = first;
  for (int i = 0; i < 10'000; ++i) {
    // The clock may stand still or be set back.
    const std::string next = source.next(now - Micros(i), 0);
    ASSERT_GT(next, last);
    last = next;
  }
}

TEST(JobId, KnowsItsSpelling) {
  EXPECT_FALSE(is_job_id(""));
  EXPECT_FALSE(is_job_id("019E7044-887b-774b-bfff-ffffffffffff"));
  EXPECT_FALSE(is_job_id("019e7044-887b-774b-bfff-fffffffffff"));
  EXPECT_FALSE(is_job_id("019e7044x507b-774b-bfff-ffffffffffff"));
  EXPECT_FALSE(is_job_id("019e7044-887b-774b-bfff-ffffffffffff\n"));
}

}  // namespace
}  // namespace saola::jobs
