#include "settings/settings_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <saola/base/unique_fd.hpp>

// Errors as values; must stand before the include.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace saola::server {
namespace {

std::string with_dashes(std::string_view key) {
  std::string out(key);
  std::ranges::replace(out, '_', '-');
  return out;
}

// Text of a scalar; nullopt for dates, arrays and tables.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Result<std::vector<FileEntry>> read() {
    auto text = read_file();
    if (!text)
      return fail(
          std::move(text.error()).wrap(fmt::format("the config file {} cannot be read", path_)));
    const toml::parse_result parsed = toml::parse(*text, path_);
    if (!parsed) {
      const toml::parse_error& error = parsed.error();
      return fail(ErrorCode::kInvalidArgument, "{}:{}: not TOML: {}", path_,
                  error.source().begin.line, error.description());
    }
    for (const auto& [key, node] : parsed.table()) add(with_dashes(key.str()), node);
    if (!mistakes_.empty()) return fail(ErrorCode::kInvalidArgument, "{}", mistakes_);
    std::ranges::stable_sort(entries_, {}, &FileEntry::line);
    return std::move(entries_);
  }

 private:
  Result<std::string> read_file() const {
    const unique_fd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    char buffer[16 * 1024];
    ssize_t got = -1;
    while (file && (got = ::read(file.get(), buffer, sizeof buffer)) > 0) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
    if (got < 0) return fail(ErrorCode::kNotFound, "{}", std::strerror(errno));
    return text;
  }

  static int line_of(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

  void mistake(const toml::node& node, std::string_view text) {
    if (!mistakes_.empty()) mistakes_ += '\n';
    mistakes_ += fmt::format("{}:{}: {}", path_, line_of(node), text);
  }

  void add(std::string key, const toml::node& node) {
    if (const toml::table* tables = node.as_table()) {
      if (tables->empty()) {
        entries_.push_back({.key = key, .in_table = true, .line = line_of(node)});
      }
      for (const auto& [name, inner] : *tables) add_table(key, name.str(), inner);
      return;
    }
    FileEntry entry{.key = std::move(key), .line = line_of(node)};
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& element : *array) {
        const auto text = scalar_text(element);
        if (!text) return mistake(element, fmt::format("{} takes a list of texts", entry.key));
        entry.texts.push_back(*text);
      }
    } else if (const auto text = scalar_text(node)) {
      entry.texts.push_back(*text);
    } else {
      return mistake(node, fmt::format("{} takes a text, a number or true and false", entry.key));
    }
    entries_.push_back(std::move(entry));
  }

  void add_table(const std::string& key, std::string_view name, const toml::node& node) {
    const toml::table* fields = node.as_table();
    if (fields == nullptr) {
      // A scalar below [key]: told as an unknown key by whoever knows the rows.
      entries_.push_back({.key = fmt::format("{}.{}", key, with_dashes(name)),
                          .texts = {scalar_text(node).value_or("")},
                          .line = line_of(node)});
      return;
    }
    FileEntry entry{.key = key, .in_table = true, .name = std::string(name), .line = line_of(node)};
    if (fields->empty()) entries_.push_back(entry);
    for (const auto& [field, inner] : *fields) {
      const auto text = scalar_text(inner);
      entry.field = with_dashes(field.str());
      entry.line = line_of(inner);
      if (!text) {
        mistake(inner, fmt::format("{}.{}.{} takes a text, a number or true and false", key, name,
                                   entry.field));
        continue;
      }
      entry.texts = {*text};
      entries_.push_back(entry);
    }
  }

  const std::string path_;
  std::vector<FileEntry> entries_;
  std::string mistakes_;
};

}  // namespace

Result<std::vector<FileEntry>> read_settings_file(const std::string& path) {
  return Reader(path).read();
}

}  // namespace saola::server
