// A folder that ends with the test. In namespace saola, so that the tests there may go on to say
// `testing` for GoogleTest.
//
//   TempFolder folder;
//   write_file(folder / "input.csv", "a,b\n1,2\n");
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include <saola/base/check.hpp>

namespace saola {

// Empty at first, this user's alone (0700), below the system's temporary directory; it and what is
// in it go away with the object. Not for code that forks and lets both sides end: the first removes
// it.
class TempFolder {
 public:
  TempFolder() : path_((std::filesystem::temp_directory_path() / "saola-XXXXXX").native()) {
    SAOLA_CHECK(::mkdtemp(path_.data()) != nullptr, "no temporary folder");
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  // Absolute, without a slash at its end.
  const std::string& path() const { return path_; }
  // What has that name in it.
  std::string operator/(const char* name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

}  // namespace saola
