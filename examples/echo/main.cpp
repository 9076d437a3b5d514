// echo: answers any request with what the server understood of it, as JSON. It is the probe for
// checks of HTTP conformance, and the smallest server over http_conn.
//
//   echo [--bind HOST:PORT]
//
// {"method", "target" (as received), "path" (decoded), "query", "version": [1,1],
//  "headers": [[name, value], …] in order, "body_sha256", "body_len"}
//
// What came from the wire is shown byte for byte: a byte over 127 is the character of that number
// (ISO 8859-1, as in Python's WSGI). Only the decoded path is text, that is UTF-8 where it can be.
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <openssl/evp.h>

#include <saola/base/log.hpp>
#include <saola/http/problem.hpp>
#include <saola/http_conn/service.hpp>
#include <saola/runtime/runtime.hpp>

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

int serve(std::string_view bind) {
  const auto address = runtime::SocketAddress::parse(bind);
  if (!address) {
    fmt::print(stderr, "echo: --bind {}: {}\n", bind, address.error().message());
    return 2;
  }
  auto listener = runtime::Listener::bind(*address);
  if (!listener) {
    fmt::print(stderr, "echo: {}\n", listener.error().message());
    return 1;
  }
  // Before any thread, so that every thread leaves the signals to the descriptor.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);

  runtime::Runtime runtime;
  runtime.run([&] {
    Echo echo;
    http_conn::Service service(echo);
    auto accepting = runtime::spawn([&] {
      if (auto ended = service.accept_from(*listener); !ended) log_error(ended.error().message());
    });
    log_info("echo listens", {{"address", listener->local_address()->to_string()}});
    runtime::PollFd asked(unique_fd(signalfd(-1, &signals, SFD_CLOEXEC)));
    signalfd_siginfo which;
    do {
      (void)asked.wait_readable(Deadline::never());
    } while (::read(asked.fd(), &which, sizeof which) <= 0);
    accepting.cancel();
    accepting.join();
    listener->close();
    service.stop();
    if (!service.wait_closed(Deadline::after(std::chrono::seconds(10)))) service.abort();
    service.wait_closed(Deadline::never());
  });
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  std::string_view bind = "127.0.0.1:8000";
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--bind" && i + 1 < count) {
      bind = arguments[++i];
    } else if (argument.starts_with("--bind=")) {
      bind = argument.substr(7);
    } else {
      fmt::print(argument == "--help" ? stdout : stderr, "usage: echo [--bind HOST:PORT]\n");
      return argument == "--help" ? 0 : 2;
    }
  }
  return serve(bind);
}
