#include <cmath>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/text.hpp>
#include <saola/http/uri.hpp>
#include <saola/web/described.hpp>
#include <saola/web/errors.hpp>

#include "json/json_pointer.hpp"
#include "json/json_reader.hpp"

namespace saola::web {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 32;
// Beyond these a double is no exact limit; fill() checks what a 64-bit integer can hold.
constexpr std::int64_t kExact = std::int64_t{1} << 53;

void append_text(std::string_view text, std::string& out) {
  out += json::serialize(json::string(text));
}

}  // namespace

FieldRules& FieldRules::doc(std::string text) {
  doc_ = std::move(text);
  return *this;
}
FieldRules& FieldRules::min(double limit) {
  min_ = limit;
  return *this;
}
FieldRules& FieldRules::max(double limit) {
  max_ = limit;
  return *this;
}
FieldRules& FieldRules::one_of(std::vector<std::string> words) {
  words_ = std::move(words);
  return *this;
}
FieldRules& FieldRules::required(bool yes) {
  required_ = yes;
  return *this;
}

FieldRules& Fields::operator[](std::string_view name) {
  if (std::ranges::find(names_, name) == names_.end()) {
    throw SetupError(
        fmt::format("describe() names the member '{}', which SAOLA_DESCRIBE does not list, so its "
                    "rules would never count.{} List it there, or correct the name.",
                    name, did_you_mean(name, names_)));
  }
  return rules_[std::string(name)];
}

const Shape& any_json_shape() {
  static const Shape shape = finished({});
  return shape;
}

void Shape::refine(void (*describe)(Fields&)) {
  std::vector<std::string_view> names;
  for (const Member& member : members) names.push_back(member.name);
  Fields fields(std::move(names));
  describe(fields);
  for (Member& member : members) {
    const auto rules = fields.rules_.find(member.name);
    if (rules == fields.rules_.end()) continue;
    member.rules = rules->second;
    member.required = member.rules.required_.value_or(member.required);
  }
}

namespace {

Schema plain_schema(const Shape& shape) {
  using Kind = Shape::Kind;
  switch (shape.kind) {
    case Kind::kBool:
      return Schema::boolean();
    case Kind::kInteger: {
      Schema schema = Schema::integer();
      if (shape.min > -kExact) schema = std::move(schema).min(static_cast<double>(shape.min));
      if (shape.max < static_cast<std::uint64_t>(kExact)) {
        schema = std::move(schema).max(static_cast<double>(shape.max));
      }
      return schema;
    }
    case Kind::kNumber:
      return Schema::number();
    case Kind::kText:
      return shape.words.empty() ? Schema::string() : Schema::string().one_of(shape.words);
    case Kind::kOptional:
      return Schema(shape.element->schema()).or_null();
    case Kind::kList:
      return Schema::array(shape.element->schema());
    case Kind::kMap:
      return Schema::map(shape.element->schema());
    case Kind::kStruct:
    case Kind::kAny:
      break;
  }
  return Schema::any();
}

}  // namespace

Shape finished(Shape shape) {
  if (shape.kind != Shape::Kind::kStruct) {
    shape.schema_ = plain_schema(shape);
    return shape;
  }
  std::vector<Schema::Field> fields;
  for (const Shape::Member& member : shape.members) {
    fields.push_back({std::string(member.name), member.rules.apply(member.shape->schema()),
                      member.required ? Required::kYes : Required::kNo});
    Schema& schema = fields.back().schema;
    if (!member.required && member.default_text != "null") {
      schema = std::move(schema).default_is(member.default_text);
    }
  }
  shape.schema_ = Schema::object(std::move(fields));
  return shape;
}

Schema FieldRules::apply(Schema schema) const {
  if (min_) schema = std::move(schema).min(*min_);
  if (max_) schema = std::move(schema).max(*max_);
  if (!words_.empty()) schema = std::move(schema).one_of(words_);
  if (!doc_.empty()) schema = std::move(schema).doc(doc_);
  return schema;
}

std::vector<http::FieldError> Shape::read(const json::value& value, void* object) const {
  std::vector<http::FieldError> errors = schema().check(value);
  if (errors.empty()) fill(value, object, "#", errors);
  return errors;
}

