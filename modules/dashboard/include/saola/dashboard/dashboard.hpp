// The dashboard: a page that starts jobs, lists them and shows one as it goes. Its files are part of
// the program, and it speaks only the HTTP API of its service: /openapi.json tells it which routes
// start jobs, /jobs shows them.
#pragma once

#include <saola/web/blueprint.hpp>

namespace saola::dashboard {

enum class Place {
  kRoot,   // the page is GET /
  kAside,  // GET /dashboard, for an application that has a page of its own at /
};

web::Blueprint dashboard_blueprint(Place place);

}  // namespace saola::dashboard
