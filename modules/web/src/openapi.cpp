#include <boost/json.hpp>

#include <saola/web/app.hpp>
#include <saola/web/openapi.hpp>

#include "pattern.hpp"

namespace saola::web {
namespace {

namespace json = boost::json;

// "/jobs/<uuid:id>" → "/jobs/{id}".
std::string path_template(const Pattern& pattern) {
  std::string out;
  for (const Segment& segment : pattern.segments) {
    out += '/' + segment.prefix;
    if (segment.converter) out += '{' + segment.name + '}' + segment.suffix;
  }
  if (pattern.ends_with_slash) out += '/';
  return out;
}

json::object problem_schema() {
  const json::object text = {{"type", "string"}};
  const json::object field_error = {{"type", "object"},
                                    {"properties", {{"pointer", text}, {"detail", text}}}};
  return {{"type", "object"},
          {"description", "RFC 9457 problem document"},
          {"required", {"type", "title", "status"}},
          {"properties",
           {{"type", text},
            {"title", text},
            {"status", {{"type", "integer"}}},
            {"detail", text},
            {"code", text},
            {"request_id", text},
            {"errors", {{"type", "array"}, {"items", field_error}}}}}};
}

json::object operation(const Route& route, http::Method method, const Pattern& pattern) {
  json::object out;
  // Unique in the document, as the specification asks, though a route may have several methods.
  out["operationId"] = std::string(http::to_string(method)) + ' ' + route.endpoint;
  const auto line_end = route.doc.find('\n');
  out["summary"] = route.doc.substr(0, line_end);
  if (line_end != std::string::npos) {
    const auto text = route.doc.find_first_not_of('\n', line_end);
    if (text != std::string::npos) out["description"] = route.doc.substr(text);
  }
  json::array parameters;
  for (const Segment& segment : pattern.segments) {
    if (!segment.converter) continue;
    parameters.push_back({{"name", segment.name},
                          {"in", "path"},
                          {"required", true},
                          {"schema", segment.converter->schema()}});
  }
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (route.body != nullptr) {
    out["requestBody"] = {{"required", true},
                          {"content", {{"application/json", {{"schema", route.body->to_json()}}}}}};
  }
  json::object responses;
  for (const auto& [status, description] : route.responses) {
    responses[std::to_string(status)] = {{"description", description}};
  }
  if (responses.empty()) responses["200"] = {{"description", "Done"}};
  responses["default"] = {
      {"description", "An error"},
      {"content",
       {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}};
  out["responses"] = std::move(responses);
  return out;
}

// Lower-case names of the methods that a path item may describe; empty for the others.
std::string_view item_name(http::Method method) {
  switch (method) {
    case http::Method::kGet:
      return "get";
    case http::Method::kPost:
      return "post";
    case http::Method::kPut:
      return "put";
    case http::Method::kDelete:
      return "delete";
    case http::Method::kPatch:
      return "patch";
    case http::Method::kTrace:
      return "trace";
    case http::Method::kHead:     // comes with every GET
    case http::Method::kOptions:  // and with every path
    case http::Method::kConnect:
    case http::Method::kOther:
      return {};
  }
  return {};
}

}  // namespace

json::value openapi(const App& app, const ApiInfo& info) {
  json::object about = {{"title", info.title}, {"version", info.version}};
  if (!info.description.empty()) about["description"] = info.description;
  json::object paths;
  for (const auto& route : app.routes()) {
    if (route->doc.empty()) continue;
    const Pattern pattern = Pattern::parse(route->pattern);
    json::value& item = paths[path_template(pattern)];
    if (item.is_null()) item.emplace_object();
    for (int i = 0; i < static_cast<int>(http::Method::kOther); ++i) {
      const auto method = static_cast<http::Method>(i);
      const std::string_view name = item_name(method);
      if (name.empty() || !route->methods.contains(method)) continue;
      item.get_object()[name] = operation(*route, method, pattern);
    }
  }
  return {{"openapi", "3.1.0"},
          {"info", std::move(about)},
          {"paths", std::move(paths)},
          {"components", {{"schemas", {{"Problem", problem_schema()}}}}}};
}

}  // namespace saola::web
