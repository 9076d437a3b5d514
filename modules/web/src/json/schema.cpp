#include <algorithm>
#include <cmath>
#include <limits>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/text.hpp>
#include <saola/web/schema.hpp>

#include "json/json_number.hpp"
#include "json/json_pointer.hpp"

namespace saola::web {
namespace {

namespace json = boost::json;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// "a string", "3.5", …: a value as a message names it.
std::string describe(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case json::kind::int64:
    case json::kind::uint64:
      return json::serialize(value);
    case json::kind::double_:
      return fmt::format("{}", value.get_double());
    case json::kind::string: {
      const std::string_view text(value.get_string());
      if (text.size() > 40) return fmt::format("a string of {} bytes", text.size());
      return fmt::format("'{}'", text);
    }
    case json::kind::array:
      return fmt::format("an array of {}", value.get_array().size());
    case json::kind::object:
      return "an object";
  }
  std::unreachable();
}

std::string join(const std::vector<std::string>& words, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? fmt::format(" {} ", last) : ", ";
    out += words[i];
  }
  return out;
}

}  // namespace

struct Schema::Node {
  enum class Kind { kAny, kBoolean, kInteger, kNumber, kString, kArray, kObject, kMap, kEither };

  Kind kind = Kind::kAny;
  double min = -kInfinity;
  double max = kInfinity;
  double above = -kInfinity;
  bool null_too = false;
  std::string doc;
  std::string default_text;
  std::vector<std::string> words;
  std::vector<Schema> parts;  // items, values or alternatives
  std::vector<Field> fields;  // of an object

  using Errors = std::vector<http::FieldError>;

  bool has_kind_of(const json::value& value) const;
  std::string expected() const;
  void check(const json::value& value, const std::string& pointer, Errors& errors) const;
  void check_size(double size, std::string_view unit, const std::string& pointer,
                  Errors& errors) const;
  void check_object(const json::object& object, const std::string& pointer, Errors& errors) const;
  void check_either(const json::value& value, const std::string& pointer, Errors& errors) const;
  json::value to_json() const;
};

namespace {

bool is_integer(const json::value& value) {
  if (value.is_int64() || value.is_uint64()) return true;
  if (!value.is_double()) return false;
  const double d = value.get_double();
  return std::trunc(d) == d && std::abs(d) < 0x1p63;
}

}  // namespace

bool Schema::Node::has_kind_of(const json::value& value) const {
  if (value.is_null() && null_too) return true;
  switch (kind) {
    case Kind::kAny:
      return true;
    case Kind::kBoolean:
      return value.is_bool();
    case Kind::kInteger:
      return is_integer(value);
    case Kind::kNumber:
      return value.is_number();
    case Kind::kString:
      return value.is_string();
    case Kind::kArray:
      return value.is_array();
    case Kind::kObject:
    case Kind::kMap:
      return value.is_object();
    case Kind::kEither:
      return std::ranges::any_of(
          parts, [&](const Schema& part) { return part.node_->has_kind_of(value); });
  }
  std::unreachable();
}

std::string Schema::Node::expected() const {
  const auto name = [this]() -> std::string {
    switch (kind) {
      case Kind::kAny:
        return "any value";
      case Kind::kBoolean:
        return "true or false";
      case Kind::kInteger:
        return "an integer";
      case Kind::kNumber:
        return "a number";
      case Kind::kString:
        return "a string";
      case Kind::kArray:
        return "an array";
      case Kind::kObject:
      case Kind::kMap:
        return "an object";
      case Kind::kEither: {
        std::vector<std::string> names;
        for (const Schema& part : parts) names.push_back(part.node_->expected());
        return join(names, "or");
      }
    }
    std::unreachable();
  };
  return name() + (null_too ? " or null" : "");
}

