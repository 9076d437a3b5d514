#include "access/sessions.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <sstream>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <saola/base/trusted_path.hpp>
#include <saola/base/unique_fd.hpp>

namespace saola::server {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kHashDigits = 16;
constexpr std::size_t kKeysKept = 2;

std::string mac_of(std::string_view key, std::string_view text) {
  std::array<std::uint8_t, 32> mac{};
  unsigned size = mac.size();
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  return to_hex(mac);
}

std::string short_hash(const Token& token) {
  return to_hex(token.hash).substr(0, kHashDigits);
}

std::int64_t now(const Clock& clock) {
  return std::chrono::floor<std::chrono::seconds>(clock.system_now().time_since_epoch()).count();
}

// Beside the file and then in its place, so that it is never seen half.
Result<void> write_keys(const std::string& path, const Place& place,
                        const std::vector<std::string>& keys) {
  const int folder = place.folder.get();
  const std::string fresh = fmt::format("{}.{}", place.name, random_text(9));
  const std::string text = fmt::format("{}\n", fmt::join(keys, "\n"));
  const unique_fd file(
      ::openat(folder, fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file.get()) != 0 ||
      ::renameat(folder, fresh.c_str(), folder, place.name.c_str()) != 0) {
    const int error = errno;
    if (file) ::unlinkat(folder, fresh.c_str(), 0);
    return fail(errno_error(error, fmt::format("cannot write {}", path)));
  }
  return {};
}

}  // namespace

std::string Sessions::open(const Token& token) const {
  const auto until = now(*clock_) + std::chrono::ceil<std::chrono::seconds>(length_).count();
  const std::string text = fmt::format("1:{}:{}:{}", token.name, until, short_hash(token));
  return fmt::format("{}:{}", text, mac_of(keys_.front(), text));
}

const Token* Sessions::find(std::span<const Token> tokens, std::string_view cookie) const {
  const std::size_t end = cookie.rfind(':');
  if (end == std::string_view::npos) return nullptr;
  const std::string_view text = cookie.substr(0, end);
  const std::string_view mac = cookie.substr(end + 1);
  bool ours = false;
  for (const std::string& key : keys_) {
    const std::string wanted = mac_of(key, text);
    ours = ours || (mac.size() == wanted.size() &&
                    ::CRYPTO_memcmp(mac.data(), wanted.data(), wanted.size()) == 0);
  }
  if (!ours) return nullptr;
  // From here on it is what open() made.
  const std::size_t hash_at = text.rfind(':');
  const std::size_t until_at = text.rfind(':', hash_at - 1);
  std::int64_t until = 0;
  std::from_chars(text.data() + until_at + 1, text.data() + hash_at, until);
  if (now(*clock_) >= until) return nullptr;
  const std::string_view name = text.substr(2, until_at - 2);
  const std::string_view hash = text.substr(hash_at + 1);
  for (const Token& token : tokens) {
    if (token.name == name && short_hash(token) == hash) return &token;
  }
  return nullptr;
}

Result<std::vector<std::string>> session_keys(const std::string& path) {
  const auto place = find_place(path);
  if (!place) return fail(place);
  const unique_fd file(::openat(place->folder.get(), place->name.c_str(),
                                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) {
    std::vector<std::string> keys{random_text(kKeyBytes)};
    if (auto written = write_keys(path, *place, keys); !written) return fail(written);
    return keys;
  }
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0) {
    return fail(errno_error(errno, fmt::format("cannot read {}", path)));
  }
  if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0) {
    return fail(
        ErrorCode::kPermissionDenied,
        "{} is not a file of this user alone, so others may know the keys in it; delete it, "
        "and the server makes a new one",
        path);
  }
  std::string text(4096, '\0');
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  if (got < 0) return fail(errno_error(errno, fmt::format("cannot read {}", path)));
  text.resize(static_cast<std::size_t>(got));
  std::vector<std::string> keys;
  std::istringstream lines(text);
  for (std::string key; lines >> key;) {
    if (key.size() < kKeyBytes) {
      return fail(ErrorCode::kDataCorrupt,
                  "{} holds a key that is too short; delete it, and the server makes a new one",
                  path);
    }
    keys.push_back(std::move(key));
  }
  if (keys.empty()) {
    return fail(ErrorCode::kDataCorrupt, "{} is empty; delete it, and the server makes a new one",
                path);
  }
  return keys;
}

Result<void> rotate_session_key(const std::string& path) {
  auto keys = session_keys(path);
  if (!keys) return fail(keys);
  keys->insert(keys->begin(), random_text(kKeyBytes));
  if (keys->size() > kKeysKept) keys->resize(kKeysKept);
  const auto place = find_place(path);
  if (!place) return fail(place);
  return write_keys(path, *place, *keys);
}

}  // namespace saola::server
