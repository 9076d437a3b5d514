#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <saola/objects/object_name.hpp>

// What parses prints as it was read, and never names a way out of a directory.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using saola::objects::ObjectName;
  using saola::objects::ObjectPrefix;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = ObjectName::parse(text)) {
    if (name->to_string() != text || name->key().empty()) std::abort();
    if (("/" + name->key() + "/").find("/../") != std::string::npos) std::abort();
    if (name->key().find('\0') != std::string::npos) std::abort();
  }
  if (const auto prefix = ObjectPrefix::parse(text)) {
    const auto again = ObjectPrefix::parse(prefix->to_string());
    if (!prefix->key().empty() && !prefix->key().ends_with('/')) std::abort();
    if (prefix->key().size() <= 1024 && (!again || *again != *prefix)) std::abort();
  }
  return 0;
}
