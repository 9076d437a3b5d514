// openapi.json from the routes, their docs and their schemas.
//
//   app.get("/openapi.json", [&app] { return openapi(app, {.title = "jobs", .version = "1.2"}); });
#pragma once

#include <string>

#include <boost/json/fwd.hpp>

namespace saola::web {

class App;

// What a document says of the API as a whole.
struct ApiInfo {
  std::string title;
  std::string version;
  std::string description = {};
  std::string prefix = {};  // Request::prefix() of who asks: where the paths begin
  std::string license = "LicenseRef-not-stated";  // an SPDX expression
  // Whether the server asks who calls: then each operation says which role it takes.
  bool asks_who = false;
};

// An OpenAPI 3.1 document of every route that has a doc, or a view whose types describe its body or
// answer. Errors are the problem document of RFC 9457 for all of them. Made anew with each call
// from what does not change after the first request: keep the text.
boost::json::value openapi(const App& app, const ApiInfo& info);

}  // namespace saola::web
