#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <saola/objects/directory_store.hpp>
#include <saola/testing/temp_folder.hpp>

namespace saola::objects {
namespace {

namespace fs = std::filesystem;

class DirectoryStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = base_ + "/bucket";
    fs::create_directory(root_);
    std::ofstream(base_ + "/secret.txt") << "secret";
    std::ofstream(root_ + "/inside.txt") << "inside";
    store_ = DirectoryStore::open(root_).value();
  }

  ObjectName name(std::string_view key) { return ObjectName::make("samples", key).value(); }
  ErrorCode get_code(std::string_view key) {
    const auto bytes = store_->get_bytes(name(key), 1000, {});
    if (bytes) ADD_FAILURE() << key << " was read: " << *bytes;
    return bytes ? ErrorCode::kInternal : bytes.error().code();
  }
  std::vector<std::string> entries() {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(root_)) out.push_back(entry.path().filename());
    std::ranges::sort(out);
    return out;
  }

  const TempFolder folder_;
  const std::string base_ = folder_.path();
  std::string root_;
  std::unique_ptr<DirectoryStore> store_;
};

TEST_F(DirectoryStoreTest, LinksOutsideAreRefused) {
  fs::create_symlink("../secret.txt", root_ + "/relative");
  fs::create_symlink(base_ + "/secret.txt", root_ + "/absolute");
  fs::create_symlink(root_ + "/inside.txt", root_ + "/absolute-inside");
  fs::create_symlink("..", root_ + "/up");
  fs::create_symlink("/proc/self/root", root_ + "/magic");
  fs::create_symlink("loop", root_ + "/loop");
  EXPECT_EQ(get_code("relative"), ErrorCode::kPermissionDenied);
  EXPECT_EQ(get_code("absolute"), ErrorCode::kPermissionDenied);
  EXPECT_EQ(get_code("absolute-inside"), ErrorCode::kPermissionDenied);
  EXPECT_EQ(get_code("up/secret.txt"), ErrorCode::kPermissionDenied);
  EXPECT_EQ(get_code("magic" + base_ + "/secret.txt"), ErrorCode::kPermissionDenied);
  EXPECT_EQ(get_code("loop"), ErrorCode::kPermissionDenied);
  EXPECT_FALSE(store_->put_bytes(name("up/new.txt"), "x", {}));
  EXPECT_FALSE(fs::exists(base_ + "/new.txt"));
}

TEST_F(DirectoryStoreTest, LinksInsideAreFollowed) {
  fs::create_directory(root_ + "/d");
  fs::create_symlink("../inside.txt", root_ + "/d/link");
  EXPECT_EQ(store_->get_bytes(name("d/link"), 100, {}).value(), "inside");
}

TEST_F(DirectoryStoreTest, PutReplacesALinkInsteadOfWritingThroughIt) {
  fs::create_symlink("../secret.txt", root_ + "/link");
  ASSERT_TRUE(store_->put_bytes(name("link"), "new", {}));
  EXPECT_FALSE(fs::is_symlink(root_ + "/link"));
  EXPECT_EQ(store_->get_bytes(name("link"), 100, {}).value(), "new");
  EXPECT_EQ(fs::file_size(base_ + "/secret.txt"), 6u);
}

TEST_F(DirectoryStoreTest, WhatIsNoRegularFileIsRefusedWithoutWaiting) {
  fs::create_directory(root_ + "/folder");
  ASSERT_EQ(::mkfifo((root_ + "/fifo").c_str(), 0666), 0);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (root_ + "/socket").c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  for (const char* key : {"folder", "fifo", "socket"}) {
    EXPECT_EQ(get_code(key), ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store_->stat(name(key), {}).error().code(), ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store_->put_bytes(name(key), "x", {}).error().code(), ErrorCode::kInvalidArgument)
        << key;
  }
  EXPECT_EQ(store_->put_file(name("copy"), root_ + "/fifo", {}).error().code(),
            ErrorCode::kInvalidArgument);
  ::close(listener);
}

