#include "service.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <saola/service/test.hpp>

TEST(Count, CountsWords) {
  auto service = make_service();
  auto client = service->test_client();
  const auto accepted = client.post("/count", {{"text", "to be or not to be"}, {"most_common", 1}});
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  EXPECT_EQ(client.run_jobs(), 1);
  const boost::json::value job = client.get(accepted.header("Location")).json();
  EXPECT_EQ(job.at("state"), "completed");
  EXPECT_EQ(job.at("result").at(0).at("count"), 2);
}

TEST(Count, RefusesABodyWithoutText) {
  auto service = make_service();
  auto client = service->test_client();
  EXPECT_EQ(client.post("/count", boost::json::object{}).status, 422);
}
