// Who is let in, end to end.
#include <signal.h>

#include <fstream>

#include <gmock/gmock.h>

#include <saola/testing/temp_folder.hpp>

#include "access/tokens.hpp"
#include "probe_server.hpp"

namespace saola::server {
namespace {

using testing::HasSubstr;

std::string bearer(const NewToken& token) {
  return "Authorization: Bearer " + token.text + "\r\n";
}

TEST(Access, AStartThatWouldAskNobodyFromOutsideIsRefused) {
  ProbeServer server({"--bind=0.0.0.0:0"});
  EXPECT_EQ(server.exit_status(), 2);
  EXPECT_THAT(server.log(), HasSubstr("--auth none"));
  EXPECT_THAT(server.log(), HasSubstr("token new"));
  ProbeServer open({"--bind=0.0.0.0:0", "--auth=none"});
  ASSERT_TRUE(open.serves()) << open.log();
  EXPECT_THAT(open.log(), HasSubstr("trusts EVERYBODY"));
}

TEST(Access, ReloadReadsTheTokensAnewAndAWrongFileChangesNothing) {
  const TempFolder directory;
  const std::string path = directory.path() + "/tokens";
  const NewToken ann = *make_token("ann", http::Role::kRead);
  const NewToken bob = *make_token("bob", http::Role::kRead);
  std::ofstream(path) << ann.token.line() << '\n';
  ProbeServer server({"--auth-tokens-file=" + path});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_THAT(server.log(), HasSubstr("ann (read)"));
  EXPECT_EQ(server.get("/").status, 401);
  EXPECT_EQ(server.get("/", bearer(ann)).status, 200);
  EXPECT_EQ(server.get("/", bearer(bob)).status, 401);

  std::ofstream(path) << "nonsense\n";
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return server.log_has("tokens:1"); })) << server.log();
  EXPECT_EQ(server.get("/", bearer(ann)).status, 200);

  std::ofstream(path) << bob.token.line() << '\n';
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return server.get("/", bearer(bob)).status == 200; }))
      << server.log();
  EXPECT_TRUE(eventually([&] { return server.get("/", bearer(ann)).status == 401; }));
}

TEST(Access, TheApplicationSaysWhatItsRoutesNeed) {
  const NewToken ann = *make_token("ann", http::Role::kRead);
  const NewToken bob = *make_token("bob", http::Role::kOperate);
  ProbeServer server({"--auth-tokens", ann.token.line(), "--auth-tokens", bob.token.line()});
  ASSERT_TRUE(server.serves()) << server.log();
  EXPECT_EQ(server.get("/operators", bearer(ann)).status, 403);
  EXPECT_EQ(server.get("/operators", bearer(bob)).status, 200);
  EXPECT_EQ(server.get("/", bearer(ann)).status, 200);
}

TEST(Access, TheSessionKeyIsRotatedByTheControlSocket) {
  ProbeServer server({"--auth-tokens", make_token("ann", http::Role::kRead)->token.line()});
  ASSERT_TRUE(server.serves()) << server.log();
  const auto keys = [&] {
    std::ifstream file(server.directory() + "/session.key");
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string before = keys();
  ASSERT_EQ(before.size(), 44u);
  EXPECT_THAT(server.control(R"({"command":"rotate-session-key"})"), HasSubstr("done"));
  EXPECT_EQ(keys().size(), 88u);
  EXPECT_THAT(keys(), testing::EndsWith(before));
}

}  // namespace
}  // namespace saola::server
