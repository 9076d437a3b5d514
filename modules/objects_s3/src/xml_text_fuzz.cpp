#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "xml_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view xml(reinterpret_cast<const char*>(data), size);
  if (saola::objects_s3::xml_text(xml, "Code", 64).size() > 64 + 4) std::abort();
  (void)saola::objects_s3::xml_text(xml, "UploadId");
  return 0;
}
