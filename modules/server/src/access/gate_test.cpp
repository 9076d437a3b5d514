#include "access/gate.hpp"

#include <fstream>

#include <gmock/gmock.h>

#include <saola/server/settings.hpp>
#include <saola/testing/temp_folder.hpp>

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
  std::string_view host = "localhost:8000";
  std::string_view certificate = {};
  std::string_view prefix = {};
};

struct Answered {
  std::string shown_to;  // Access-Control-Allow-Origin
  int status = 200;      // 200: it may pass
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
    return Gate(settings_of(flags), credentials, addresses,
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
    request.host = asked.host;
    request.client_certificate = asked.certificate;
    request.prefix = asked.prefix;
    auto refusal = gate.refuse(request);
    http::Response shown(200);
    gate.show(request, refusal ? *refusal : shown);
    const http::Headers& headers = refusal ? refusal->headers : shown.headers;
    Answered out{.shown_to = std::string(headers.get_or("Access-Control-Allow-Origin", "")),
                 .caller = std::string(request.caller.name),
                 .role = request.caller.role};
    if (!refusal) return out;
    out.status = refusal->status;
    out.authenticate = refusal->headers.get_or("WWW-Authenticate", "");
    out.location = refusal->headers.get_or("Location", "");
    return out;
  }

  std::vector<std::string> addresses{"0.0.0.0:8000"};
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

TEST_F(GateTest, BelowAPathOfABiggerSiteTheLogInPageAndTheWayBackAreBelowItToo) {
  const Answered sent =
      ask(gate(), {.fields = {{"Accept", "text/html"}}, .path = "//b.example", .prefix = "/site"});
  EXPECT_EQ(sent.location, "/site/login?next=%2Fsite%2F%2Fb.example");
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

TEST_F(GateTest, ACertificateStandsForATokenWhereItHasARole) {
  const Asked asked{.method = http::Method::kPost, .certificate = "CN=ann"};
  EXPECT_EQ(ask(gate(), asked).status, 401);
  const Answered answer = ask(gate({"--auth-certificate-role=submit"}), asked);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.caller, "CN=ann");
  EXPECT_EQ(ask(gate({"--auth-certificate-role=read"}), asked).status, 403);
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

struct HostTest : GateTest {
  HostTest() { credentials = {}; }
  int status(const Texts& flags, std::string_view host, std::string_view peer = "127.0.0.1:9") {
    return ask(gate(flags), {.peer = peer, .host = host}).status;
  }
};

TEST_F(HostTest, OnLoopbackOnlyItsOwnNamesAreAnswered) {
  addresses = {"127.0.0.1:8000", "[::1]:8000", "unix:/run/x"};
  for (const char* host : {"localhost", "LocalHost:8000", "localhost.:1", "app.localhost",
                           "splitter", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000", ""}) {
    EXPECT_EQ(status({}, host), 200) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                           "evil-localhost.example", "192.0.2.1", "[2001:db8::1]", "0.0.0.0"}) {
    EXPECT_EQ(status({}, host), 421) << host;
  }
  EXPECT_EQ(status({}, "app.example.org", "unix"), 200) << "a proxy's, which knows its names";
  EXPECT_EQ(status({"--bind=my.host:8000"}, "my.host:8000"), 200);
}

TEST_F(HostTest, TheSettingNamesThem) {
  EXPECT_EQ(status({}, "any.example"), 200) << "others can connect anyway";
  const Texts flags{"--allowed-hosts=Example.org", "--allowed-hosts=*.example.net",
                    "--allowed-hosts=2001:db8::1"};
  for (const char* host :
       {"example.org", "EXAMPLE.ORG:80", "a.b.example.net", "[2001:DB8::1]:8000", "localhost"}) {
    EXPECT_EQ(status(flags, host), 200) << host;
  }
  for (const char* host :
       {"www.example.org", "example.net", "badexample.net", "example.org.evil"}) {
    EXPECT_EQ(status(flags, host), 421) << host;
    EXPECT_EQ(status(flags, host, "unix"), 421) << host;
  }
  addresses = {"127.0.0.1:8000"};
  EXPECT_EQ(status({"--allowed-hosts=*"}, "evil.example"), 200);
  for (const char* wrong : {"http://example.org", "a b", "example.org:80", "*.*.org", ""}) {
    EXPECT_FALSE(check_host_pattern(wrong)) << wrong;
  }
}

TEST_F(HostTest, AForeignPageMayNotChangeAnything) {
  const auto post = [&](std::vector<http::Field> fields, const Texts& flags = {}) {
    return ask(gate(flags), {.method = http::Method::kPost,
                             .fields = std::move(fields),
                             .host = "app.example.org:8000"});
  };
  EXPECT_EQ(post({}).status, 200) << "no browser";
  EXPECT_EQ(post({{"Origin", "https://app.example.org:8000"}}).status, 200);
  EXPECT_EQ(post({{"Origin", "https://outside.org"}, {"Sec-Fetch-Site", "same-origin"}}).status,
            200)
      << "a proxy has changed Host";
  for (const http::Field& field : std::vector<http::Field>{{"Origin", "https://evil.example"},
                                                           {"Origin", "null"},
                                                           {"Origin", "https://app.example.org"},
                                                           {"Origin", "https://example.org:8000"},
                                                           {"Sec-Fetch-Site", "cross-site"},
                                                           {"Sec-Fetch-Site", "same-site"}}) {
    for (const auto method : {http::Method::kPost, http::Method::kPut, http::Method::kDelete,
                              http::Method::kPatch, http::Method::kOther}) {
      const Asked asked{.method = method, .fields = {field}, .host = "app.example.org:8000"};
      EXPECT_EQ(ask(gate(), asked).status, 403) << field.value;
    }
    const Asked look{.fields = {field}, .host = "app.example.org:8000"};
    EXPECT_EQ(ask(gate(), look).status, 200) << "it will not be shown the answer";
    EXPECT_EQ(ask(gate(), look).shown_to, "");
  }
}

TEST_F(GateTest, ListedPagesMayAskAndSeeButNotWithTheCookie) {
  const Texts flags{"--cors-origins=https://app.example.org"};
  const std::vector<http::Field> page{{"Origin", "https://app.example.org"},
                                      {"Sec-Fetch-Site", "cross-site"}};
  const auto with = [&](std::vector<http::Field> more) {
    more.insert(more.end(), page.begin(), page.end());
    return ask(gate(flags), {.method = http::Method::kPost, .fields = std::move(more)});
  };
  const Answered good = with({{"Authorization", bearer[http::Role::kSubmit]}});
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(good.shown_to, "https://app.example.org");
  const Answered refused = with({});
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.shown_to, "https://app.example.org");
  const std::string cookie = "saola_session=" + *gate().open_session(text[http::Role::kOperate]);
  EXPECT_EQ(with({{"Cookie", cookie}}).status, 401);
  const Asked preflight{
      .method = http::Method::kOptions,
      .fields = {{"Origin", "https://app.example.org"}, {"Access-Control-Request-Method", "POST"}}};
  EXPECT_EQ(ask(gate(flags), preflight).status, 204);
  EXPECT_EQ(ask(gate(flags), preflight).shown_to, "https://app.example.org");
  EXPECT_EQ(ask(gate(), preflight).status, 401);
  for (const char* wrong : {"app.example.org", "https://", "https://a/b", "null"}) {
    EXPECT_FALSE(check_origin(wrong)) << wrong;
  }
}

TEST(GateSettings, SayWhichTextIsWrong) {
  EXPECT_TRUE(check_gate(settings_of({"--allowed-hosts=*.example.org", "--cors-origins=*"})));
  EXPECT_THAT(check_gate(settings_of({"--allowed-hosts=http://x"})).error().message(),
              HasSubstr("allowed-hosts: 'http://x' (--allowed-hosts)"));
  EXPECT_THAT(check_gate(settings_of({"--cors-origins=x"})).error().message(),
              HasSubstr("cors-origins: 'x'"));
  EXPECT_THAT(read_credentials(settings_of({"--auth-tokens=x"})).error().message(),
              HasSubstr("'x' is no token's line"));
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

TEST(Credentials, AFileWithoutTokensLetsNobodyIn) {
  const TempFolder folder;
  const std::string path = folder.path() + "/tokens";
  std::ofstream(path) << "# the last one was taken back\n";
  const auto credentials = read_credentials(settings_of({"--auth-tokens-file", path}));
  ASSERT_TRUE(credentials) << credentials.error().message();
  EXPECT_TRUE(credentials->asks_who);
  EXPECT_TRUE(credentials->tokens.empty());
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
  for (const char* address : {"0.0.0.0:80", "[::]:80", ":80", "192.0.2.1:80", ""}) {
    EXPECT_THAT(check({}, address).error().message(), HasSubstr("--auth none")) << address;
    EXPECT_TRUE(check({"--auth=none"}, address)) << address;
    EXPECT_TRUE(check({"--auth-user-header=X-User"}, address)) << address;
  }
}

}  // namespace
}  // namespace saola::server
