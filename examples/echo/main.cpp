// echo: answers any request with what the server understood of it, as JSON. It is the probe for
// checks of HTTP conformance, with every setting of a server (docs/settings.md):
//
//   echo --bind 127.0.0.1:8000 --limit-request-line 8190 --proxy-protocol
//
// {"method", "target" (as received), "path" (decoded), "query", "version": [1,1],
//  "headers": [[name, value], …] in order, "body_sha256", "body_len"}
//
// What came from the wire is shown byte for byte: a byte over 127 is the character of that number
// (ISO 8859-1, as in Python's WSGI). Only the decoded path is text, that is UTF-8 where it can be.
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <openssl/evp.h>

#include <saola/base/log.hpp>
#include <saola/http/problem.hpp>
#include <saola/server/server.hpp>

namespace {

using namespace saola;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  append_json_escaped(out, text);
  return out + "\"";
}

std::string quoted_bytes(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) text += static_cast<char>(0xC0 | (byte >> 6));
    text += static_cast<char>(byte >= 0x80 ? 0x80 | (byte & 0x3F) : byte);
  }
  return quoted(text);
}

// The SHA-256 of bytes that come one after the other.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<unsigned char, 32> bytes{};
    EVP_DigestFinal_ex(context_.get(), bytes.data(), nullptr);
    std::string out;
    for (unsigned char byte : bytes) out += fmt::format("{:02x}", byte);
    return out;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

class Echo final : public http::Handler {
 public:
  http::Response handle(http::Request& request) override {
    Digest digest;
    std::uint64_t length = 0;
    std::string buffer(16 * 1024, '\0');
    for (;;) {
      const auto count = request.body->read(buffer);
      if (!count) return http::problem_response(http::problem_from(count.error()));
      if (*count == 0) break;
      digest.add({buffer.data(), *count});
      length += *count;
    }
    std::string headers;
    for (const http::Field& field : request.headers) {
      headers += fmt::format("{}[{},{}]", headers.empty() ? "" : ",", quoted_bytes(field.name),
                             quoted_bytes(field.value));
    }
    // A 2xx to CONNECT would open a tunnel and could have no body.
    const int status = request.method == http::Method::kConnect ? 501 : 200;
    return http::Response(
        status, "application/json",
        fmt::format(R"({{"method":{},"target":{},"path":{},"query":{},"version":[{},{}],)"
                    R"("headers":[{}],"body_sha256":"{}","body_len":{}}})",
                    quoted_bytes(request.method_name), quoted_bytes(request.target),
                    quoted(request.path), quoted_bytes(request.query), request.version.major,
                    request.version.minor, headers, digest.hex(), length));
  }
};

}  // namespace

int main(int argc, char** argv) {
  server::ServerDefinition definition;
  definition.name = "echo";
  definition.web = [](server::WebContext&) -> Result<std::unique_ptr<http::Handler>> {
    return std::make_unique<Echo>();
  };
  // It keeps nothing, several may run in one folder, and checks of HTTP name hosts as they like. A
  // flag that is given again wins.
  std::vector<std::string> flags{argv[0],         "--workers=1",
                                 "--state-dir=.", "--control-socket=none",
                                 "--auth=none",   "--allowed-hosts=*"};
  flags.insert(flags.end(), argv + 1, argv + argc);
  std::vector<char*> pointers;
  for (std::string& flag : flags) pointers.push_back(flag.data());
  return server::run(definition, static_cast<int>(pointers.size()), pointers.data());
}
