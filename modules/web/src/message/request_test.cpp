#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/web/app.hpp>
#include <saola/web/test_client.hpp>

namespace saola::web {
namespace {

// Sends one request whose view is `view`, and returns the answer.
TestResponse ask(std::string_view target, const TestClient::HeaderList& headers, View view) {
  App app;
  app.get("/<path:any>", std::move(view));
  return TestClient(app).get(target, headers);
}

TEST(Request, QueryArguments) {
  ask("/x?a=1&b=x+y%20z&a=2&c&=v&%C3%BC=%26", {}, [](Request& request) {
    EXPECT_EQ(request.arg("a"), "1");
    EXPECT_EQ(request.arg("b"), "x y z");
    EXPECT_EQ(request.arg("c"), "");
    EXPECT_EQ(request.arg("ü"), "&");
    EXPECT_EQ(request.arg("none"), std::nullopt);
    EXPECT_EQ(request.arg_or("none", "d"), "d");
    EXPECT_EQ(request.args().size(), 6U);
    EXPECT_EQ(request.int_arg("a", 9), 1);
    EXPECT_EQ(request.int_arg("none", 9), 9);
    return "";
  });
}

TEST(Request, BadArgumentsAre400) {
  const auto limit = [](Request& request) {
    return std::to_string(request.int_arg("limit", 20, 1, 100));
  };
  EXPECT_EQ(ask("/x?limit=100", {}, limit).body, "100");
  for (std::string_view bad :
       {"/x?limit=0", "/x?limit=101", "/x?limit=", "/x?limit=1x", "/x?limit=+1",
        "/x?limit=99999999999999999999", "/x?limit=1%00", "/x?a=%zz", "/x?a=%ff", "/x?a=%"}) {
    const auto answer = ask(bad, {}, limit);
    EXPECT_EQ(answer.status, 400) << bad;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  }
}

TEST(Request, Cookies) {
  ask("/x", {{"Cookie", "a=1; b=\"q\";c = 3 ; a=2; =x; flag; d=x=y"}}, [](Request& request) {
    EXPECT_EQ(request.cookie("a"), "1");
    EXPECT_EQ(request.cookie("b"), "q");
    EXPECT_EQ(request.cookie("c"), "3");
    EXPECT_EQ(request.cookie("d"), "x=y");
    EXPECT_EQ(request.cookie("flag"), std::nullopt);
    EXPECT_EQ(request.cookie("A"), std::nullopt);
    return "";
  });
}

TEST(Request, AnEncodedBodyIs415) {
  App app;
  app.post("/json", [](Request& request) { return std::to_string(request.json().is_object()); });
  app.post("/text", [](Request& request) { return request.text(); });
  TestClient client(app);
  for (const char* coding : {"gzip", "br, identity", "identity, deflate", "x-unknown"}) {
    for (const char* path : {"/json", "/text"}) {
      const auto answer = client.request(
          "POST", path, "{}", {{"Content-Type", "application/json"}, {"Content-Encoding", coding}});
      EXPECT_EQ(answer.status, 415) << coding;
      EXPECT_EQ(answer.header("Accept-Encoding"), "identity");
      EXPECT_THAT(answer.body, testing::HasSubstr(coding));
    }
  }
  EXPECT_EQ(client.request("POST", "/text", "{}", {{"Content-Encoding", "Identity"}}).status, 200);
}

TEST(Request, Preferred) {
  const auto best = [](std::string accept) {
    return ask("/x", {{"Accept", std::move(accept)}},
               [](Request& request) {
                 return std::string(
                     request.preferred({"application/json", "text/html"}).value_or("none"));
               })
        .body;
  };
  EXPECT_EQ(best(""), "application/json");
  EXPECT_EQ(best("*/*"), "application/json");
  EXPECT_EQ(best("text/html"), "text/html");
  EXPECT_EQ(best("text/*, application/json;q=0.5"), "text/html");
  EXPECT_EQ(best("text/html;q=0.1, */*;q=0.2"), "application/json");
  EXPECT_EQ(best("TEXT/HTML , application/json ; q=0"), "text/html");
  EXPECT_EQ(best("image/png"), "none");
  EXPECT_EQ(best("application/json;q=0"), "none");
  EXPECT_EQ(best(",,;q=,/"), "none");
  EXPECT_EQ(
      ask("/x", {}, [](Request& r) { return std::string(*r.preferred({"a/b", "c/d"})); }).body,
      "a/b");
}

TEST(Response, SetCookie) {
  Response response;
  set_cookie(response, {.name = "id", .value = "a1"});
  EXPECT_EQ(response.headers.get("Set-Cookie"), "id=a1; Path=/; Secure; HttpOnly; SameSite=Lax");
  Response all;
  set_cookie(all, {.name = "id",
                   .value = "",
                   .path = "/x",
                   .domain = "example.org",
                   .max_age = std::chrono::hours(1),
                   .secure = false,
                   .http_only = false,
                   .same_site = Cookie::SameSite::kStrict});
  EXPECT_EQ(all.headers.get("Set-Cookie"),
            "id=; Domain=example.org; Path=/x; Max-Age=3600; SameSite=Strict");
}

TEST(Response, SetCookieRefusesInjection) {
  Response response;
  const std::vector<Cookie> bad = {
      {.name = "", .value = ""},
      {.name = "a b", .value = ""},
      {.name = "a;b", .value = ""},
      {.name = "a", .value = "x; Domain=evil"},
      {.name = "a", .value = "x\r\nX: y"},
      {.name = "a", .value = "x", .path = "/; HttpOnly"},
      {.name = "a", .value = "x", .path = "/", .domain = "a\nb"},
      {.name = "a", .value = "x", .secure = false, .same_site = Cookie::SameSite::kNone},
      {.name = "__Secure-a", .value = "x", .secure = false},
      {.name = "__Host-a", .value = "x", .path = "/x"},
      {.name = "__Host-a", .value = "x", .domain = "example.org"}};
  for (const Cookie& cookie : bad) {
    EXPECT_THROW(set_cookie(response, cookie), std::invalid_argument)
        << cookie.name << cookie.value;
  }
  EXPECT_TRUE(response.headers.empty());
}

TEST(Response, ClientKeepsCookies) {
  App app;
  app.get("/in", [](Request&) {
    Response response = no_content();
    set_cookie(response, {.name = "s", .value = "7"});
    return response;
  });
  app.get("/me",
          [](Request& request) { return std::string(request.cookie("s").value_or("nobody")); });
  app.get("/out", [](Request&) {
    Response response = no_content();
    set_cookie(response, {.name = "s", .value = "", .max_age = Duration::zero()});
    return response;
  });
  TestClient client(app);
  EXPECT_EQ(client.get("/me").body, "nobody");
  EXPECT_EQ(client.get("/in").status, 204);
  EXPECT_EQ(client.get("/me").body, "7");
  client.get("/out");
  EXPECT_EQ(client.get("/me").body, "nobody");
}

TEST(Response, RedirectCannotSplitTheResponse) {
  EXPECT_EQ(redirect("/a b\r\nX: y").headers.get("Location"), "/a%20b%0D%0AX:%20y");
  EXPECT_EQ(redirect("/ü?q=1#f").headers.get("Location"), "/%C3%BC?q=1#f");
  EXPECT_EQ(redirect("/x").status, 303);
}

}  // namespace
}  // namespace saola::web
