// An upload of any size, read as it comes: memory use does not grow with it. The server's own limit
// is --limit-request-body.
//   curl -T big.csv http://127.0.0.1:8000/lines
#include <algorithm>
#include <array>

#include <saola/service/service.hpp>

struct Counted {
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
};
SAOLA_DESCRIBE(Counted, bytes, lines)

int main(int argc, char** argv) {
  saola::Service service("upload");
  service.put("/lines", [](saola::Request& request) {
    Counted counted;
    std::array<char, 64 * 1024> buffer;
    while (true) {
      const auto got = request.raw().body->read(buffer);
      // Too large, too slow, or cut off: the error knows its status.
      if (!got) throw saola::HttpError(got.error());
      if (*got == 0) return counted;
      counted.bytes += *got;
      counted.lines +=
          static_cast<std::uint64_t>(std::count(buffer.data(), buffer.data() + *got, '\n'));
    }
  });
  return service.main(argc, argv);
}
