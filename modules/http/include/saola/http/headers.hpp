// Header fields: HeaderView looks at fields somebody else keeps (a request's), Headers owns those
// of a response. Both are ordered, compare names without case and may hold a name several times.
//
//   if (request.headers.list_contains("Accept-Encoding", "gzip")) …
//   response.headers.set("Cache-Control", "no-store");
//   response.headers.add("Set-Cookie", cookie);         // beside those that are there
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace saola::http {

// One field line: {"Content-Type", "text/csv"}. The value has no white space at its ends and no CR,
// LF or NUL inside. Views of somebody else's memory.
struct Field {
  std::string_view name;
  std::string_view value;

  friend bool operator==(const Field&, const Field&) = default;
};

// ASCII comparison without case; other bytes must be equal.
bool iequals(std::string_view a, std::string_view b);
// A token (RFC 9110 §5.6.2): at least one tchar.
bool is_token(std::string_view text);
// Bytes a field value may hold (RFC 9110 §5.5): visible ASCII, space, tab, 0x80–0xFF.
bool is_field_value(std::string_view text);
// `text` without spaces and tabs at its ends (OWS).
std::string_view trim(std::string_view text);

// Fields kept elsewhere, in the order received. Cheap to copy; valid as long as their owner says.
// Names are compared without case; looking one up is linear in the number of fields.
//
//   for (const Field& field : request.headers) show(field.name, field.value);
//   const auto type = request.headers.get_or("Content-Type", "text/plain");
class HeaderView {
 public:
  HeaderView() = default;
  explicit HeaderView(std::span<const Field> fields) : fields_(fields) {}

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  const Field& operator[](std::size_t i) const { return fields_[i]; }

  // The value of the first field so named, or nullopt.
  std::optional<std::string_view> get(std::string_view name) const;
  // get(), or `fallback`.
  std::string_view get_or(std::string_view name, std::string_view fallback) const;
  // All values of a list field joined by ", " (RFC 9110 §5.3); empty when there is none.
  std::string joined(std::string_view name) const;
  bool contains(std::string_view name) const { return get(name).has_value(); }
  // How many field lines have this name.
  std::size_t count(std::string_view name) const;
  // Whether a member of the comma-separated list `name` equals `token` without case, in any of its
  // field lines.
  //
  //   headers.list_contains("Connection", "close")     // "Connection: keep-alive, Close"
  bool list_contains(std::string_view name, std::string_view token) const;

 private:
  std::span<const Field> fields_;
};

// Fields of a message being made. Kept as the wire's own lines, so sending is one copy and a field
// costs no allocation of its own. What is not a token or not a legal value never gets in: a
// response cannot be split by data that went into a header.
//
//   Headers headers;
//   headers.set("Content-Type", "text/csv");
//   headers.set_default("Cache-Control", "no-store");
//   headers.lines()    // "Content-Type: text/csv\r\nCache-Control: no-store\r\n"
class Headers {
 public:
  Headers() = default;

  // Adds a field line; set() first removes those of the same name. The value is trimmed. Both throw
  // std::invalid_argument for a name that is no token or a value with a control byte (CR, LF, NUL).
  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);
  // set() unless the name is there already.
  void set_default(std::string_view name, std::string_view value);
  // Removes every field so named; returns how many.
  std::size_t remove(std::string_view name);
  void clear() { lines_.clear(); }

  // As for HeaderView; views are valid until the next change.
  std::optional<std::string_view> get(std::string_view name) const;
  std::string_view get_or(std::string_view name, std::string_view fallback) const;
  bool contains(std::string_view name) const { return get(name).has_value(); }
  bool empty() const { return lines_.empty(); }
  // All, in order; views as get()'s.
  std::vector<Field> fields() const;

  // "Name: value\r\n" for every field: what goes on the wire.
  std::string_view lines() const { return lines_; }

 private:
  std::string lines_;
};

// Takes the first line off `lines` (which has the form of Headers::lines()) and returns its field.
// REQUIRES: `lines` is not empty.
//
//   for (std::string_view rest = headers.lines(); !rest.empty();) show(take_line(rest).name);
Field take_line(std::string_view& lines);

}  // namespace saola::http
