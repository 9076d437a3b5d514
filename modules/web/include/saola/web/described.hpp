// Structs that JSON can be read into and written from. One line describes a plain struct:
//
//   struct SplitArgs {
//     std::string source;                 // required: a text with no default
//     int groups = 2;                     // may be left out
//     std::optional<std::uint64_t> seed;  // may be left out or null
//   };
//   SAOLA_DESCRIBE(SplitArgs, source, groups, seed)   // beside the struct, in its namespace
//
// From it come the reader with its 422 and a pointer for each problem, the writer, the JSON Schema
// and the part of openapi.json. Members are bool, integers, floating point, std::string, enums
// (SAOLA_DESCRIBE_ENUM), boost::json::value, std::optional, std::vector and
// std::map<std::string, …> of these, and other described structs; no struct may contain itself.
//
// A member is required when the struct gives it no default: a number, bool or enum without an
// initialiser; a text whose default is empty; a struct that has a required member. Lists, maps,
// boost::json::value and std::optional may be left out. (In a struct that the compiler cannot make
// at compile time, one with a std::map for example, a number whose default is 0 is required.)
//
// Two members are optional. They say more than types can:
//
//   static void describe(saola::web::Fields& fields) {
//     fields["groups"].min(2).max(1000).doc("How many groups to make");
//   }
//   std::vector<saola::http::FieldError> problems() const {   // what only several members show
//     if (from <= to) return {};
//     return {{"#/from", "must not be after 'to'"}};
//   }
//
// An enum's values are texts, spelt as its enumerators; structs, lists and maps nest:
//
//   enum class Objective { diversity, variance };
//   SAOLA_DESCRIBE_ENUM(Objective, diversity, variance)
//
//   struct Plan {
//     Objective objective = Objective::variance;      // "variance"
//     std::vector<SplitArgs> splits;                  // [{"source": …}, …]
//     std::map<std::string, double> weights;          // {"age": 2, …}
//   };
//   SAOLA_DESCRIBE(Plan, objective, splits, weights)
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/fwd.hpp>
#include <boost/mp11/algorithm.hpp>

#include <saola/base/error.hpp>
#include <saola/http/problem.hpp>
#include <saola/web/schema.hpp>

// Describe a struct's or an enum's members, which are spelt in JSON as in C++. Behind the type, in
// its namespace. A member that is not listed is neither read nor written.
#define SAOLA_DESCRIBE(Type, ...) BOOST_DESCRIBE_STRUCT(Type, (), (__VA_ARGS__))
#define SAOLA_DESCRIBE_ENUM(Type, ...) BOOST_DESCRIBE_ENUM(Type, __VA_ARGS__)

namespace saola::web {

// What types cannot say about a member. Each call adds a rule and returns the same object:
//
//   fields["groups"].min(2).max(1000).doc("How many groups to make");
class FieldRules {
 public:
  // For the documents: what it is, in which unit.
  FieldRules& doc(std::string text);
  // Limits, inclusive: of a number's value, a text's length in characters, a list's length.
  FieldRules& min(double limit);
  FieldRules& max(double limit);
  // Of a text: no other words.
  FieldRules& one_of(std::vector<std::string> words);
  // Whether the member must be there, instead of what its default says.
  FieldRules& required(bool yes = true);

  // `schema` with these rules.
  Schema apply(Schema schema) const;

 private:
  friend struct Shape;
  std::string doc_;
  std::optional<double> min_;
  std::optional<double> max_;
  std::vector<std::string> words_;
  std::optional<bool> required_;
};

// What describe() gets: the members by name.
//
// A body that does not fit is answered with all its problems at once. With the struct above,
// {"groups": 1, "sed": 7} is a 422 whose document names
//
//   #/source   missing
//   #/groups   below its minimum
//   #/sed      no such member, and that 'seed' is near
class Fields {
 public:
  // The rules of a described member. Throws SetupError when there is none of that name.
  FieldRules& operator[](std::string_view name);

