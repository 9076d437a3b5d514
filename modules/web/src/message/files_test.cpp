#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/web/app.hpp>
#include <saola/web/files.hpp>
#include <saola/web/test_client.hpp>

namespace saola::web {
namespace {

namespace fs = std::filesystem;

struct FilesTest : testing::Test {
  fs::path root = fs::temp_directory_path() / ("saola-files-" + std::to_string(::getpid()));
  App app;
  TestClient client{app};

  void SetUp() override {
    fs::remove_all(root);
    fs::create_directories(root / "public/js");
    write(root / "secret", "secret");
    write(root / "public/a.txt", "0123456789");
    write(root / "public/js/app.js", "1");
    write(root / "public/empty", "");
    fs::create_symlink("../secret", root / "public/out");
    fs::create_symlink(root / "secret", root / "public/absolute");
    fs::create_symlink("a.txt", root / "public/in");
    fs::create_symlink("..", root / "public/up");
    ASSERT_EQ(::mkfifo((root / "public/fifo").c_str(), 0600), 0);
    auto opened = Directory::open(root / "public");
    ASSERT_TRUE(opened);
    auto directory = std::make_shared<Directory>(*std::move(opened));
    app.get("/<path:name>", [directory](Request& request, std::string_view name) {
      return directory->send(request.raw(), name);
    });
  }
  void TearDown() override { fs::remove_all(root); }
  static void write(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }
};

TEST_F(FilesTest, SendsAFile) {
  const auto answer = client.get("/a.txt");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "0123456789");
  EXPECT_EQ(answer.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(answer.header("Accept-Ranges"), "bytes");
  EXPECT_THAT(answer.header("Last-Modified"), testing::EndsWith(" GMT"));
  EXPECT_EQ(client.get("/js/app.js").header("Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(client.get("/in").body, "0123456789");
  EXPECT_EQ(client.get("/empty").header("Content-Type"), "application/octet-stream");
  EXPECT_EQ(client.request("HEAD", "/a.txt").header("ETag"), answer.header("ETag"));
}

TEST_F(FilesTest, NothingOutsideTheFolder) {
  for (std::string_view bad :
       {"/../secret", "/%2e%2e/secret", "/..%2fsecret", "/%2e%2e%2fsecret", "/js/../../secret",
        "/js/%2e%2e/%2e%2e/secret", "/out", "/absolute", "/up/secret", "/%2Fetc%2Fpasswd", "/js",
        "/js/", "/nothing", "/fifo", "/a.txt/", "/a.txt/x"}) {
    const auto answer = client.get(bad);
    EXPECT_EQ(answer.status, 404) << bad;
    EXPECT_THAT(answer.body, testing::Not(testing::StartsWith("secret"))) << bad;
  }
  EXPECT_EQ(client.get("/a.txt%00.html").status, 400);
  EXPECT_EQ(client.get("/" + std::string(5000, 'x')).status, 404);
}

TEST_F(FilesTest, FolderThatIsNone) {
  EXPECT_EQ(Directory::open(root / "nothing").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(Directory::open(root / "secret").error().code(), ErrorCode::kNotFound);
}

TEST_F(FilesTest, Ranges) {
  struct Case {
    const char* range;
    int status;
    const char* content_range;
    const char* body;
  };
  for (const Case& c :
       {Case{"bytes=0-3", 206, "bytes 0-3/10", "0123"}, Case{"bytes=8-", 206, "bytes 8-9/10", "89"},
        Case{"bytes=-3", 206, "bytes 7-9/10", "789"},
        Case{"bytes=-99", 206, "bytes 0-9/10", "0123456789"},
        Case{"BYTES=5-99", 206, "bytes 5-9/10", "56789"},
        Case{"bytes=9-9", 206, "bytes 9-9/10", "9"},
        Case{"bytes=2-99999999999999999999999", 206, "bytes 2-9/10", "23456789"},
        Case{"bytes=3-2", 200, "", "0123456789"}, Case{"bytes=0-1,3-4", 200, "", "0123456789"},
        Case{"bytes=x", 200, "", "0123456789"}, Case{"bytes=-", 200, "", "0123456789"},
        Case{"bytes=1-x", 200, "", "0123456789"}, Case{"lines=1-2", 200, "", "0123456789"},
        Case{"bytes=+1-2", 200, "", "0123456789"}}) {
    const auto answer = client.get("/a.txt", {{"Range", c.range}});
    EXPECT_EQ(answer.status, c.status) << c.range;
    EXPECT_EQ(answer.header("Content-Range"), c.content_range) << c.range;
    EXPECT_EQ(answer.body, c.body) << c.range;
    EXPECT_TRUE(answer.complete);
  }
  for (const char* range : {"bytes=10-", "bytes=-0", "bytes=99999999999999999999-"}) {
    const auto answer = client.get("/a.txt", {{"Range", range}});
    EXPECT_EQ(answer.status, 416) << range;
    EXPECT_EQ(answer.header("Content-Range"), "bytes */10");
  }
  EXPECT_EQ(client.get("/empty", {{"Range", "bytes=0-"}}).status, 416);
  EXPECT_EQ(client.request("HEAD", "/a.txt", {}, {{"Range", "bytes=0-1"}}).status, 200);
}

TEST_F(FilesTest, Conditions) {
  const auto first = client.get("/a.txt");
  const std::string tag(first.header("ETag"));
  const std::string modified(first.header("Last-Modified"));
  const auto status = [&](std::string name, std::string value) {
    return client.get("/a.txt", {{std::move(name), std::move(value)}}).status;
  };
  EXPECT_EQ(status("If-None-Match", tag), 304);
  EXPECT_EQ(status("If-None-Match", "\"x, y\", W/" + tag), 304);
  EXPECT_EQ(status("If-None-Match", "*"), 304);
  EXPECT_EQ(status("If-None-Match", "\"x\""), 200);
  EXPECT_EQ(status("If-None-Match", tag.substr(1)), 200);
  EXPECT_EQ(status("If-Match", tag), 200);
  EXPECT_EQ(status("If-Match", "*"), 200);
  EXPECT_EQ(status("If-Match", "W/" + tag), 412);
  EXPECT_EQ(status("If-Match", "\"x\""), 412);
  EXPECT_EQ(status("If-Modified-Since", modified), 304);
  EXPECT_EQ(status("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"), 200);
  EXPECT_EQ(status("If-Modified-Since", "yesterday"), 200);
  EXPECT_EQ(status("If-Unmodified-Since", modified), 200);
  EXPECT_EQ(status("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"), 412);
  const auto unchanged = client.get("/a.txt", {{"If-None-Match", tag}});
  EXPECT_EQ(unchanged.body, "");
  EXPECT_EQ(unchanged.header("ETag"), tag);
  EXPECT_EQ(
      client.get("/a.txt", {{"If-None-Match", "\"x\""}, {"If-Modified-Since", modified}}).status,
      200)
      << "the tag decides when both are there";
}

TEST_F(FilesTest, IfRange) {
  // A date is a strong validator only for a file that did not just change.
  fs::last_write_time(root / "public/a.txt",
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  const auto first = client.get("/a.txt");
  const auto status = [&](std::string value) {
    return client.get("/a.txt", {{"Range", "bytes=0-1"}, {"If-Range", std::move(value)}}).status;
  };
  EXPECT_EQ(status(std::string(first.header("ETag"))), 206);
  EXPECT_EQ(status("W/" + std::string(first.header("ETag"))), 200);
  EXPECT_EQ(status("\"old\""), 200);
  EXPECT_EQ(status(std::string(first.header("Last-Modified"))), 206);
  EXPECT_EQ(status("Thu, 01 Jan 1970 00:00:00 GMT"), 200);
  EXPECT_EQ(status("nonsense"), 200);
}

TEST_F(FilesTest, ReplacedFileHasAnotherTag) {
  const std::string before(client.get("/a.txt").header("ETag"));
  write(root / "public/new", "0123456789");
  fs::rename(root / "public/new", root / "public/a.txt");
  EXPECT_NE(client.get("/a.txt").header("ETag"), before);
}

TEST(MakeConditional, SharedTextWithATag) {
  App app;
  const auto page = std::make_shared<const std::string>("<html>");
  app.get("/", [&](Request& request) {
    Response response(200);
    response.headers.add("ETag", "\"v1\"");
    response.body = page;
    return make_conditional(request.raw(), std::move(response));
  });
  TestClient client(app);
  EXPECT_EQ(client.get("/").body, "<html>");
  EXPECT_EQ(client.get("/", {{"If-None-Match", "\"v1\""}}).status, 304);
  const auto failed = client.get("/", {{"If-Match", "\"v2\""}});
  EXPECT_EQ(failed.status, 412);
  EXPECT_EQ(failed.header("Content-Type"), "application/problem+json");
}

}  // namespace
}  // namespace saola::web
