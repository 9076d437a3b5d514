// A folder that ends with the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <saola/base/check.hpp>

namespace saola::jobs_sqlite {

class TempFolder {
 public:
  TempFolder() {
    path_ = (std::filesystem::temp_directory_path() / "saola-jobs-XXXXXX").native();
    SAOLA_CHECK(::mkdtemp(path_.data()) != nullptr, "no temporary folder");
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace saola::jobs_sqlite
