// Media types and content negotiation (RFC 9110 §8.3, §12).
//
//   const std::string_view offered[] = {"application/json", "text/html"};
//   const auto best = choose_media_type("text/*;q=0.5, application/json", offered);   // 0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace saola::http {

// A media type taken apart: "text/html; charset=utf-8". Names in lower case, values as sent with
// quotes taken off.
struct MediaType {
  std::string type;
  std::string subtype;
  std::vector<std::pair<std::string, std::string>> parameters;

  // The first parameter so named (lower case), or nullopt.
  std::optional<std::string_view> parameter(std::string_view name) const;
};

// nullopt when `text` is not type "/" subtype *( ";" parameter ).
//
//   const auto media = parse_media_type("Text/HTML; charset=\"utf-8\"");
//   media->subtype                     // "html"
//   media->parameter("charset")        // "utf-8"
std::optional<MediaType> parse_media_type(std::string_view text);

// One member of Accept, Accept-Encoding, …: a value and how much the client likes it.
struct QualityItem {
  std::string_view value;  // with parameters other than q; views into the field's value
  int weight = 1000;       // q in thousandths
};

// The members of a list with weights, in order; a member with a broken q is left out.
std::vector<QualityItem> parse_quality_list(std::string_view value);

// Which of `offered` ("text/html", without parameters) an Accept value likes best; of equals the
// one offered first; nullopt when it accepts none. An empty value accepts all.
std::optional<std::size_t> choose_media_type(std::string_view accept,
                                             std::span<const std::string_view> offered);

// The weight an Accept-Encoding value gives to `coding` in thousandths; 0 is "not acceptable".
//
//   encoding_weight("gzip;q=0.5, *;q=0", "gzip")     // 500
//   encoding_weight("gzip;q=0.5, *;q=0", "br")       // 0
int encoding_weight(std::string_view accept_encoding, std::string_view coding);

}  // namespace saola::http
