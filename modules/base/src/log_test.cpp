#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include <saola/base/log.hpp>

namespace saola {
namespace {

std::string read_all(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

class LogTest : public testing::Test {
 protected:
  std::string path_ = testing::TempDir() + "saola_log_" + std::to_string(::getpid());
  void TearDown() override {
    log_configure({});
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + ".1");
  }
};

TEST_F(LogTest, JsonLineEscapesWhatAPeerSent) {
  ASSERT_TRUE(log_configure({.format = LogFormat::kJson, .path = path_, .role = "web 1"}));
  log_info("got \"x\"\n", {{"n", 3}, {"ok", true}, {"raw", std::string("a\xff\x01")}});
  const std::string line = read_all(path_);
  EXPECT_NE(
      line.find(R"("role":"web 1","message":"got \"x\"\n","n":3,"ok":true,"raw":"a\ufffd\u0001"})"),
      std::string::npos)
      << line;
}

TEST_F(LogTest, ALineThatIsTooLongHasItsTextsCutAndStaysWhole) {
  ASSERT_TRUE(log_configure({.format = LogFormat::kJson, .path = path_, .role = "web 1"}));
  std::string wide;
  for (int i = 0; i < 20'000; ++i) wide += "ü";
  log_info(std::string(20'000, '"'), {{"wide", wide}, {"job", "short"}, {"last", 7}});
  const std::string line = read_all(path_);
  EXPECT_LE(line.size(), 16u * 1024);
  EXPECT_TRUE(line.ends_with("\",\"job\":\"short\",\"last\":7}\n"))
      << line.substr(line.size() - 80);
  EXPECT_NE(line.find(R"("message":"\"\")"), std::string::npos);
  EXPECT_NE(line.find(R"(\"…","wide":"üü)"), std::string::npos) << "cut between characters";
  EXPECT_NE(line.find("ü…\","), std::string::npos);
}

TEST_F(LogTest, LevelFiltersAndTextQuotes) {
  ASSERT_TRUE(log_configure({.level = LogLevel::kWarning, .path = path_, .role = "arbiter"}));
  log_info("hidden");
  log_warning("seen", {{"why", "two words"}});
  const std::string text = read_all(path_);
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_NE(text.find("seen why=\"two words\""), std::string::npos) << text;
}

TEST_F(LogTest, ReopenFollowsARotatedFile) {
  ASSERT_TRUE(log_configure({.path = path_}));
  log_info("first");
  std::filesystem::rename(path_, path_ + ".1");
  ASSERT_TRUE(log_reopen());
  log_info("second");
  EXPECT_NE(read_all(path_ + ".1").find("first"), std::string::npos);
  EXPECT_NE(read_all(path_).find("second"), std::string::npos);
}

class Records final : public LogSink {
 public:
  void write(LogLevel level, std::string_view record) override {
    text += std::string(to_string(level)) + '|' + std::string(record) + '\n';
  }
  std::string text;
};

TEST_F(LogTest, ASinkIsToldWhatPassesTheLevel) {
  Records records;
  ASSERT_TRUE(log_configure({.path = path_, .role = "web 1", .sink = &records}));
  log_debug("hidden");
  log_warning("seen", {{"n", 3}});
  EXPECT_EQ(records.text, "warning|seen n=3\n");
  ASSERT_TRUE(log_configure({.format = LogFormat::kJson, .path = path_, .sink = &records}));
  log_error("bad");
  EXPECT_NE(records.text.find("error|{\"time\":"), std::string::npos) << records.text;
  EXPECT_TRUE(records.text.ends_with("\"message\":\"bad\"}\n")) << records.text;
}

}  // namespace
}  // namespace saola