// REQUIRES: `value` has the schema's shape.
void Shape::fill(const json::value& value, void* object, const std::string& pointer,
                 std::vector<http::FieldError>& errors) const {
  switch (kind) {
    case Kind::kBool:
      set(object, Scalar(value.get_bool()));
      return;
    case Kind::kInteger: {
      boost::system::error_code bad;
      if (min < 0) {
        const auto number = value.to_number<std::int64_t>(bad);
        if (!bad) set(object, Scalar(number));
      } else {
        const auto number = value.to_number<std::uint64_t>(bad);
        if (!bad) set(object, Scalar(number));
      }
      if (bad) {
        errors.push_back({pointer, fmt::format("must be an integer from {} to {}", min, max)});
      }
      return;
    }
    case Kind::kNumber:
      set(object, Scalar(value.to_number<double>()));
      return;
    case Kind::kText:
      set(object, Scalar(std::string_view(value.get_string())));
      return;
    case Kind::kOptional:
      clear(object);
      if (!value.is_null()) element->fill(value, add(object, {}), pointer, errors);
      return;
    case Kind::kList: {
      clear(object);
      std::size_t place = 0;
      for (const json::value& item : value.get_array()) {
        element->fill(item, add(object, {}), fmt::format("{}/{}", pointer, place++), errors);
      }
      return;
    }
    case Kind::kMap:
      clear(object);
      for (const auto& [key, item] : value.get_object()) {
        element->fill(item, add(object, key), pointer + pointer_step(key), errors);
      }
      return;
    case Kind::kAny:
      *static_cast<json::value*>(object) = value;
      return;
    case Kind::kStruct:
      break;
  }
  const std::size_t before = errors.size();
  for (const Member& member : members) {
    const json::value* given = value.get_object().if_contains(member.name);
    if (given == nullptr) continue;
    member.shape->fill(*given, member.of(object), pointer + pointer_step(member.name), errors);
  }
  if (problems == nullptr || errors.size() != before) return;
  for (http::FieldError& error : problems(object)) {
    // Written as seen from this struct: "#/groups" or "/groups".
    if (error.pointer.starts_with('#')) error.pointer.erase(0, 1);
    errors.push_back({pointer + error.pointer, std::move(error.detail)});
  }
}

Result<void> Shape::read_text(std::string_view text, void* object) const {
  const auto value = read_json(text, kMaxDepth);
  if (!value) return fail(value);
  std::string what;
  for (const http::FieldError& error : read(*value, object)) {
    what += fmt::format("{}{} {}", what.empty() ? "" : "; ", error.pointer, error.detail);
  }
  if (what.empty()) return {};
  return fail(ErrorCode::kInvalidArgument, "{}", what);
}

std::string Shape::write(const void* object) const {
  std::string out;
  append(object, out);
  return out;
}

void Shape::append(const void* object, std::string& out) const {
  switch (kind) {
    case Kind::kBool:
      out += std::get<bool>(get(object)) ? "true" : "false";
      return;
    case Kind::kInteger: {
      const Scalar number = get(object);
      out += std::holds_alternative<std::int64_t>(number)
                 ? std::to_string(std::get<std::int64_t>(number))
                 : std::to_string(std::get<std::uint64_t>(number));
      return;
    }
    case Kind::kNumber: {
      const double number = std::get<double>(get(object));
      out += std::isfinite(number) ? fmt::format("{}", number) : "null";
      return;
    }
    case Kind::kText:
      append_text(std::get<std::string_view>(get(object)), out);
      return;
    case Kind::kOptional: {
      bool engaged = false;
      each(object, [&](std::string_view, const void* value) {
        element->append(value, out);
        engaged = true;
      });
      if (!engaged) out += "null";
      return;
    }
    case Kind::kList: {
      char before = '[';
      each(object, [&](std::string_view, const void* item) {
        out += std::exchange(before, ',');
        element->append(item, out);
      });
      out += before == '[' ? "[]" : "]";
      return;
    }
    case Kind::kMap: {
      char before = '{';
      each(object, [&](std::string_view key, const void* item) {
        out += std::exchange(before, ',');
        append_text(key, out);
        out += ':';
        element->append(item, out);
      });
      out += before == '{' ? "{}" : "}";
      return;
    }
    case Kind::kAny:
      out += json::serialize(*static_cast<const json::value*>(object));
      return;
    case Kind::kStruct:
      break;
  }
  out += '{';
  for (const Member& member : members) {
    if (&member != members.data()) out += ',';
    append_text(member.name, out);
    out += ':';
    // Only read through it.
    member.shape->append(member.of(const_cast<void*>(object)), out);
  }
  out += '}';
}

}  // namespace saola::web