 private:
  friend struct Shape;
  explicit Fields(std::vector<std::string_view> names) : names_(std::move(names)) {}
  std::vector<std::string_view> names_;
  std::map<std::string, FieldRules, std::less<>> rules_;
};

// How values of one C++ type are reached without knowing it: the compiled part of reading and
// writing is written once over these. Made by shape_of(), then never changed; thread-safe.
//
// Every pointer to an object is to one of the shape's own type. The functions are made by
// make_shape(), the only place that knows the type: it fills in those that the kind has and leaves
// the others null.
struct Shape {
  // What the type is in JSON: true or false, a number, a text, null or something, an array, an
  // object of any names, an object of these members, anything.
  enum class Kind { kBool, kInteger, kNumber, kText, kOptional, kList, kMap, kStruct, kAny };
  // A value on its way between a member and its JSON; integers are signed or not as the member is.
  using Scalar = std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view>;
  // Gets each element of an optional, list or map; `key` is empty but for maps.
  using Visit = std::function<void(std::string_view key, const void* element)>;

  // One member of a described struct.
  struct Member {
    std::string_view name;
    // Of its type.
    const Shape* shape;
    // Where it is in an object of the struct.
    void* (*of)(void* object);
    // Whether JSON must have it, and what stands for it when it is left out, as JSON.
    bool required;
    std::string default_text;  // JSON
    // From the struct's describe().
    FieldRules rules = {};
  };

  Kind kind = Kind::kAny;
  // Of integers: what fits the type.
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::uint64_t max = std::numeric_limits<std::int64_t>::max();
  // Of enums, which are texts: set() gets one of them.
  std::vector<std::string> words = {};
  // Of scalars: store and load.
  void (*set)(void* object, const Scalar& value) = nullptr;
  Scalar (*get)(const void* object) = nullptr;
  // Of optionals, lists and maps: empties it; adds an element and returns it; visits all.
  const Shape* element = nullptr;
  void (*clear)(void* object) = nullptr;
  void* (*add)(void* object, std::string_view key) = nullptr;
  void (*each)(const void* object, const Visit& visit) = nullptr;
  // Of structs: in the order of SAOLA_DESCRIBE; and the struct's own check, or null, asked when all
  // members fit.
  std::vector<Member> members = {};
  std::vector<http::FieldError> (*problems)(const void* object) = nullptr;

  // Takes over what the struct's describe() says.
  void refine(void (*describe)(Fields&));
  // As read() checks it, with describe()'s rules and each default.
  const Schema& schema() const { return *schema_; }
  // Reads `value` into `object`. Returns every problem; the object is then half read.
  std::vector<http::FieldError> read(const boost::json::value& value, void* object) const;
  // The same from JSON text. kInvalidArgument: it is not JSON, or names every problem.
  Result<void> read_text(std::string_view text, void* object) const;
  // As JSON text, without line breaks.
  std::string write(const void* object) const;

 private:
  // The second half of read(). REQUIRES: `value` fits the schema. Integers that are too large for
  // the type are found here.
  void fill(const boost::json::value& value, void* object, const std::string& pointer,
            std::vector<http::FieldError>& errors) const;
  // Appends the JSON text.
  void append(const void* object, std::string& out) const;

