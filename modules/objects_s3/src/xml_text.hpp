// The text of one element out of an S3 answer: a tolerant scanner, for what it reads is a peer's.
#pragma once

#include <string>
#include <string_view>

namespace saola::objects_s3 {

// The text of the first element called `element` (in any namespace prefix), with entities decoded,
// control characters made spaces, at most `max_bytes` of it; empty when there is none or what is
// there is not understood. Never fails, reads each byte once or twice.
std::string xml_text(std::string_view xml, std::string_view element, std::size_t max_bytes = 1024);

}  // namespace saola::objects_s3
