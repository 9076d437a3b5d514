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
//   std::vector<saola::http::FieldError> problems() const;   // what only several members show
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

#define SAOLA_DESCRIBE(Type, ...) BOOST_DESCRIBE_STRUCT(Type, (), (__VA_ARGS__))
#define SAOLA_DESCRIBE_ENUM(Type, ...) BOOST_DESCRIBE_ENUM(Type, __VA_ARGS__)

namespace saola::web {

// What types cannot say about a member.
class FieldRules {
 public:
  // For the documents: what it is, in which unit.
  FieldRules& doc(std::string text);
  // Limits, inclusive: of a number's value, a text's length in characters, a list's length.
  FieldRules& min(double limit);
  FieldRules& max(double limit);
  // Of a text: no other words.
  FieldRules& one_of(std::vector<std::string> words);
  // Instead of what the default says.
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
// writing is written once over these. Made by shape_of(), then never changed.
struct Shape {
  enum class Kind { kBool, kInteger, kNumber, kText, kOptional, kList, kMap, kStruct, kAny };
  using Scalar = std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view>;
  using Visit = std::function<void(std::string_view key, const void* element)>;

  struct Member {
    std::string_view name;
    const Shape* shape;
    void* (*of)(void* object);
    bool required;
    std::string default_text;  // JSON
    FieldRules rules = {};
  };

  Kind kind = Kind::kAny;
  // Of integers.
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::uint64_t max = std::numeric_limits<std::int64_t>::max();
  // Of enums, which are texts: set() gets one of them.
  std::vector<std::string> words = {};
  void (*set)(void* object, const Scalar& value) = nullptr;
  Scalar (*get)(const void* object) = nullptr;
  // Of optionals, lists and maps: empties it; adds an element and returns it; visits all.
  const Shape* element = nullptr;
  void (*clear)(void* object) = nullptr;
  void* (*add)(void* object, std::string_view key) = nullptr;
  void (*each)(const void* object, const Visit& visit) = nullptr;
  // Of structs.
  std::vector<Member> members = {};
  std::vector<http::FieldError> (*problems)(const void* object) = nullptr;

  // Takes what the struct's describe() says over.
  void refine(void (*describe)(Fields&));
  const Schema& schema() const { return *schema_; }
  // Reads `value` into `object`. Returns every problem; the object is then half read.
  std::vector<http::FieldError> read(const boost::json::value& value, void* object) const;
  Result<void> read_text(std::string_view text, void* object) const;
  std::string write(const void* object) const;

 private:
  void fill(const boost::json::value& value, void* object, const std::string& pointer,
            std::vector<http::FieldError>& errors) const;
  void append(const void* object, std::string& out) const;

  friend Shape finished(Shape shape);
  std::optional<Schema> schema_;
};

// The shape with its schema.
Shape finished(Shape shape);

template <typename T>
concept Described = boost::describe::has_describe_members<T>::value && std::is_class_v<T>;

namespace detail {

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

// To read a member that has no initialiser is no constant expression, so this tells whether there
// is one.
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

// The one shape of T. A type that is none of the listed ones does not compile.
template <typename T>
const Shape& shape_of();

namespace detail {

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

template <typename T>
Schema schema_of() {
  return shape_of<T>().schema();
}

// {"source": "s3://…", …}, without line breaks. A number that JSON lacks (infinity) is null.
template <typename T>
std::string to_json_text(const T& object) {
  return shape_of<T>().write(&object);
}

// kInvalidArgument names every problem.
template <typename T>
Result<T> from_json_text(std::string_view text) {
  T object{};
  if (auto read = shape_of<T>().read_text(text, &object); !read) {
    return std::unexpected(std::move(read).error());
  }
  return object;
}

}  // namespace saola::web
