#include "settings/bind_address.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include <gmock/gmock.h>

#include "probe_server.hpp"

namespace saola::server {
namespace {

using testing::HasSubstr;

BindAddress address(std::string_view text) {
  return *BindAddress::parse(text);
}

TEST(BindAddress, ReadsEveryForm) {
  EXPECT_EQ(address("127.0.0.1:80").to_string(), "127.0.0.1:80");
  EXPECT_EQ(address("[::1]:80").host, "::1");
  EXPECT_EQ(address("[::1]:80").to_string(), "[::1]:80");
  EXPECT_EQ(address(":80").to_string(), "0.0.0.0:80");
  EXPECT_EQ(address("localhost:0").port, 0);
  EXPECT_EQ(address("unix:/a:b").path, "/a:b");
  EXPECT_EQ(address("fd://3").fd, 3);
}

TEST(BindAddress, RefusesNonsense) {
  for (const char* text : {"", "80", "host", "host:", "host:x", "host:65536", "host:-1", "::1:80",
                           "[]:80", "unix:", "fd://", "fd://-1", "fd://x", "host:80 "}) {
    EXPECT_FALSE(BindAddress::parse(text)) << text;
  }
  EXPECT_FALSE(BindAddress::parse("unix:" + std::string(200, 'x')));
}

TEST(OpenListener, TellsThePortItGot) {
  for (const char* text : {"127.0.0.1:0", "[::1]:0", "localhost:0"}) {
    const auto listener = open_listener(address(text), {});
    ASSERT_TRUE(listener) << listener.error().message();
    EXPECT_THAT(listener->where, testing::Not(testing::EndsWith(":0")));
    EXPECT_TRUE(::fcntl(listener->fd.get(), F_GETFD) & FD_CLOEXEC);
  }
}

TEST(OpenListener, SaysWhenTheAddressIsTaken) {
  const auto first = open_listener(address("127.0.0.1:0"), {});
  ASSERT_TRUE(first);
  const auto second = open_listener(address(first->where), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(second.error().text(), HasSubstr(first->where + " is in use"));
}

TEST(OpenListener, SharesAPortWhenBothAskForIt) {
  const auto first = open_listener(address("127.0.0.1:0"), {.reuse_port = true});
  ASSERT_TRUE(first);
  EXPECT_TRUE(open_listener(address(first->where), {.reuse_port = true}));
}

TEST(OpenListener, ReplacesAStaleUnixSocketOnly) {
  TempFolder directory;
  const BindAddress where = address("unix:" + directory.path() + "/s");
  {
    ASSERT_TRUE(open_listener(where, {}));
  }  // closed, its file stays behind
  const auto live = open_listener(where, {});
  ASSERT_TRUE(live) << live.error().message();
  EXPECT_EQ(live->where, where.to_string());
  EXPECT_EQ(open_listener(where, {}).error().code(), ErrorCode::kAlreadyExists);

  const BindAddress file = address("unix:" + directory.path() + "/file");
  std::ofstream(file.path) << "precious";
  EXPECT_THAT(open_listener(file, {}).error().text(), HasSubstr("is no socket"));
  EXPECT_EQ(std::filesystem::file_size(file.path), 8u);
}

TEST(OpenListener, AdoptsAnInheritedSocketOnly) {
  const auto open = open_listener(address("127.0.0.1:0"), {});
  const auto adopted = open_listener(address("fd://" + std::to_string(open->fd.get())), {});
  ASSERT_TRUE(adopted) << adopted.error().message();
  EXPECT_EQ(adopted->where, open->where);
  const unique_fd plain(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_THAT(open_listener(address("fd://" + std::to_string(plain.get())), {}).error().text(),
              HasSubstr("not a listening socket"));
  EXPECT_THAT(open_listener(address("fd://9999"), {}).error().text(), HasSubstr("no such"));
}

TEST(WaitingConnections, CountsThoseNobodyAccepted) {
  const auto listener = open_listener(address("127.0.0.1:0"), {});
  EXPECT_EQ(waiting_connections(listener->fd.get()), 0);
  const unique_fd first(connect_to(listener->where));
  const unique_fd second(connect_to(listener->where));
  EXPECT_EQ(waiting_connections(listener->fd.get()), 2);
}

TEST(OpenListener, SaysWhenTheHostIsNotOurs) {
  EXPECT_THAT(open_listener(address("192.0.2.1:0"), {}).error().text(),
              HasSubstr("no address of this machine"));
  EXPECT_THAT(open_listener(address("unix:/nonexistent/x"), {}).error().text(),
              HasSubstr("unix:/nonexistent/x"));
}

}  // namespace
}  // namespace saola::server
