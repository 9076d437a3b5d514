#include "routing/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/web/errors.hpp>

namespace saola::web {
namespace {

using http::Method;
using Outcome = Router::Outcome;

// A router of GET routes numbered from 0, and what it finds, as text: "1 a=x b=y", "308 /a/",
// "404".
struct Table {
  Router router;
  std::vector<Pattern> patterns;

  Table(std::initializer_list<std::string_view> texts) {
    for (std::string_view text : texts) add(text, {Method::kGet});
  }
  void add(std::string_view text, const Methods& methods) {
    patterns.push_back(Pattern::parse(text));
    router.add(patterns.back(), methods, patterns.size() - 1);
  }
  std::string operator()(std::string_view path, Method method = Method::kGet) const {
    Router::Match match;
    router.match(method, path, match);
    switch (match.outcome) {
      case Outcome::kFound: {
        std::string out = patterns[match.route].text;
        for (std::size_t i = 0; i < match.params.size; ++i) {
          out += fmt::format(" [{}]", match.params.values[i].text);
        }
        return out;
      }
      case Outcome::kRedirect:
        return "308 " + match.redirect;
      case Outcome::kNotFound:
        return "404";
      case Outcome::kMethodNotAllowed:
        return "405 " + match.allowed.to_string();
      case Outcome::kBadPath:
        return "400";
    }
    return "?";
  }
};

TEST(Router, LiteralsAndRoot) {
  const Table find = {"/", "/a", "/a/b", "/ab"};
  EXPECT_EQ(find("/"), "/");
  EXPECT_EQ(find("/a"), "/a");
  EXPECT_EQ(find("/a/b"), "/a/b");
  EXPECT_EQ(find("/ab"), "/ab");
  EXPECT_EQ(find("/A"), "404");
  EXPECT_EQ(find("/a/b/c"), "404");
  EXPECT_EQ(find("/a/"), "404");
}

TEST(Router, MostSpecificWinsWhateverTheOrder) {
  const Table find = {"/<path:p>",           "/<name>",  "/<string(length=2):n>",
                      "/<float:f>",          "/<int:i>", "/<uuid:u>",
                      "/<any(red,green):c>", "/seven",   "/v<name>"};
  EXPECT_EQ(find("/seven"), "/seven");
  EXPECT_EQ(find("/red"), "/<any(red,green):c> [red]");
  EXPECT_EQ(find("/0192f0c1-2345-7890-abcd-ef0123456789"),
            "/<uuid:u> [0192f0c1-2345-7890-abcd-ef0123456789]");
  EXPECT_EQ(find("/42"), "/<int:i> [42]");
  EXPECT_EQ(find("/4.2"), "/<float:f> [4.2]");
  EXPECT_EQ(find("/ab"), "/<string(length=2):n> [ab]");
  EXPECT_EQ(find("/abc"), "/<name> [abc]");
  EXPECT_EQ(find("/v12"), "/v<name> [12]");
  EXPECT_EQ(find("/v"), "/<name> [v]");
  EXPECT_EQ(find("/abc/d"), "/<path:p> [abc/d]");
}

TEST(Router, GoesBackWhenALiteralLeadsNowhere) {
  const Table find = {"/a/b/c", "/<x>/b/d", "/<x>/<y>/e"};
  EXPECT_EQ(find("/a/b/c"), "/a/b/c");
  EXPECT_EQ(find("/a/b/d"), "/<x>/b/d [a]");
  EXPECT_EQ(find("/a/b/e"), "/<x>/<y>/e [a] [b]");
  EXPECT_EQ(find("/a/b/f"), "404");
}

TEST(Router, PathParameterInTheMiddleAndAtTheEnd) {
  const Table find = {"/files/<path:p>/edit", "/files/<path:p>", "/dirs/<path:p>/"};
  EXPECT_EQ(find("/files/a"), "/files/<path:p> [a]");
  EXPECT_EQ(find("/files/a/b/edit"), "/files/<path:p>/edit [a/b]");
  EXPECT_EQ(find("/files/edit"), "/files/<path:p> [edit]");
  EXPECT_EQ(find("/files/a/b/"), "/files/<path:p> [a/b/]");
  EXPECT_EQ(find("/files/"), "404");
  EXPECT_EQ(find("/files"), "404");
  EXPECT_EQ(find("/dirs/a/b"), "308 /dirs/a/b/");
  EXPECT_EQ(find("/dirs/a/b/"), "/dirs/<path:p>/ [a/b]");
}

TEST(Router, PathsOfManySegments) {
  const Table find = {"/<path:p>"};
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "/x";
  EXPECT_EQ(find(deep), "/<path:p> [" + deep.substr(1) + "]");
  EXPECT_EQ(find(deep + "%20"), "/<path:p> [" + deep.substr(1) + " ]");
}

TEST(Router, IntLimits) {
  const Table find = {"/n/<int(min=2,max=10):i>", "/s/<int(signed=True):i>", "/i/<int:i>",
                      "/m/<int(min=-3):i>"};
  EXPECT_EQ(find("/n/1"), "404");
  EXPECT_EQ(find("/n/2"), "/n/<int(min=2,max=10):i> [2]");
  EXPECT_EQ(find("/n/11"), "404");
  EXPECT_EQ(find("/s/-5"), "/s/<int(signed=True):i> [-5]");
  EXPECT_EQ(find("/m/-3"), "/m/<int(min=-3):i> [-3]");
  EXPECT_EQ(find("/m/-4"), "404");
  EXPECT_EQ(find("/i/-5"), "404");
  EXPECT_EQ(find("/i/+5"), "404");
  EXPECT_EQ(find("/i/0x5"), "404");
  EXPECT_EQ(find("/i/ 5"), "404");
  EXPECT_EQ(find("/i/007"), "/i/<int:i> [007]");
  EXPECT_EQ(find("/i/9223372036854775807"), "/i/<int:i> [9223372036854775807]");
  EXPECT_EQ(find("/i/9223372036854775808"), "404");
  EXPECT_EQ(find("/i/%35"), "/i/<int:i> [5]");
}

TEST(Router, FloatUuidAndStringLimits) {
  const Table find = {"/f/<float:f>", "/g/<float(signed=True,max=1):f>", "/u/<uuid:u>",
                      "/s/<string(minlength=2,maxlength=3):s>", "/a/<any(a b,c):w>"};
  EXPECT_EQ(find("/f/1.5"), "/f/<float:f> [1.5]");
  for (std::string_view bad :
       {"/f/1", "/f/.5", "/f/5.", "/f/-1.5", "/f/1e5", "/f/inf", "/f/nan", "/g/1.01"}) {
    EXPECT_EQ(find(bad), "404") << bad;
  }
  EXPECT_EQ(find("/g/-1.5"), "/g/<float(signed=True,max=1):f> [-1.5]");
  for (std::string_view bad :
       {"/u/0192f0c1-2345-7890-abcd-ef012345678", "/u/0192f0c1-2345-7890-abcd-ef01234567890",
        "/u/0192f0c1x2345-7890-abcd-ef0123456789", "/u/0192f0c1-2345-7890-abcd-ef012345678g"}) {
    EXPECT_EQ(find(bad), "404") << bad;
  }
  EXPECT_EQ(find("/u/0192F0C1-2345-7890-ABCD-EF0123456789").substr(0, 11), "/u/<uuid:u>");
  EXPECT_EQ(find("/s/a"), "404");
  EXPECT_EQ(find("/s/%C3%BC%C3%BC%C3%BC"), "/s/<string(minlength=2,maxlength=3):s> [üüü]");
  EXPECT_EQ(find("/s/abcd"), "404");
  EXPECT_EQ(find("/a/a%20b"), "/a/<any(a b,c):w> [a b]");
}

TEST(Router, TextAroundAParameter) {
  const Table find = {"/report-<int:year>.csv", "/<name>.csv", "/<name>"};
  EXPECT_EQ(find("/report-2026.csv"), "/report-<int:year>.csv [2026]");
  EXPECT_EQ(find("/report-x.csv"), "/<name>.csv [report-x]");
  EXPECT_EQ(find("/.csv"), "/<name> [.csv]");
}

TEST(Router, DecodesOnceAndKeepsSlashesInside) {
  const Table find = {"/<name>", "/<a>/<b>", "/caf\xC3\xA9"};
  EXPECT_EQ(find("/a%2Fb"), "/<name> [a/b]");
  EXPECT_EQ(find("/a%252Fb"), "/<name> [a%2Fb]");
  EXPECT_EQ(find("/a+b"), "/<name> [a+b]");
  EXPECT_EQ(find("/caf%C3%A9"), "/caf\xC3\xA9");
  EXPECT_EQ(find("/%2E%2E"), "/<name> [..]");
  EXPECT_EQ(find("/%2f%2F/x"), "/<a>/<b> [//] [x]");
}

TEST(Router, RefusesBrokenEscapesAndBytes) {
  const Table find = {"/<path:p>"};
  for (std::string_view bad : {"/%", "/%1", "/%g1", "/a/%ff/b", "/%c0%80", "/%ed%a0%80",
                               "/%f4%90%80%80", "/x%00", "/\xff"}) {
    EXPECT_EQ(find(bad), "400") << bad;
  }
}

TEST(Router, MissingAndRepeatedSlashes) {
  const Table find = {"/a/", "/b", "/", "/x/<int:i>/"};
  EXPECT_EQ(find("/a"), "308 /a/");
  EXPECT_EQ(find("//a//"), "308 /a/");
  EXPECT_EQ(find("//a"), "308 /a/");
  EXPECT_EQ(find("//b"), "308 /b");
  EXPECT_EQ(find("//"), "308 /");
  EXPECT_EQ(find("//c"), "404");
  EXPECT_EQ(find("/x//%35"), "308 /x/%35/");
  EXPECT_EQ(find("/x//x"), "404");
}

TEST(Router, MethodsOfAllPatternsThatFit) {
  Table find = {"/jobs/<int:id>", "/a/"};
  find.add("/jobs/<name>", {Method::kPost});
  find.add("/jobs/<name>", {Method::kDelete});
  EXPECT_EQ(find("/jobs/7", Method::kPost), "/jobs/<name> [7]");
  EXPECT_EQ(find("/jobs/7", Method::kPut), "405 GET, HEAD, POST, DELETE");
  EXPECT_EQ(find("/jobs/x", Method::kGet), "405 POST, DELETE");
  EXPECT_EQ(find("/jobs/x", Method::kOther), "405 POST, DELETE");
  EXPECT_EQ(find("/a", Method::kPost), "405 GET, HEAD") << "no redirect to what cannot be";
  EXPECT_EQ(find("//jobs/7", Method::kPut), "405 GET, HEAD, POST, DELETE");
}

TEST(Router, HeadComesWithGetUnlessItHasItsOwn) {
  Table find = {"/a"};
  EXPECT_EQ(find("/a", Method::kHead), "/a");
  find.add("/a", {Method::kHead});
  EXPECT_THROW(find.add("/a", {Method::kHead}), SetupError);
  Table other = {};
  other.add("/a", {Method::kHead});
  EXPECT_NO_THROW(other.add("/a", {Method::kGet}));
}

TEST(Router, ConflictsAreRefusedAndChangeNothing) {
  Table find = {"/a/<x>"};
  EXPECT_THROW(find.add("/a/<y>", {Method::kGet}), SetupError);
  EXPECT_THROW(find.add("/a/<string:y>", {Method::kPost, Method::kGet}), SetupError);
  EXPECT_EQ(find("/a/1", Method::kPost), "405 GET, HEAD");
  EXPECT_NO_THROW(find.add("/a/<y>", {Method::kPost}));
  EXPECT_NO_THROW(find.add("/a/<int:y>", {Method::kGet}));
  EXPECT_NO_THROW(find.add("/a/<y>/", {Method::kGet}));
}

TEST(Router, ManyPatternsThatAlmostFitStayFast) {
  // Each level has a literal and a parameter that both fit: a search without bounds would double
  // with every level, were the branches not a tree of their own.
  Table find = {};
  std::string path;
  for (int i = 0; i < 8; ++i) {
    path += "/a";
    std::string pattern;
    for (int k = 0; k <= i; ++k) pattern += k % 2 == 0 ? fmt::format("/<v{}>", k) : "/a";
    find.add(pattern + "/end", {Method::kGet});
  }
  find.add("/<path:p>/x/y/z", {Method::kGet});
  std::string deep;
  for (int i = 0; i < 4000; ++i) deep += "/a";
  EXPECT_EQ(find(deep), "404");
}

TEST(Pattern, BadOnesAreRefusedWithAReason) {
  for (std::string_view bad : {"",
                               "a",
                               "/a//b",
                               "/<",
                               "/<a",
                               "/a>",
                               "/<>",
                               "/<int:>",
                               "/<1a>",
                               "/<foo:a>",
                               "/<int(min=x):a>",
                               "/<int(low=1):a>",
                               "/<int(min=1:a>",
                               "/<a>-<b>",
                               "/<a>/<a>",
                               "/x<path:a>",
                               "/<path:a>/<path:b>",
                               "/<any:a>",
                               "/<any():a>",
                               "/<string(min=1):a>",
                               "/<a>/<b>/<c>/<d>/<e>/<f>/<g>/<h>/<i>"}) {
    EXPECT_THROW(Pattern::parse(bad), SetupError) << bad;
  }
  try {
    Pattern::parse("/<flaot:x>");
    FAIL();
  } catch (const SetupError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("Did you mean 'float'?"));
  }
}

}  // namespace
}  // namespace saola::web
