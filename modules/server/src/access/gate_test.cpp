#include "access/gate.hpp"

#include <fstream>

#include <gmock/gmock.h>

#include <saola/server/settings.hpp>

namespace saola::server {
namespace {

using testing::HasSubstr;
using Texts = std::vector<std::string>;

Settings settings_of(const Texts& flags) {
  static const SettingsTable table(server_rows());
  auto loaded = table.load(flags, {});
  EXPECT_TRUE(loaded) << loaded.error().message();
  return loaded ? loaded->settings : Settings();
}

struct Asked {
  http::Method method = http::Method::kGet;
  std::vector<http::Field> fields = {};
  std::string_view peer = "192.0.2.1:4711";
  std::string_view path = "/jobs";
};

struct Answered {
  int status = 200;  // 200: it may pass
  std::string caller;
  http::Role role{};
  std::string authenticate;
  std::string location;
};

struct GateTest : testing::Test {
  GateTest() {
    for (const http::Role role : {http::Role::kRead, http::Role::kSubmit, http::Role::kOperate}) {
      auto made = *make_token(std::string(to_string(role)), role);
      bearer[role] = "Bearer " + made.text;
      text[role] = made.text;
      credentials.tokens.push_back(made.token);
    }
    credentials.asks_who = true;
    credentials.session_keys = {"a key"};
  }

  Gate gate(const Texts& flags = {}) const {
    return Gate(settings_of(flags), credentials,
                {.realm = "test",
                 .role_needed =
                     [](const http::Request& request) {
                       if (request.path == "/healthz") return http::Role::kNone;
                       if (request.path == "/cancel") return http::Role::kOperate;
                       return http::role_for(request.method);
                     },
                 .login_path = "/login"});
  }

  static Answered ask(const Gate& gate, const Asked& asked) {
    http::Request request;
    request.method = asked.method;
    request.headers = http::HeaderView(asked.fields);
    request.remote_address = asked.peer;
    request.path = request.raw_path = asked.path;
    auto refusal = gate.refuse(request);
    Answered out{.caller = std::string(request.caller.name), .role = request.caller.role};
    if (!refusal) return out;
    out.status = refusal->status;
    out.authenticate = refusal->headers.get_or("WWW-Authenticate", "");
    out.location = refusal->headers.get_or("Location", "");
    return out;
  }

