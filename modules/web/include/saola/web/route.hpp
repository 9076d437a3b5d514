// Routes: which requests a view answers.
//
// A pattern is a path whose segments may hold a parameter, <converter(arguments):name>:
//   <name>, <string:name>       one segment, not empty; string(length=2), string(minlength=1,
//                               maxlength=64) count characters
//   <int:name>                  decimal digits that fit 63 bits; int(min=1, max=9),
//                               int(signed=True)
//   <float:name>                digits "." digits; float(min=…, max=…, signed=True)
//   <uuid:name>                 8-4-4-4-12 hexadecimal digits
//   <any(a,b):name>             one of the words
//   <path:name>                 one or more segments, slashes included
// Text may stand before and after the parameter in its segment: "/report-<int:year>.csv".
//
// When several patterns fit, the most specific wins, segment by segment from the left: literal
// text, then any, uuid, int, float, a string with limits, string, path; text around a parameter
// before none.
//
// The path is split at "/" first and each segment percent-decoded once, so "%2F" stays inside a
// segment. A pattern that ends in "/" also answers the path without it, by redirect (308); a
// pattern that does not, answers only without. Repeated slashes redirect to single ones.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <saola/http/access.hpp>
#include <saola/http/method.hpp>
#include <saola/web/schema.hpp>

namespace saola::web {

// A set of the named methods (http::Method::kOther is in none): Methods{kGet, kPost}.
//
//   Methods allowed{http::Method::kGet, http::Method::kHead};
//   response.headers.set("Allow", allowed.to_string());        // "GET, HEAD"
class Methods {
 public:
  Methods() = default;
  Methods(std::initializer_list<http::Method> methods) {
    for (http::Method method : methods) add(method);
  }
  void add(http::Method method) { bits_.set(static_cast<std::size_t>(method)); }
  void add(const Methods& other) { bits_ |= other.bits_; }
  bool contains(http::Method method) const {
    return method != http::Method::kOther && bits_.test(static_cast<std::size_t>(method));
  }
  bool empty() const { return bits_.none(); }
  // "GET, HEAD, POST": the value of an Allow field.
  std::string to_string() const;

 private:
  std::bitset<static_cast<std::size_t>(http::Method::kOther)> bits_;
};

// As what a view gets a parameter: int converters give std::int64_t, float double, all others text.
enum class ParamType : std::uint8_t { kInt, kFloat, kText };

// One parameter of a pattern.
struct RouteParam {
  std::string name;
  ParamType type;
  std::string converter;  // "int(min=1)"
};

// A query argument or header field that a route reads, for openapi.json. Declaring it checks
// nothing: the view reads it with Request::arg() or headers().
//
//   app.get("/jobs", list_jobs, {.parameters = {{"limit", "At most so many", Schema::integer()}}});
struct Parameter {
  enum class In { kQuery, kHeader };
  std::string name;
  std::string doc;
  Schema schema = Schema::string();
  In in = In::kQuery;
};

// What the rest of the program may know about a route. Set up once, then never changed; lives as
// long as its App.
struct Route {
  std::string pattern;   // "/jobs/<uuid:id>"; the label in metrics and stall reports
  std::string endpoint;  // its name for url_for(); of a blueprint's route "blueprint.name"
  std::string doc;       // for openapi.json: the first line is the summary
  Methods methods;       // with HEAD where GET is
  std::vector<RouteParam> params;
  std::size_t index = 0;         // place in App::routes()
  const Schema* body = nullptr;  // what a JSON body must look like, when declared
  std::vector<std::pair<int, std::string>> responses;  // status, description: for openapi.json
  std::optional<Schema> answer;  // what the JSON of a 2xx answer looks like, when declared
  std::vector<Parameter> parameters;
  std::optional<http::Role> role;  // what its callers need; absent: as their method

  http::Role role_for(http::Method method) const { return role.value_or(http::role_for(method)); }
};

// The value of one parameter in a path: as text, and as what its converter made of it.
struct PathParam {
  std::string_view text;  // decoded; valid as long as the request
  std::int64_t integer = 0;
  double number = 0;
};

// Parameters of one pattern; one with more is a SetupError.
inline constexpr std::size_t kMaxPathParams = 8;

// The values of a path's parameters, in the pattern's order.
struct PathParams {
  std::array<PathParam, kMaxPathParams> values;
  std::size_t size = 0;
};

}  // namespace saola::web
