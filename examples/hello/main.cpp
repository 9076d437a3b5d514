// The smallest service: one route. Try it:
//   hello                                     serves on 127.0.0.1:8000
//   curl http://127.0.0.1:8000/hello/World
#include <fmt/core.h>

#include <saola/service/service.hpp>

int main(int argc, char** argv) {
  saola::Service service("hello");
  service.get("/hello/<name>", [](saola::Request&, std::string_view name) {
    return fmt::format("Hello, {}!\n", name);
  });
  return service.main(argc, argv);
}
