#include "process/process_title.hpp"

#include <gtest/gtest.h>

namespace saola::server {
namespace {

TEST(ProcessTitle, AShortOneSaysTheServiceAndTheRole) {
  EXPECT_EQ(short_title("hello: web 1"), "hello: web 1");
  EXPECT_EQ(short_title("split-service: arbiter"), "split-service");
  EXPECT_EQ(short_title("split-service: web 1"), "split-servicew1");
  EXPECT_EQ(short_title("split-service: task 12"), "split-servict12");
  EXPECT_EQ(short_title("a-service-with-a-long-name: management 1"), "a-service-witm1")
      << "15 bytes";
  EXPECT_EQ(short_title("a-service-with-a-long-name: arbiter"), "a-service-with-");
}

}  // namespace
}  // namespace saola::server
