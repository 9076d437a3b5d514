#include <algorithm>

#include <saola/http/headers.hpp>
#include <saola/http/media_type.hpp>

#include "grammar.hpp"
#include "list.hpp"

namespace saola::http {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), to_lower);
  return out;
}

// A token, or a quoted-string with its quotes and backslashes taken off.
std::optional<std::string> parameter_value(std::string_view text) {
  if (is_token(text)) return std::string(text);
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return std::nullopt;
    if (text[i] == '\\' && ++i == text.size()) return std::nullopt;
    out += text[i];
  }
  return out;
}

// qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ); -1 when it is not one.
int parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return -1;
  if (text.size() > 1 && text[1] != '.') return -1;
  int weight = (text[0] - '0') * 1000;
  int unit = 100;
  for (char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (!is(c, kDigit)) return -1;
    weight += (c - '0') * unit;
    unit /= 10;
  }
  return weight <= 1000 ? weight : -1;
}

// How closely an Accept range fits: 3 type/subtype, 2 type/*, 1 */*, 0 not at all.
int match(std::string_view range, std::string_view offered) {
  range = trim(range.substr(0, range.find(';')));
  if (iequals(range, offered)) return 3;
  if (range == "*/*") return 1;
  const auto slash = offered.find('/');
  return range.ends_with("/*") &&
                 iequals(range.substr(0, range.size() - 2), offered.substr(0, slash))
             ? 2
             : 0;
}

}  // namespace

std::optional<std::string_view> MediaType::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<MediaType> parse_media_type(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const std::string_view essence = take_part(text, ';');
  const auto slash = essence.find('/');
  if (slash == std::string_view::npos || !is_token(essence.substr(0, slash)) ||
      !is_token(essence.substr(slash + 1))) {
    return std::nullopt;
  }
  MediaType result{lower(essence.substr(0, slash)), lower(essence.substr(slash + 1)), {}};
  while (!text.empty()) {
    const std::string_view part = take_part(text, ';');
    if (part.empty()) continue;
    const auto equals = part.find('=');
    if (equals == std::string_view::npos || !is_token(part.substr(0, equals))) return std::nullopt;
    auto value = parameter_value(part.substr(equals + 1));
    if (!value) return std::nullopt;
    result.parameters.emplace_back(lower(part.substr(0, equals)), std::move(*value));
  }
  return result;
}

std::vector<QualityItem> parse_quality_list(std::string_view value) {
  std::vector<QualityItem> items;
  while (!value.empty()) {
    const std::string_view member = take_part(value, ',');
    if (member.empty()) continue;
    QualityItem item{member, 1000};
    std::string_view rest = member;
    take_part(rest, ';');
    while (!rest.empty()) {
      const auto before = static_cast<std::size_t>(rest.data() - member.data()) - 1;
      const std::string_view parameter = take_part(rest, ';');
      if (parameter.size() < 2 || to_lower(parameter[0]) != 'q' || parameter[1] != '=') continue;
      item.weight = parse_weight(parameter.substr(2));
      item.value = trim(member.substr(0, before));
      break;
    }
    if (item.weight >= 0) items.push_back(item);
  }
  return items;
}

std::optional<std::size_t> choose_media_type(std::string_view accept,
                                             std::span<const std::string_view> offered) {
  const auto items = parse_quality_list(accept);
  std::optional<std::size_t> best;
  int best_weight = 0;
  for (std::size_t i = 0; i < offered.size(); ++i) {
    int weight = items.empty() ? 1000 : 0;
    int closeness = 0;
    for (const QualityItem& item : items) {
      const int fit = match(item.value, offered[i]);
      if (fit > closeness) {
        closeness = fit;
        weight = item.weight;
      }
    }
    if (weight > best_weight) {
      best_weight = weight;
      best = i;
    }
  }
  return best;
}

int encoding_weight(std::string_view accept_encoding, std::string_view coding) {
  int any = iequals(coding, "identity") ? 1000 : 0;
  for (const QualityItem& item : parse_quality_list(accept_encoding)) {
    if (iequals(item.value, coding)) return item.weight;
    if (item.value == "*") any = item.weight;
  }
  return any;
}

}  // namespace saola::http
