// A server that answers every request with 13 bytes: what the server itself costs.
#include <memory>

#include <saola/server/server.hpp>

namespace {

using namespace saola;  // NOLINT(google-build-using-namespace): a program, not a library

class Hello final : public http::Handler {
 public:
  http::Response handle(http::Request&) override {
    return http::Response(200, "text/plain", "Hello, World!");
  }
};

}  // namespace

int main(int argc, char** argv) {
  server::ServerDefinition definition;
  definition.name = "hello";
  definition.web = [](server::WebContext&) -> Result<std::unique_ptr<http::Handler>> {
    return std::make_unique<Hello>();
  };
  return server::run(definition, argc, argv);
}
