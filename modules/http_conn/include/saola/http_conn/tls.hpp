// TLS for connections (OpenSSL 3): version 1.2 and later, ALPN "http/1.1". By default only suites
// with forward secrecy and authenticated encryption: ECDHE with AES-GCM or ChaCha20-Poly1305.
//
//   auto tls = TlsContext::load({.certificate_file = "server.pem", .key_file = "server.key"});
//   if (!tls) return tls.error();
//   service.accept_from(listener, {.tls = tls->get()});
//   …
//   (*tls)->reload();                                    // after the certificate was renewed
#pragma once

#include <memory>
#include <string>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/http_conn/transport.hpp>
#include <saola/runtime/socket.hpp>

namespace saola::http_conn {

// Which files the server proves itself with. They are read by load() and reload() only.
struct TlsOptions {
  std::string certificate_file;  // PEM: the server's certificate, then its chain
  std::string key_file;          // PEM, not encrypted

  enum class Version { k12, k13 };
  Version least = Version::k12;
  // What OpenSSL calls the suites; empty: the default ones.
  std::string ciphers = {};        // of TLS 1.2: "ECDHE-RSA-AES256-GCM-SHA384:…"
  std::string cipher_suites = {};  // of TLS 1.3: "TLS_AES_256_GCM_SHA384:…"

  enum class ClientCertificate { kNone, kOptional, kRequired };
  // kOptional: one that is shown must be good, but none will do.
  ClientCertificate client_certificate = ClientCertificate::kNone;
  std::string ca_file = {};  // PEM: who may have signed it; REQUIRED unless kNone
};

// The server's side of every handshake. Thread-safe. Outlives the connections made with it.
class TlsContext {
 public:
  // Reads the files; blocking. Fails with kInvalidArgument when one cannot be used; the text names
  // it and says why.
  static Result<std::unique_ptr<TlsContext>> load(TlsOptions options);
  ~TlsContext();

  // Reads the files again for the handshakes to come; open connections go on as they are. After an
  // error the old certificate stays in use. Blocking. Any thread.
  Result<void> reload();

  struct State;
  State& state() const { return *state_; }

 private:
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A connection under TLS. Costs about 40 KiB while it is busy, less while it is idle.
class TlsTransport final : public Transport {
 public:
  // `peer` as for SocketTransport. REQUIRES: handshake() succeeds before anything is read or
  // written.
  TlsTransport(runtime::Socket socket, TlsContext& context, std::string peer = {});
  // The server's half of the handshake. kInvalidArgument: the peer does not speak TLS, or none that
  // is offered here; then close the connection. SUSPENDS.
  Result<void> handshake(Deadline deadline);
  // Tells the peer that the stream ends here, without waiting.
  ~TlsTransport() override;

  Result<std::size_t> read_some(std::span<char> into, Deadline deadline) override;
  Result<std::size_t> try_read(std::span<char> into) override;
  Result<void> wait_readable(Deadline deadline) override;
  Result<void> write_all(std::span<iovec> parts, More more, Deadline deadline) override;
  void push() override {}  // holds nothing back
  Result<void> send_file(int fd, std::uint64_t offset, std::uint64_t count,
                         Deadline deadline) override;
  void limit_unsent() override;
  void shutdown_write() override;
  void stop_reading() override;
  void shutdown_both() override;
  void reset_on_close() override;
  std::string peer_address() const override;
  std::string_view scheme() const override { return "https"; }
  std::string_view client_certificate() const override;

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace saola::http_conn
