#include "retry.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace saola::objects_s3 {
namespace {

using namespace std::chrono_literals;

TEST(Retry, DelayDoublesUpToTheLongest) {
  const S3Options options{.retry_base_delay = 100ms, .retry_max_delay = 1s};
  EXPECT_EQ(retry_delay(options, 2, 1.0), 100ms);
  EXPECT_EQ(retry_delay(options, 3, 1.0), 200ms);
  EXPECT_EQ(retry_delay(options, 4, 0.5), 200ms);
  EXPECT_EQ(retry_delay(options, 9, 1.0), 1s);
  EXPECT_EQ(retry_delay(options, 100, 1.0), 1s);
  EXPECT_EQ(retry_delay(options, 5, 0.0), 0ms);
}

TEST(Retry, RetryAfter) {
  const SystemTime now{std::chrono::sys_days(std::chrono::May / 24 / 2013)};
  EXPECT_EQ(parse_retry_after("3", now), 3s);
  EXPECT_EQ(parse_retry_after("0", now), 0s);
  EXPECT_EQ(parse_retry_after("86400", now), 1min);
  EXPECT_EQ(parse_retry_after("99999999999999999999", now), 1min);
  EXPECT_EQ(parse_retry_after("Fri, 24 May 2013 00:00:05 GMT", now), 5s);
  EXPECT_EQ(parse_retry_after("Thu, 23 May 2013 00:00:05 GMT", now), 0s);
  EXPECT_EQ(parse_retry_after("soon", now), 0s);
  EXPECT_EQ(parse_retry_after("-5", now), 0s);
}

TEST(Retry, BudgetIsSpentAndEarned) {
  RetryBudget budget;
  for (int i = 0; i < RetryBudget::kCapacity / RetryBudget::kRetryCost; ++i) {
    EXPECT_TRUE(budget.pay(RetryBudget::kRetryCost));
  }
  EXPECT_FALSE(budget.pay(1));
  budget.earn(0);
  EXPECT_TRUE(budget.pay(1));
  budget.earn(RetryBudget::kTimeoutCost);
  EXPECT_TRUE(budget.pay(RetryBudget::kTimeoutCost));
  EXPECT_FALSE(budget.pay(RetryBudget::kRetryCost));
}

}  // namespace
}  // namespace saola::objects_s3
