#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "split_service.hpp"

namespace saola::split_service {
namespace {

// Regenerate with:
//   build/bin/split-service serve --print-settings-reference > docs/split-service-settings.md
TEST(SettingsPage, IsUpToDate) {
  std::ifstream file(SAOLA_SOURCE_DIR "/docs/split-service-settings.md");
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  EXPECT_TRUE(page == make_split_service()->settings_reference())
      << "docs/split-service-settings.md is out of date; the comment above says how to make it "
         "anew";
}

}  // namespace
}  // namespace saola::split_service
