// Blueprint: a part of an application, put together on its own and added to an App (or to another
// blueprint) as a whole, as Flask's.
//
//   Blueprint admin("admin", "/admin");
//   admin.before_request([](Request& request) { return check_login(request); });
//   admin.get("/users", list_users, {.endpoint = "users"});      // GET /admin/users
//   app.register_blueprint(std::move(admin));
//   app.url_for(request, "admin.users");
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <saola/web/scaffold.hpp>

namespace saola::web {

// Routes, hooks and error handlers that hold for its routes only. Movable; used up by
// register_blueprint(). Set up by one thread.
class Blueprint final : public Scaffold {
 public:
  // Its routes' endpoints begin with "name."; their patterns with `prefix` ("/admin", or empty).
  // Throws SetupError for a name that is empty or has a dot, or a prefix without "/" in front or
  // with one at its end.
  explicit Blueprint(std::string name, std::string prefix = {});
  Blueprint(Blueprint&&) = default;

  // Makes `child` a part of this one, inside its prefix, hooks and error handlers.
  void register_blueprint(Blueprint child);

 private:
  friend class App;
  struct Entry {
    Methods methods;
    std::string pattern;
    View view;
    RouteOptions options;
  };

  void add_route(Methods methods, std::string_view pattern, View view,
                 RouteOptions options) override;
  void check_open(std::string_view) const override {}

  std::string prefix_;
  std::vector<Entry> routes_;
  std::vector<Blueprint> children_;
};

}  // namespace saola::web