TEST_F(DirectoryStoreTest, KeysADirectoryCannotHold) {
  for (const char* key : {"a//b", "/inside.txt", "folder/", "/"}) {
    EXPECT_EQ(get_code(key), ErrorCode::kInvalidArgument) << key;
    EXPECT_EQ(store_->put_bytes(name(key), "x", {}).error().code(), ErrorCode::kInvalidArgument)
        << key;
  }
  EXPECT_EQ(store_->put_bytes(name(std::string(300, 'n')), "x", {}).error().code(),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(get_code("inside.txt/below"), ErrorCode::kNotFound);
  EXPECT_EQ(store_->put_bytes(name("inside.txt/below"), "x", {}).error().code(),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(entries(), std::vector<std::string>{"inside.txt"});
}

TEST_F(DirectoryStoreTest, PutMakesDirectories) {
  ASSERT_TRUE(store_->put_bytes(name("out/2026/a.csv"), "rows", {}));
  std::ifstream in(root_ + "/out/2026/a.csv");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "rows");
}

TEST_F(DirectoryStoreTest, ChangeUnderAReaderIsAConflict) {
  std::ofstream(root_ + "/grows") << std::string(1'000'000, 'a');
  bool grown = false;
  const auto result = store_->get(name("grows"),
                                  [&](std::span<const std::byte>) -> Result<void> {
                                    if (!grown)
                                      std::ofstream(root_ + "/grows", std::ios::app) << "more";
                                    grown = true;
                                    return {};
                                  },
                                  {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kConflict);
}

TEST_F(DirectoryStoreTest, FailedPutLeavesTheOldObjectAndNothingElse) {
  class Broken final : public ByteSource {
   public:
    std::uint64_t size() const override { return 1'000'000; }
    Result<void> read(std::uint64_t offset, std::span<std::byte>) const override {
      if (offset == 0) return {};
      return fail(ErrorCode::kInternal, "the source broke");
    }
  };
  const auto result = store_->put(name("inside.txt"), Broken(), {});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message().find("the source broke"), std::string::npos);
  EXPECT_EQ(store_->get_bytes(name("inside.txt"), 100, {}).value(), "inside");
  EXPECT_EQ(entries(), std::vector<std::string>{"inside.txt"});
}

TEST_F(DirectoryStoreTest, FullDiskIsResourceExhaustedAndLeavesNoFile) {
  const std::string content(4'000'000, 'x');
  // Where no file system may be mounted, a limit on the size of files stands in for the full disk.
  const bool mounted = ::mount("tmpfs", root_.c_str(), "tmpfs", 0, "size=1m") == 0;
  const auto store = DirectoryStore::open(root_).value();
  ASSERT_TRUE(store->put_bytes(name("inside.txt"), "old", {}));
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small{.rlim_cur = mounted ? limit.rlim_cur : 1'000'000, .rlim_max = limit.rlim_max};
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto result = store->put_bytes(name("inside.txt"), content, {});
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_FALSE(result);
  if (!result) {
    EXPECT_EQ(result.error().code(),
              mounted ? ErrorCode::kResourceExhausted : ErrorCode::kTooLarge);
    EXPECT_NE(result.error().message().find("s3://samples/inside.txt was not written"),
              std::string::npos);
  }
  EXPECT_EQ(store->get_bytes(name("inside.txt"), 10, {}).value(), "old");
  EXPECT_EQ(entries(), std::vector<std::string>{"inside.txt"});
  EXPECT_TRUE(!mounted || ::umount2(root_.c_str(), MNT_DETACH) == 0);
}

TEST_F(DirectoryStoreTest, KilledWriterLeavesNoHalfFile) {
  // The child dies in the middle of a put; what it had written has no name.
  class Deadly final : public ByteSource {
   public:
    std::uint64_t size() const override { return 10'000'000; }
    Result<void> read(std::uint64_t offset, std::span<std::byte>) const override {
      if (offset >= 5'000'000) ::_exit(9);
      return {};
    }
  };
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    (void)store_->put(name("inside.txt"), Deadly(), {});
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 9);
  EXPECT_EQ(store_->get_bytes(name("inside.txt"), 100, {}).value(), "inside");
  EXPECT_EQ(entries(), std::vector<std::string>{"inside.txt"});
}

TEST_F(DirectoryStoreTest, RenamedDirectoryStaysTheBucket) {
  fs::rename(root_, base_ + "/moved");
  EXPECT_EQ(store_->get_bytes(name("inside.txt"), 100, {}).value(), "inside");
}

TEST(DirectoryStore, OpenNeedsADirectory) {
  EXPECT_EQ(DirectoryStore::open("/nonexistent/bucket").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(DirectoryStore::open("/etc/passwd").error().code(), ErrorCode::kNotFound);
}

TEST(DirectoryStore, LeavesNoDescriptorOpen) {
  const auto count = [] {
    using It = fs::directory_iterator;
    return std::distance(It("/proc/self/fd"), It());
  };
  const TempFolder folder;
  const auto before = count();
  {
    auto store = DirectoryStore::open(folder.path()).value();
    const auto name = ObjectName::make("b", "d/k").value();
    ASSERT_TRUE(store->put_bytes(name, "x", {}));
    ASSERT_TRUE(store->get_bytes(name, 10, {}));
    EXPECT_FALSE(store->get_bytes(ObjectName::make("b", "d").value(), 10, {}));
  }
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace saola::objects