void Schema::Node::check_size(double size, std::string_view unit, const std::string& pointer,
                              Errors& errors) const {
  if (size < min) {
    errors.push_back({pointer, fmt::format("must be at least {}{}, not {}", min, unit, size)});
  } else if (size > max) {
    errors.push_back({pointer, fmt::format("must be at most {}{}, not {}", max, unit, size)});
  } else if (size <= above) {
    errors.push_back({pointer, fmt::format("must be above {}{}, not {}", above, unit, size)});
  }
}

void Schema::Node::check(const json::value& value, const std::string& pointer,
                         Errors& errors) const {
  if (value.is_null() && null_too) return;
  if (!has_kind_of(value)) {
    errors.push_back({pointer, fmt::format("must be {}, not {}", expected(), describe(value))});
    return;
  }
  switch (kind) {
    case Kind::kAny:
    case Kind::kBoolean:
      return;
    case Kind::kInteger:
    case Kind::kNumber:
      check_size(value.to_number<double>(), "", pointer, errors);
      return;
    case Kind::kString: {
      const std::string_view text(value.get_string());
      if (!words.empty() && std::ranges::find(words, text) == words.end()) {
        const std::vector<std::string_view> known(words.begin(), words.end());
        errors.push_back({pointer, fmt::format("must be {}, not {}.{}", join(words, "or"),
                                               describe(value), did_you_mean(text, known))});
        return;
      }
      check_size(static_cast<double>(character_count(text)), " characters long", pointer, errors);
      return;
    }
    case Kind::kArray: {
      const json::array& items = value.get_array();
      check_size(static_cast<double>(items.size()), " items long", pointer, errors);
      for (std::size_t i = 0; i < items.size(); ++i) {
        parts[0].node_->check(items[i], fmt::format("{}/{}", pointer, i), errors);
      }
      return;
    }
    case Kind::kObject:
      check_object(value.get_object(), pointer, errors);
      return;
    case Kind::kMap:
      check_size(static_cast<double>(value.get_object().size()), " members large", pointer, errors);
      for (const auto& [name, member] : value.get_object()) {
        parts[0].node_->check(member, pointer + pointer_step(name), errors);
      }
      return;
    case Kind::kEither:
      check_either(value, pointer, errors);
      return;
  }
}

void Schema::Node::check_object(const json::object& object, const std::string& pointer,
                                Errors& errors) const {
  for (const Field& field : fields) {
    if (const json::value* member = object.if_contains(field.name)) {
      field.schema.node_->check(*member, pointer + pointer_step(field.name), errors);
    } else if (field.required == Required::kYes) {
      errors.push_back({pointer + pointer_step(field.name), "is missing and must be given"});
    }
  }
  std::vector<std::string_view> names;
  for (const Field& field : fields) names.push_back(field.name);
  for (const auto& member : object) {
    const std::string_view name = member.key();
    if (std::ranges::find(names, name) != names.end()) continue;
    errors.push_back({pointer + pointer_step(name),
                      fmt::format("is no field of this object.{}", did_you_mean(name, names))});
  }
}

void Schema::Node::check_either(const json::value& value, const std::string& pointer,
                                Errors& errors) const {
  // The complaints about the alternative that comes nearest: of those with the value's type the one
  // with the fewest.
  std::optional<Errors> best;
  for (const Schema& part : parts) {
    if (!part.node_->has_kind_of(value)) continue;
    Errors own;
    part.node_->check(value, pointer, own);
    if (own.empty()) return;
    if (!best || own.size() < best->size()) best = std::move(own);
  }
  if (best) errors.insert(errors.end(), best->begin(), best->end());
}

