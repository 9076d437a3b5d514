#include "access/sessions.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include <saola/testing/temp_folder.hpp>

namespace saola::server {
namespace {

using testing::HasSubstr;

class FixedClock final : public Clock {
 public:
  SteadyTime steady_now() const override { return {}; }
  SystemTime system_now() const override { return now; }
  SystemTime now{std::chrono::hours(500'000)};
};

TEST(Sessions, StandForATokenUntilTheirTimeItsLineOrItsKeyEnds) {
  FixedClock clock;
  const std::vector<Token> tokens{make_token("ann", http::Role::kRead)->token,
                                  make_token("ann", http::Role::kOperate)->token};
  const Sessions old({"key-one"}, std::chrono::hours(1), clock);
  const std::string cookie = old.open(tokens[1]);
  EXPECT_EQ(old.find(tokens, cookie), &tokens[1]);

  const Sessions rotated({"key-two", "key-one"}, std::chrono::hours(1), clock);
  EXPECT_EQ(rotated.find(tokens, cookie), &tokens[1]);
  EXPECT_EQ(old.find(tokens, rotated.open(tokens[0])), nullptr);
  const Sessions twice({"key-three", "key-two"}, std::chrono::hours(1), clock);
  EXPECT_EQ(twice.find(tokens, cookie), nullptr);

  EXPECT_EQ(old.find(std::span(tokens).first(1), cookie), nullptr) << "the line is gone";
  clock.now += std::chrono::minutes(59);
  EXPECT_EQ(old.find(tokens, cookie), &tokens[1]);
  clock.now += std::chrono::minutes(1);
  EXPECT_EQ(old.find(tokens, cookie), nullptr) << "its time is over";
}

TEST(Sessions, WhatWasChangedIsNone) {
  const std::vector<Token> tokens{make_token("ann", http::Role::kRead)->token,
                                  make_token("bob", http::Role::kOperate)->token};
  const Sessions sessions({"key"}, std::chrono::hours(1));
  const std::string cookie = sessions.open(tokens[0]);
  for (std::size_t i = 0; i < cookie.size(); ++i) {
    std::string changed = cookie;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_EQ(sessions.find(tokens, changed), nullptr) << changed;
    EXPECT_EQ(sessions.find(tokens, cookie.substr(0, i)), nullptr);
  }
  EXPECT_EQ(sessions.find(tokens, cookie + "0"), nullptr);
}

TEST(SessionKeys, AreMadeOnceAndRotateKeepingOne) {
  const TempFolder directory;
  const std::string path = directory.path() + "/session.key";
  const auto first = session_keys(path);
  ASSERT_TRUE(first) << first.error().message();
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(*session_keys(path), *first);
  ASSERT_TRUE(rotate_session_key(path));
  const auto second = *session_keys(path);
  ASSERT_EQ(second.size(), 2u);
  EXPECT_EQ(second[1], first->at(0));
  ASSERT_TRUE(rotate_session_key(path));
  EXPECT_EQ(session_keys(path)->at(1), second[0]);
  EXPECT_EQ(session_keys(path)->size(), 2u);
}

TEST(SessionKeys, AFileThatOthersMayKnowOrPlantedIsRefused) {
  const TempFolder directory;
  const std::string path = directory.path() + "/session.key";
  std::ofstream(path) << std::string(43, 'k') << '\n';
  ::chmod(path.c_str(), 0640);
  EXPECT_THAT(session_keys(path).error().message(), HasSubstr("delete it"));
  ::chmod(path.c_str(), 0600);
  EXPECT_TRUE(session_keys(path));
  if (::geteuid() != 0) return;  // only root can make another user's link
  std::filesystem::rename(path, path + ".real");
  std::filesystem::create_symlink(path + ".real", path);
  ASSERT_EQ(::lchown(path.c_str(), 65534, 65534), 0);
  EXPECT_FALSE(session_keys(path));
}

}  // namespace
}  // namespace saola::server
