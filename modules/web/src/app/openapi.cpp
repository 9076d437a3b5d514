#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/web/app.hpp>
#include <saola/web/openapi.hpp>

#include "routing/pattern.hpp"

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

json::object problem_content() {
  return {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}};
}

// "post_jobs_id_cancel" for POST of the endpoint "/jobs/<id>/cancel": a name that generators of
// clients can use. Unique in the document, as the specification asks, though a route may have
// several methods.
std::string operation_id(http::Method method, std::string_view endpoint) {
  std::string out;
  for (const char c : std::string(http::to_string(method)) + '_' + std::string(endpoint)) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (word) {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    } else if (!out.ends_with('_')) {
      out += '_';
    }
  }
  while (out.ends_with('_')) out.pop_back();
  return out;
}

// A token, or the cookie that the dashboard has for one; the role that it must have.
json::array security(http::Role role) {
  if (role == http::Role::kNone) return {};
  const json::array roles{http::to_string(role)};
  return {json::object{{"token", roles}}, json::object{{"session", roles}}};
}

json::object security_schemes() {
  return {{"token",
           {{"type", "http"},
            {"scheme", "bearer"},
            {"description",
             "A token, made with `token new`. Roles: read, submit, operate; each "
             "includes those before it."}}},
          {"session",
           {{"type", "apiKey"},
            {"in", "cookie"},
            {"name", http::kSessionCookie},
            {"description", "What POST /login sets for a token; for browsers."}}}};
}

json::object operation(const Route& route, http::Method method, const Pattern& pattern,
                       bool asks_who) {
  json::object out;
  out["operationId"] = operation_id(method, route.endpoint);
  const auto line_end = route.doc.find('\n');
  out["summary"] = route.doc.empty()
                       ? fmt::format("{} {}", http::to_string(method), path_template(pattern))
                       : route.doc.substr(0, line_end);
  if (line_end != std::string::npos) {
    const auto text = route.doc.find_first_not_of('\n', line_end);
    if (text != std::string::npos) out["description"] = route.doc.substr(text);
  }
  if (asks_who) out["security"] = security(route.role_for(method));
  json::array parameters;
  for (const Segment& segment : pattern.segments) {
    if (!segment.converter) continue;
    parameters.push_back({{"name", segment.name},
                          {"in", "path"},
                          {"required", true},
                          {"schema", segment.converter->schema()}});
  }
  for (const Parameter& parameter : route.parameters) {
    parameters.push_back({{"name", parameter.name},
                          {"in", parameter.in == Parameter::In::kQuery ? "query" : "header"},
                          {"description", parameter.doc},
                          {"schema", parameter.schema.to_json()}});
  }
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (route.body != nullptr) {
    out["requestBody"] = {{"required", true},
                          {"content", {{"application/json", {{"schema", route.body->to_json()}}}}}};
  }
  json::object responses;
  for (const auto& [status, description] : route.responses) {
    json::object response{{"description", description}};
    if (status >= 400) response["content"] = problem_content();
    responses[std::to_string(status)] = std::move(response);
  }
  if (responses.empty()) responses["200"] = {{"description", "Done"}};
  for (auto& response : responses) {
    const std::string_view status = response.key();
    if (!route.answer || !status.starts_with('2') || status == "204") continue;
    response.value().as_object()["content"] = {
        {"application/json", {{"schema", route.answer->to_json()}}}};
  }
  if (asks_who && route.role_for(method) != http::Role::kNone) {
    for (const auto& [status, why] : {std::pair("401", "No token, or one that is none"),
                                      std::pair("403", "The token's role does not suffice")}) {
      responses[status] = {{"description", why}, {"content", problem_content()}};
    }
  }
  for (const char* kind : {"4XX", "5XX"}) {
    responses[kind] = {{"description", "An error"}, {"content", problem_content()}};
  }
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
  json::object about = {{"title", info.title},
                        {"version", info.version},
                        {"license", {{"name", info.license}, {"identifier", info.license}}}};
  if (!info.description.empty()) about["description"] = info.description;
  json::object paths;
  for (const auto& route : app.routes()) {
    const bool typed = route->body != nullptr || route->answer;
    if (route->doc.empty() && !typed) continue;
    const Pattern pattern = Pattern::parse(route->pattern);
    json::value& item = paths[path_template(pattern)];
    if (item.is_null()) item.emplace_object();
    for (int i = 0; i < static_cast<int>(http::Method::kOther); ++i) {
      const auto method = static_cast<http::Method>(i);
      const std::string_view name = item_name(method);
      if (name.empty() || !route->methods.contains(method)) continue;
      item.get_object()[name] = operation(*route, method, pattern, info.asks_who);
    }
  }
  return {
      {"openapi", "3.1.0"},
      {"info", std::move(about)},
      // Where the document came from.
      {"servers", json::array{json::object{{"url", info.prefix.empty() ? "/" : info.prefix}}}},
      {"security", json::array()},
      {"paths", std::move(paths)},
      {"components",
       {{"schemas", {{"Problem", problem_schema()}}}, {"securitySchemes", security_schemes()}}}};
}

}  // namespace saola::web