json::value Schema::Node::to_json() const {
  json::object out;
  const auto limits = [&](std::string_view low, std::string_view high) {
    const auto put = [&out](std::string_view key, double limit) {
      if (std::isfinite(limit)) out[key] = json_number(limit);
    };
    put(low, min);
    put(high, max);
    if (kind == Kind::kInteger || kind == Kind::kNumber) put("exclusiveMinimum", above);
  };
  const auto type = [&](std::string_view name) {
    if (null_too) {
      out["type"] = json::array{json::string(name), "null"};
    } else {
      out["type"] = name;
    }
  };
  switch (kind) {
    case Kind::kAny:
      break;
    case Kind::kBoolean:
      type("boolean");
      break;
    case Kind::kInteger:
    case Kind::kNumber:
      type(kind == Kind::kInteger ? "integer" : "number");
      limits("minimum", "maximum");
      break;
    case Kind::kString:
      type("string");
      limits("minLength", "maxLength");
      if (!words.empty()) {
        json::array all(words.begin(), words.end());
        if (null_too) all.emplace_back(nullptr);
        out["enum"] = std::move(all);
      }
      break;
    case Kind::kArray:
      type("array");
      limits("minItems", "maxItems");
      out["items"] = parts[0].node_->to_json();
      break;
    case Kind::kMap:
      type("object");
      limits("minProperties", "maxProperties");
      out["additionalProperties"] = parts[0].node_->to_json();
      break;
    case Kind::kObject: {
      type("object");
      json::object properties;
      json::array required;
      for (const Field& field : fields) {
        properties[field.name] = field.schema.node_->to_json();
        if (field.required == Required::kYes) required.emplace_back(field.name);
      }
      out["properties"] = std::move(properties);
      if (!required.empty()) out["required"] = std::move(required);
      out["additionalProperties"] = false;
      break;
    }
    case Kind::kEither: {
      json::array all;
      for (const Schema& part : parts) all.push_back(part.node_->to_json());
      if (null_too) all.push_back(json::object{{"type", "null"}});
      out["anyOf"] = std::move(all);
      break;
    }
  }
  if (!doc.empty()) out["description"] = doc;
  if (!default_text.empty()) out["default"] = json::parse(default_text);
  return out;
}

Schema Schema::any() {
  return make(Node{.kind = Node::Kind::kAny});
}
Schema Schema::boolean() {
  return make(Node{.kind = Node::Kind::kBoolean});
}
Schema Schema::integer() {
  return make(Node{.kind = Node::Kind::kInteger});
}
Schema Schema::number() {
  return make(Node{.kind = Node::Kind::kNumber});
}
Schema Schema::string() {
  return make(Node{.kind = Node::Kind::kString});
}
Schema Schema::array(Schema items) {
  return make(Node{.kind = Node::Kind::kArray, .parts = {std::move(items)}});
}
Schema Schema::object(std::vector<Field> fields) {
  return make(Node{.kind = Node::Kind::kObject, .fields = std::move(fields)});
}
Schema Schema::map(Schema values) {
  return make(Node{.kind = Node::Kind::kMap, .parts = {std::move(values)}});
}
Schema Schema::either(std::vector<Schema> alternatives) {
  return make(Node{.kind = Node::Kind::kEither, .parts = std::move(alternatives)});
}

Schema Schema::make(Node node) {
  return Schema(std::make_shared<Node>(std::move(node)));
}

// The copy that is being built; others who share the node keep theirs.
Schema::Node& Schema::own() {
  if (node_.use_count() > 1) node_ = std::make_shared<Node>(*node_);
  return *node_;
}

Schema Schema::min(double limit) && {
  own().min = limit;
  return std::move(*this);
}
Schema Schema::max(double limit) && {
  own().max = limit;
  return std::move(*this);
}
Schema Schema::above(double limit) && {
  own().above = limit;
  return std::move(*this);
}
Schema Schema::one_of(std::vector<std::string> words) && {
  own().words = std::move(words);
  return std::move(*this);
}
Schema Schema::or_null() && {
  own().null_too = true;
  return std::move(*this);
}
Schema Schema::doc(std::string text) && {
  own().doc = std::move(text);
  return std::move(*this);
}

Schema Schema::default_is(std::string json_text) && {
  own().default_text = std::move(json_text);
  return std::move(*this);
}

std::vector<http::FieldError> Schema::check(const json::value& value) const {
  std::vector<http::FieldError> errors;
  node_->check(value, "#", errors);
  return errors;
}

json::value Schema::to_json() const {
  return node_->to_json();
}

}  // namespace saola::web