  friend Shape finished(Shape shape);
  std::optional<Schema> schema_;
};

// The shape with its schema.
Shape finished(Shape shape);

// A struct that SAOLA_DESCRIBE was written for.
template <typename T>
concept Described = boost::describe::has_describe_members<T>::value && std::is_class_v<T>;

namespace detail {

// Which of the templates that members may be.
template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <typename T>
inline constexpr bool kIsList = false;
template <typename T>
inline constexpr bool kIsList<std::vector<T>> = true;
template <typename T>
inline constexpr bool kIsMap = false;
template <typename T>
inline constexpr bool kIsMap<std::map<std::string, T, std::less<>>> = true;
template <typename T>
inline constexpr bool kIsMap<std::map<std::string, T>> = true;

// Whether the struct gives a member an initialiser cannot be asked directly. But to read a member
// that has none is no constant expression, so a function that makes an object and copies the member
// out is one only where there is an initialiser. makes() tries the object alone: where even that
// cannot be done at compile time nothing is known, see is_required().
template <typename T>
constexpr bool makes() {
  [[maybe_unused]] T object;
  return true;
}
template <typename T, auto kMember>
constexpr bool reads() {
  T object;
  [[maybe_unused]] auto copy = object.*kMember;
  return true;
}
template <typename T>
concept MadeAtCompileTime = requires { typename std::bool_constant<makes<T>()>; };
template <typename T, auto kMember>
concept HasInitialiser = requires { typename std::bool_constant<reads<T, kMember>()>; };

// Whether JSON must have the member, by the rule at the top of this file. `shape` is the member's.
//
//   number, bool, enum   has it an initialiser? The compiler says so where it can make a T;
//                        elsewhere a value that is not zero shows that it has one
//   text                 is it empty in a fresh T?
//   described struct     does one of its members have to be there?
//   all else             no
template <typename T, typename Descriptor>
bool is_required(const Shape& shape) {
  using M = std::remove_cvref_t<decltype(std::declval<T&>().*Descriptor::pointer)>;
  if constexpr (std::is_arithmetic_v<M> || std::is_enum_v<M>) {
    if constexpr (MadeAtCompileTime<T>) {
      return !HasInitialiser<T, Descriptor::pointer>;
    } else {
      return T{}.*Descriptor::pointer == M{};
    }
  } else if constexpr (std::is_same_v<M, std::string>) {
    return (T{}.*Descriptor::pointer).empty();
  } else if constexpr (Described<M>) {
    for (const Shape::Member& member : shape.members) {
      if (member.required) return true;
    }
    return false;
  } else {
    return false;
  }
}

}  // namespace detail

// boost::json::value's own.
const Shape& any_json_shape();

// The one shape of T, made at first use and kept for the life of the process. A type that is none
// of the listed ones does not compile.
template <typename T>
const Shape& shape_of();

namespace detail {

// The one place that knows a type: the functions of Shape as captureless lambdas that cast to T.
// What each kind has:
//
//   bool, numbers, texts   set, get; integers also min and max of the type
//   enums                  as texts, with words: set() and get() go by the enumerators' names
//   optional, list, map    element, clear, add, each
//   structs                members, whose defaults are those of a fresh T, and problems
//
// A member's shape is made before its struct's, so a struct that contains itself would never be
// done.
template <typename T>
Shape make_shape() {
  using Kind = Shape::Kind;
  using Scalar = Shape::Scalar;
  Shape shape;
  if constexpr (std::is_same_v<T, bool>) {
    shape.kind = Kind::kBool;
    shape.set = [](void* to, const Scalar& v) { *static_cast<bool*>(to) = std::get<bool>(v); };
    shape.get = [](const void* of) { return Scalar(*static_cast<const bool*>(of)); };
  } else if constexpr (std::is_enum_v<T>) {
    using All = boost::describe::describe_enumerators<T>;
    shape.kind = Kind::kText;
    boost::mp11::mp_for_each<All>([&](auto d) { shape.words.emplace_back(d.name); });
    shape.set = [](void* to, const Scalar& v) {
      boost::mp11::mp_for_each<All>([&](auto d) {
        if (std::get<std::string_view>(v) == d.name) *static_cast<T*>(to) = d.value;
      });
    };
    shape.get = [](const void* of) {
      std::string_view name;
      boost::mp11::mp_for_each<All>([&](auto d) {
        if (*static_cast<const T*>(of) == d.value) name = d.name;
      });
      return Scalar(name);
    };
  } else if constexpr (std::is_integral_v<T>) {
    using Wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
    shape.kind = Kind::kInteger;
    shape.min = static_cast<std::int64_t>(std::numeric_limits<T>::min());
    shape.max = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
    shape.set = [](void* to, const Scalar& v) {
      *static_cast<T*>(to) = std::holds_alternative<std::int64_t>(v)
                                 ? static_cast<T>(std::get<std::int64_t>(v))
                                 : static_cast<T>(std::get<std::uint64_t>(v));
    };
    shape.get = [](const void* of) {
      return Scalar(static_cast<Wide>(*static_cast<const T*>(of)));
    };
  } else if constexpr (std::is_floating_point_v<T>) {
    shape.kind = Kind::kNumber;
    shape.set = [](void* to, const Scalar& v) {
      *static_cast<T*>(to) = static_cast<T>(std::get<double>(v));
    };
    shape.get = [](const void* of) {
      return Scalar(static_cast<double>(*static_cast<const T*>(of)));
    };
  } else if constexpr (std::is_same_v<T, std::string>) {
    shape.kind = Kind::kText;
    shape.set = [](void* to, const Scalar& v) {
      *static_cast<std::string*>(to) = std::get<std::string_view>(v);
    };
    shape.get = [](const void* of) {
      return Scalar(std::string_view(*static_cast<const std::string*>(of)));
    };
  } else if constexpr (kIsOptional<T>) {
    shape.kind = Kind::kOptional;
    shape.element = &shape_of<typename T::value_type>();
    shape.clear = [](void* object) { static_cast<T*>(object)->reset(); };
    shape.add = [](void* object, std::string_view) -> void* {
      return &static_cast<T*>(object)->emplace();
    };
    shape.each = [](const void* object, const Shape::Visit& visit) {
      if (const auto& value = *static_cast<const T*>(object)) visit({}, &*value);
    };
  } else if constexpr (kIsList<T>) {
    static_assert(!std::is_same_v<T, std::vector<bool>>, "std::vector<bool> holds no bool");
    shape.kind = Kind::kList;
    shape.element = &shape_of<typename T::value_type>();
    shape.clear = [](void* object) { static_cast<T*>(object)->clear(); };
    shape.add = [](void* object, std::string_view) -> void* {
      return &static_cast<T*>(object)->emplace_back();
    };
    shape.each = [](const void* object, const Shape::Visit& visit) {
      for (const auto& element : *static_cast<const T*>(object)) visit({}, &element);
    };
  } else if constexpr (kIsMap<T>) {
    shape.kind = Kind::kMap;
    shape.element = &shape_of<typename T::mapped_type>();
    shape.clear = [](void* object) { static_cast<T*>(object)->clear(); };
    shape.add = [](void* object, std::string_view key) -> void* {
      return &(*static_cast<T*>(object))[std::string(key)];
    };
    shape.each = [](const void* object, const Shape::Visit& visit) {
      for (const auto& [key, element] : *static_cast<const T*>(object)) visit(key, &element);
    };
  } else {
    static_assert(Described<T>, "describe the struct with SAOLA_DESCRIBE(Type, members…)");
    using All = boost::describe::describe_members<T, boost::describe::mod_any_access>;
    shape.kind = Kind::kStruct;
    const T fresh{};
    boost::mp11::mp_for_each<All>([&](auto d) {
      using D = decltype(d);
      using M = std::remove_cvref_t<decltype(std::declval<T&>().*D::pointer)>;
      const Shape& member = shape_of<M>();
      shape.members.push_back(
          {.name = d.name,
           .shape = &member,
           .of = [](void* object) -> void* { return &(static_cast<T*>(object)->*D::pointer); },
           .required = is_required<T, D>(member),
           .default_text = member.write(&(fresh.*D::pointer))});
    });
    if constexpr (requires(Fields& fields) { T::describe(fields); }) {
      shape.refine([](Fields& fields) { T::describe(fields); });
    }
    if constexpr (requires(const T& object) { object.problems(); }) {
      shape.problems = [](const void* object) { return static_cast<const T*>(object)->problems(); };
    }
  }
  return shape;
}

}  // namespace detail

template <typename T>
const Shape& shape_of() {
  if constexpr (std::is_same_v<T, boost::json::value>) {
    return any_json_shape();
  } else {
    static const Shape shape = finished(detail::make_shape<T>());
    return shape;
  }
}

// Types whose values are JSON documents by themselves.
template <typename T>
concept JsonDocument = Described<T> || detail::kIsList<T> || detail::kIsMap<T>;

// The JSON Schema of a T. Made once; copies share.
template <typename T>
Schema schema_of() {
  return shape_of<T>().schema();
}

// {"source": "s3://…", …}, without line breaks, members in the order of SAOLA_DESCRIBE; an absent
// std::optional is null. A number that JSON lacks (infinity) is null.
template <typename T>
std::string to_json_text(const T& object) {
  return shape_of<T>().write(&object);
}

// A T from JSON text, e.g. a job's payload. kInvalidArgument names every problem.
//
//   const Result<SplitArgs> args = from_json_text<SplitArgs>(job.payload);
template <typename T>
Result<T> from_json_text(std::string_view text) {
  T object{};
  if (auto read = shape_of<T>().read_text(text, &object); !read) {
    return fail(read);
  }
  return object;
}

}  // namespace saola::web
