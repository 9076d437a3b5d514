// What a JSON value must look like. One declaration checks requests and documents itself in
// openapi.json:
//
//   const Schema kSplit = Schema::object({
//       {"source", Schema::string().min(1).doc("s3://bucket/key"), Required::kYes},
//       {"seed", Schema::integer().min(0)},
//       {"objective", Schema::string().one_of({"diversity", "variance", "kplus"})},
//   });
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/http/problem.hpp>

namespace saola::web {

// Whether an object must have a member.
enum class Required { kNo, kYes };

// The shape of a JSON value. Immutable once built; copies share. Thread-safe. Rules are added to a
// temporary: Schema::integer().min(1).max(9).
class Schema {
 public:
  struct Field;

  // The shapes JSON has; each is the start of a rule.
  static Schema any();
  static Schema boolean();
  static Schema integer();  // a number without fraction that fits 64 bits; 3.0 is one
  static Schema number();
  static Schema string();
  static Schema array(Schema items);
  // These members and no others, in any order; the error about another one names the nearest of
  // them.
  static Schema object(std::vector<Field> fields);
  // Any names, each value of this shape.
  static Schema map(Schema values);
  // One of several shapes. Give alternatives of different JSON types where possible: problems are
  // then those of the one the client meant.
  //
  //   Schema::either({Schema::integer().min(2), Schema::array(Schema::string())})    // 3, or names
  static Schema either(std::vector<Schema> alternatives);

  // Limits, inclusive: of a number's value, a string's length in characters, an array's length or a
  // map's size.
  Schema min(double limit) &&;
  Schema max(double limit) &&;
  // A number that must be above the limit itself.
  Schema above(double limit) &&;
  // A string: no other words.
  Schema one_of(std::vector<std::string> words) &&;
  // null is fine too.
  Schema or_null() &&;
  // For the document only: what it is, an example.
  Schema doc(std::string text) &&;
  // For the document only: what stands for it when it is left out, as JSON text.
  Schema default_is(std::string json_text) &&;

  // Every way in which `value` differs, in the order of the schema; empty when it fits. Each names
  // its place by a JSON Pointer ("#/groups"), what must be there, and what is.
  //
  //   for (const http::FieldError& error : kSplit.check(value)) show(error.pointer, error.detail);
  std::vector<http::FieldError> check(const boost::json::value& value) const;
  // As JSON Schema 2020-12, the dialect of OpenAPI 3.1.
  boost::json::value to_json() const;

 private:
  struct Node;
  explicit Schema(std::shared_ptr<Node> node) : node_(std::move(node)) {}
  static Schema make(Node node);
  Node& own();
  // Shared: a schema is a value used in several places, and never changes after it was built.
  std::shared_ptr<Node> node_;
};

// A member of an object: {"source", Schema::string(), Required::kYes}.
struct Schema::Field {
  std::string name;
  Schema schema;
  Required required = Required::kNo;
};

}  // namespace saola::web
