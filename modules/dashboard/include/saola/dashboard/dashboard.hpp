// The dashboard: a page that starts jobs, lists them and shows one as it goes. Its files are part
// of the program, and it speaks only the HTTP API of its service: /openapi.json says which routes
// start jobs, /jobs shows them.
//
//   app.register_blueprint(dashboard::docs_blueprint(dashboard::Place::kRoot));
//   app.register_blueprint(dashboard::dashboard_blueprint(dashboard::Place::kRoot));
#pragma once

#include <saola/web/blueprint.hpp>

namespace saola::dashboard {

// Where the pages are.
enum class Place {
  kRoot,   // the dashboard is GET /, the API's description GET /docs
  kAside,  // /dashboard and /ui/docs, for an application that has pages of its own there
};

// Needs docs_blueprint() beside it, which brings the style.
web::Blueprint dashboard_blueprint(Place place);

// GET /login: asks for a token and posts it to /login, as {"token": …}. Needs the style of
// docs_blueprint(), too.
web::Blueprint login_blueprint();

// What /openapi.json says, for people.
web::Blueprint docs_blueprint(Place place);

}  // namespace saola::dashboard
