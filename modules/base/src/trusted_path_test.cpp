#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include <saola/base/trusted_path.hpp>
#include <saola/testing/temp_folder.hpp>

namespace saola {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<void> append(const std::string& path, std::string_view text) {
  auto file = open_to_append(path);
  if (!file) return fail(file);
  EXPECT_EQ(::write(file->get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return {};
}

TEST(TrustedPath, OwnLinksAreFollowedAlongTheWay) {
  const TempFolder folder;
  fs::create_directories(folder.path() + "/real/logs");
  fs::create_directory_symlink("real", folder.path() + "/link");
  fs::create_symlink("logs/a", folder.path() + "/real/current");
  EXPECT_TRUE(append(folder.path() + "/link/./current", "1"));
  EXPECT_TRUE(append(folder.path() + "//link/logs/../current", "2"));
  EXPECT_EQ(text_of(folder.path() + "/real/logs/a"), "12");
  fs::create_symlink("round", folder.path() + "/round");
  EXPECT_FALSE(append(folder.path() + "/round", "3"));
  EXPECT_EQ(append(folder.path() + "/missing/a", "3").error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(append(folder.path() + "/real", "3"));
}

TEST(TrustedPath, LinksThatAnotherUserMadeAreNot) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to make another user's link";
  const TempFolder folder;
  fs::create_directory(folder.path() + "/etc");
  std::ofstream(folder.path() + "/etc/passwd") << "x";
  fs::create_symlink("etc/passwd", folder.path() + "/log");
  fs::create_directory_symlink("etc", folder.path() + "/logs");
  for (const char* link : {"/log", "/logs"}) {
    ASSERT_EQ(::lchown((folder.path() + link).c_str(), 65534, 65534), 0);
  }
  for (const char* path : {"/log", "/logs/passwd", "/logs/new"}) {
    const auto appended = append(folder.path() + path, "y");
    ASSERT_FALSE(appended) << path;
    EXPECT_THAT(appended.error().message(), HasSubstr("another user"));
  }
  EXPECT_EQ(text_of(folder.path() + "/etc/passwd"), "x");
  EXPECT_FALSE(fs::exists(folder.path() + "/etc/new"));
  EXPECT_FALSE(make_folders(folder.path() + "/logs/state"));
  fs::create_hard_link(folder.path() + "/etc/passwd", folder.path() + "/hard");
  EXPECT_THAT(append(folder.path() + "/hard", "y").error().message(), HasSubstr("hard link"));
}

TEST(TrustedPath, DevicesAndDescriptorsCanBeWrittenTo) {
  EXPECT_TRUE(append("/dev/null", "x"));
  EXPECT_TRUE(open_to_append("/dev/stderr"));
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder.path() + "/fifo").c_str(), 0600), 0);
  EXPECT_FALSE(open_to_append(folder.path() + "/fifo")) << "nobody reads it";
}

TEST(TrustedPath, FoldersAreMadeOnce) {
  const TempFolder folder;
  const std::string path = folder.path() + "/a//b/c/";
  EXPECT_EQ(make_folders(path).value(), true);
  EXPECT_TRUE(fs::is_directory(path));
  EXPECT_EQ(make_folders(path).value(), false);
  EXPECT_EQ(make_folders("/").value(), false);
  EXPECT_EQ(make_folders(".").value(), false);
  std::ofstream(folder.path() + "/file");
  EXPECT_FALSE(make_folders(folder.path() + "/file/x"));
}

}  // namespace
}  // namespace saola