  Credentials credentials;
  std::map<http::Role, std::string> bearer;
  std::map<http::Role, std::string> text;
};

TEST_F(GateTest, EachRoleMayDoItsOwnAndWhatIsBelow) {
  const Gate the_gate = gate();
  const std::vector<std::tuple<http::Method, std::string_view, http::Role>> requests{
      {http::Method::kGet, "/jobs", http::Role::kRead},
      {http::Method::kPost, "/split", http::Role::kSubmit},
      {http::Method::kDelete, "/thing", http::Role::kSubmit},
      {http::Method::kPost, "/cancel", http::Role::kOperate}};
  for (const auto& [method, path, needed] : requests) {
    for (const auto& [role, token] : bearer) {
      const Answered answer =
          ask(the_gate, {.method = method, .fields = {{"Authorization", token}}, .path = path});
      EXPECT_EQ(answer.status, role >= needed ? 200 : 403) << path << " as " << to_string(role);
      EXPECT_EQ(answer.caller, to_string(role));
      if (role < needed) {
        EXPECT_EQ(answer.authenticate,
                  fmt::format(R"(Bearer realm="test", error="insufficient_scope", scope="{}")",
                              to_string(needed)));
      }
    }
    EXPECT_EQ(ask(the_gate, {.method = method, .path = path}).status, 401) << path;
  }
}

TEST_F(GateTest, WhatIsOpenAsksNobody) {
  EXPECT_EQ(ask(gate(), {.path = "/healthz"}).status, 200);
  EXPECT_EQ(ask(gate(), {.fields = {{"Authorization", "Bearer none"}}, .path = "/healthz"}).status,
            200);
}

TEST_F(GateTest, AWrongTokenIsToldApartFromNone) {
  EXPECT_EQ(ask(gate(), {}).authenticate, R"(Bearer realm="test")");
  const Answered wrong = ask(gate(), {.fields = {{"authorization", "bearer saola_x"}}});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.authenticate, R"(Bearer realm="test", error="invalid_token")");
  // Another scheme is a proxy's business.
  EXPECT_EQ(ask(gate(), {.fields = {{"Authorization", "Basic YTpi"}}}).authenticate,
            R"(Bearer realm="test")");
}

TEST_F(GateTest, ABrowserIsSentToLogInAndItsCookieStandsForTheToken) {
  const Gate the_gate = gate();
  const Answered sent = ask(the_gate, {.fields = {{"Accept", "text/html,*/*"}}, .path = "/a b"});
  EXPECT_EQ(sent.status, 303);
  EXPECT_EQ(sent.location, "/login?next=%2Fa%20b");
  EXPECT_FALSE(the_gate.open_session("saola_wrong"));
  const auto session = the_gate.open_session(text[http::Role::kSubmit]);
  ASSERT_TRUE(session);
  const std::string cookie = "theme=dark; saola_session=" + *session + "; x=y";
  const Answered in =
      ask(the_gate, {.method = http::Method::kPost, .fields = {{"Cookie", cookie}}});
  EXPECT_EQ(in.status, 200);
  EXPECT_EQ(in.caller, "submit");
  EXPECT_EQ(ask(the_gate, {.fields = {{"Cookie", "saola_session=" + *session + "0"}}}).authenticate,
            R"(Bearer realm="test", error="invalid_token")");
  // The wrong token is not made good by a session.
  EXPECT_EQ(ask(the_gate, {.fields = {{"Authorization", "Bearer x"}, {"Cookie", cookie}}}).status,
            401);
}

TEST_F(GateTest, AUserIsBelievedFromATrustedProxyOnly) {
  const Gate plain = gate();
  const Gate trusting =
      gate({"--auth-user-header=X-Remote-User", "--forwarded-allow-ips=10.0.0.0/8"});
  const std::vector<http::Field> user{{"x-remote-user", "ann"}};
  EXPECT_EQ(ask(plain, {.fields = user, .peer = "10.1.2.3:1"}).status, 401);
  EXPECT_EQ(ask(trusting, {.fields = user, .peer = "192.0.2.1:1"}).status, 401);
  for (const char* peer : {"10.1.2.3:1", "unix"}) {
    const Answered answer = ask(trusting, {.fields = user, .peer = peer});
    EXPECT_EQ(answer.status, 200) << peer;
    EXPECT_EQ(answer.caller, "ann");
    EXPECT_EQ(answer.role, http::Role::kRead);
  }
  EXPECT_EQ(ask(trusting,
                {.fields = {{"X-Remote-User", "a"}, {"X-Remote-User", "b"}}, .peer = "10.1.2.3:1"})
                .status,
            401);
  EXPECT_EQ(ask(trusting, {.fields = {{"X-Remote-User", ""}}, .peer = "10.1.2.3:1"}).status, 401);
}

TEST_F(GateTest, TheProxyMaySayTheRole) {
  const Gate the_gate = gate({"--auth-user-header=X-User", "--auth-role-header=X-Groups"});
  const auto role = [&](std::string_view groups) {
    return ask(the_gate, {.fields = {{"X-User", "ann"}, {"X-Groups", groups}}, .peer = "unix"});
  };
  EXPECT_EQ(role("staff, submit, read").role, http::Role::kSubmit);
  EXPECT_EQ(role("operate").role, http::Role::kOperate);
  EXPECT_EQ(role("staff").status, 403);
  EXPECT_EQ(role("operators").role, http::Role::kNone);
  EXPECT_EQ(ask(the_gate, {.fields = {{"X-User", "ann"}}, .peer = "unix"}).status, 403);
}

TEST(Credentials, AuthIsAskedAsSoonAsThereIsSomethingToAskFor) {
  const std::string line = make_token("ci", http::Role::kRead)->token.line();
  EXPECT_FALSE(read_credentials(settings_of({}))->asks_who);
  EXPECT_TRUE(read_credentials(settings_of({"--auth-tokens", line}))->asks_who);
  EXPECT_TRUE(read_credentials(settings_of({"--auth-user-header=X-User"}))->asks_who);
  EXPECT_FALSE(read_credentials(settings_of({"--auth-tokens", line, "--auth=none"}))->asks_who);
  EXPECT_THAT(read_credentials(settings_of({"--auth=required"})).error().message(),
              HasSubstr("token new"));
  EXPECT_FALSE(read_credentials(settings_of({"--auth-tokens-file=/nowhere"})));
}

TEST(Credentials, OnlyThisMachineMayReachAServerThatAsksNobody) {
  const auto check = [](const Texts& flags, const std::string& address) {
    const Settings settings = settings_of(flags);
    return check_exposure(settings, *read_credentials(settings), std::vector{address});
  };
  for (const char* address :
       {"127.0.0.1:80", "127.3.2.1:80", "[::1]:80", "localhost:80", "unix:/run/x", "unix:"}) {
    EXPECT_TRUE(check({}, address)) << address;
  }
  for (const char* address :
       {"0.0.0.0:80", "[::]:80", ":80", "192.0.2.1:80", "no.such.host:80", ""}) {
    EXPECT_THAT(check({}, address).error().message(), HasSubstr("--auth none")) << address;
    EXPECT_TRUE(check({"--auth=none"}, address)) << address;
    EXPECT_TRUE(check({"--auth-user-header=X-User"}, address)) << address;
  }
}

}  // namespace
}  // namespace saola::server
