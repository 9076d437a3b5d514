// View: the function that answers a route, in any of the shapes people write one.
//
//   app.get("/", [] { return "hello\n"s; });
//   app.get("/jobs/<int:id>", [](Request&, std::int64_t id) -> Result<Response> {
//     auto job = find(id);
//     if (!job) return fail(job);              // kNotFound: 404
//     return json({{"id", id}, {"state", job->state}});
//   });
//   app.post("/split", [](Request&, const SplitArgs& args) { return split(args); });  // described
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include <saola/base/error.hpp>
#include <saola/web/described.hpp>
#include <saola/web/errors.hpp>
#include <saola/web/request.hpp>
#include <saola/web/response.hpp>
#include <saola/web/route.hpp>

namespace saola::web {

// What a view's types say about its route, for openapi.json. A return type that has a static member
// document(ViewDoc&) describes itself:
//
//   struct Created : Response {
//     static void document(ViewDoc& doc) { doc.responses = {{201, "It was made"}}; }
//   };
struct ViewDoc {
  std::optional<Schema> body = std::nullopt;    // of the JSON it takes
  std::optional<Schema> answer = std::nullopt;  // of the JSON of its 200
  std::vector<Parameter> parameters = {};
  std::vector<std::pair<int, std::string>> responses = {};
};

// Callable as  R view(Request&, P...)  or  R view()  or  R view(Request&),  from many fibers or
// threads at once, where
//
//   R  is Response, Result<Response> (an error becomes HttpError), std::string (text/plain), a
//      boost::json value, object or array, or a described struct, list or map of them (see
//      described.hpp), which is answered as JSON; all but the first two with status 200;
//   P… are the pattern's parameters in order, std::int64_t, double or std::string_view each. That
//      their number and types are the pattern's is checked when the route is added. A described
//      struct may come last: the request's JSON body, with 422 for one that does not fit.
//
//   "/"                         R view(), R view(Request&)
//   "/users/<int:id>"           R view(Request&, std::int64_t id), or as above and int_param("id")
//   "/at/<float:x>/<name>"      R view(Request&, double x, std::string_view name)
//   "/users/<int:id>", PUT      R view(Request&, std::int64_t id, const User& user)
//
// A view may suspend. It answers errors by throwing HttpError; see App for other exceptions. Pass a
// lambda or a plain function; a generic lambda (auto parameters) has no types to read.
class View {
 public:
  // Throws SetupError for a described struct before a path parameter.
  template <typename F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, View>)
  View(F function) {  // NOLINT(google-explicit-constructor): a lambda is passed where a View is due
    if constexpr (std::is_invocable_v<const F&, Request&>) {
      document<std::invoke_result_t<const F&, Request&>>();
      call_ = [f = std::move(function)](Request& request) { return respond(f(request)); };
    } else if constexpr (std::is_invocable_v<const F&>) {
      document<std::invoke_result_t<const F&>>();
      call_ = [f = std::move(function)](Request&) { return respond(f()); };
    } else if constexpr (std::is_pointer_v<F>) {
      take_parameters(std::move(function), function);
    } else {
      take_parameters(std::move(function), &F::operator());
    }
  }

  // Answers `request`, whose path parameters are there. Throws what the function throws.
  Response operator()(Request& request) const { return call_(request); }
  // What it takes after the Request; empty when it takes the Request only.
  const std::vector<ParamType>& parameters() const { return parameters_; }
  // For openapi.json.
  const ViewDoc& doc() const { return doc_; }

 private:
  // The parts of the constructor. What a pattern must give a view parameter of type P.
  template <typename P>
  static constexpr ParamType type_of() {
    using T = std::remove_cvref_t<P>;
    static_assert(std::is_same_v<T, std::int64_t> || std::is_same_v<T, double> ||
                      std::is_same_v<T, std::string_view>,
                  "a view's path parameters are std::int64_t, double or std::string_view; describe "
                  "a body's struct with SAOLA_DESCRIBE");
    if constexpr (std::is_same_v<T, std::int64_t>) return ParamType::kInt;
    if constexpr (std::is_same_v<T, double>) return ParamType::kFloat;
    return ParamType::kText;
  }

  // The argument for the view's parameter at `index`: of the path, or the body.
  template <typename P>
  static std::remove_cvref_t<P> value_of(const Request& request, std::size_t index) {
    if constexpr (Described<std::remove_cvref_t<P>>) {
      return request.body<std::remove_cvref_t<P>>();
    } else {
      return value_of<P>(request.params().values[index]);
    }
  }
  template <typename P>
  static std::remove_cvref_t<P> value_of(const PathParam& param) {
    if constexpr (type_of<P>() == ParamType::kInt) {
      return param.integer;
    } else if constexpr (type_of<P>() == ParamType::kFloat) {
      return param.number;
    } else {
      return param.text;
    }
  }

  // Reads R and P… off the type of the lambda's operator(), or of the function.
  template <typename F, typename R, typename C, typename... P>
  void take_parameters(F function, R (C::*)(Request&, P...) const) {
    document<R>();
    bind<F, P...>(std::move(function), std::index_sequence_for<P...>());
  }
  template <typename F, typename R, typename... P>
  void take_parameters(F function, R (*)(Request&, P...)) {
    document<R>();
    bind<F, P...>(std::move(function), std::index_sequence_for<P...>());
  }
  // Makes the call that gets each argument from the request, in order. The types were checked
  // against the pattern when the route was added, so nothing can be wrong here but what the client
  // sent.
  template <typename F, typename... P, std::size_t... I>
  void bind(F function, std::index_sequence<I...>) {
    (take_parameter<P>(I + 1 == sizeof...(P)), ...);
    call_ = [f = std::move(function)](Request& request) {
      return respond(f(request, value_of<P>(request, I)...));
    };
  }
  // Notes one of the view's parameters: a described struct is the body and must come last.
  template <typename P>
  void take_parameter(bool last) {
    if constexpr (Described<std::remove_cvref_t<P>>) {
      if (!last) {
        throw SetupError(
            "A view takes a described struct before a path parameter, so the parameters would not "
            "be the pattern's in order. Put the body last.");
      }
      doc_.body = schema_of<std::remove_cvref_t<P>>();
    } else {
      parameters_.push_back(type_of<P>());
    }
  }

  // Notes what the type that is returned says about the answer.
  template <typename R>
  void document() {
    if constexpr (requires(ViewDoc& doc) { R::document(doc); }) {
      R::document(doc_);
    } else if constexpr (JsonDocument<R>) {
      doc_.answer = schema_of<R>();
    }
  }

  // One for each type that a view may return.
  static Response respond(Response response) { return response; }
  static Response respond(Result<Response> result) {
    if (!result) throw HttpError(result.error());
    return *std::move(result);
  }
  template <JsonDocument T>
  static Response respond(const T& value) {
    return Response(200, "application/json", to_json_text(value));
  }
  static Response respond(std::string body) { return text(std::move(body)); }
  template <typename Json>
    requires(std::is_same_v<Json, boost::json::value> ||
             std::is_same_v<Json, boost::json::object> || std::is_same_v<Json, boost::json::array>)
  static Response respond(const Json& value) {
    return json(value);
  }

  std::function<Response(Request&)> call_;
  std::vector<ParamType> parameters_;
  ViewDoc doc_;
};

}  // namespace saola::web
