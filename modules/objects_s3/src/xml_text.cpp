#include "xml_text.hpp"

#include <charconv>
#include <cstdint>

namespace saola::objects_s3 {
namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x20 || code == 0x7f || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    out += ' ';
  } else if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// Appends what "&body;" stands for; false when it stands for nothing known.
bool append_entity(std::string& out, std::string_view body) {
  if (body == "amp") return out += '&', true;
  if (body == "lt") return out += '<', true;
  if (body == "gt") return out += '>', true;
  if (body == "quot") return out += '"', true;
  if (body == "apos") return out += '\'', true;
  if (!body.starts_with('#')) return false;
  body.remove_prefix(1);
  int base = 10;
  if (body.starts_with('x')) {
    base = 16;
    body.remove_prefix(1);
  }
  std::uint32_t code = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), code, base);
  if (error != std::errc() || end != body.data() + body.size()) return false;
  append_utf8(out, code);
  return true;
}

}  // namespace

std::string xml_text(std::string_view xml, std::string_view element, std::size_t max_bytes) {
  for (std::size_t open = xml.find('<'); open != std::string_view::npos;
       open = xml.find('<', open + 1)) {
    const std::size_t close = xml.find('>', open);
    if (close == std::string_view::npos) return "";
    // "<a<b>": the tag is the last one opened; going on from there keeps this linear.
    open = xml.rfind('<', close);
    std::string_view tag = xml.substr(open + 1, close - open - 1);
    if (tag.ends_with('/')) continue;
    tag = tag.substr(0, tag.find_first_of(" \t\r\n"));
    if (const auto colon = tag.find(':'); colon != std::string_view::npos) {
      tag.remove_prefix(colon + 1);
    }
    if (tag != element) continue;

    std::string out;
    const std::string_view text = xml.substr(close + 1, xml.find('<', close) - close - 1);
    for (std::size_t i = 0; i < text.size() && out.size() < max_bytes; ++i) {
      if (text[i] == '&') {
        const std::string_view rest = text.substr(i + 1, 12);
        const std::size_t end = rest.find(';');
        if (end != std::string_view::npos && append_entity(out, rest.substr(0, end))) {
          i += end + 1;
          continue;
        }
      }
      const auto byte = static_cast<unsigned char>(text[i]);
      out += byte < 0x20 || byte == 0x7f ? ' ' : text[i];
    }
    return out;
  }
  return "";
}

}  // namespace saola::objects_s3
