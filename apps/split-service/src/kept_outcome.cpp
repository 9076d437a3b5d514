#include "kept_outcome.hpp"

#include <zlib.h>

#include <sstream>

#include <fmt/core.h>

namespace saola::split_service {
namespace {

constexpr std::string_view kHead = "SPLIT1";
// More than any split of the largest source has; keeps a damaged checkpoint from asking for more.
constexpr std::size_t kMost = std::size_t{1} << 32;

}  // namespace

std::string pack(const KeptOutcome& outcome) {
  std::string all = outcome.summary;
  std::string out = fmt::format("{} {}", kHead, outcome.summary.size());
  for (const KeptFile& file : outcome.files) {
    out += fmt::format(" {} {} {}", file.role, file.ending, file.bytes.size());
    all += file.bytes;
  }
  out += '\n';
  const std::size_t head = out.size();
  uLongf size = ::compressBound(all.size());
  out.resize(head + size);
  if (::compress2(reinterpret_cast<Bytef*>(out.data() + head), &size,
                  reinterpret_cast<const Bytef*>(all.data()), all.size(), Z_BEST_SPEED) != Z_OK) {
    return "";
  }
  out.resize(head + size);
  return out;
}

std::optional<KeptOutcome> unpack(std::string_view checkpoint) {
  const std::size_t end = checkpoint.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::istringstream head{std::string(checkpoint.substr(0, end))};
  std::string word;
  std::size_t total = 0;
  if (!(head >> word) || word != kHead || !(head >> total)) return std::nullopt;
  KeptOutcome out;
  std::vector<std::size_t> sizes{total};
  KeptFile file;
  for (std::size_t size = 0; head >> file.role >> file.ending >> size;) {
    if (size > kMost) return std::nullopt;
    total += size;
    sizes.push_back(size);
    out.files.push_back(file);
  }
  if (!head.eof() || total > kMost) return std::nullopt;
  const std::string_view packed = checkpoint.substr(end + 1);
  std::string all(total, '\0');
  uLongf size = all.size();
  if (::uncompress(reinterpret_cast<Bytef*>(all.data()), &size,
                   reinterpret_cast<const Bytef*>(packed.data()), packed.size()) != Z_OK ||
      size != all.size()) {
    return std::nullopt;
  }
  out.summary = all.substr(0, sizes[0]);
  for (std::size_t i = 0, at = sizes[0]; i < out.files.size(); at += sizes[++i]) {
    out.files[i].bytes = all.substr(at, sizes[i + 1]);
  }
  return out;
}

}  // namespace saola::split_service
