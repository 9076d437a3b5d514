// The dashboard's files, part of the program.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace saola::split_service {

struct DashboardFile {
  std::string path;  // "/", "/ui/dashboard.js"
  std::string content_type;
  std::string_view text;
  std::string etag;  // of this program's version of it, quoted
};

std::span<const DashboardFile> dashboard_files();

}  // namespace saola::split_service
