#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>

#include <saola/http_conn/tls.hpp>

#include "tls_context.hpp"

namespace saola::http_conn {
namespace {

constexpr std::size_t kRecord = 16 * 1024;   // the most one TLS record holds
constexpr std::size_t kFlushAt = 64 * 1024;  // bytes encrypted before they are sent
constexpr int kMostUnsent = 128 * 1024;      // bytes
constexpr std::string_view kEncrypted = "the TLS connection failed";

}  // namespace

// OpenSSL works on two memory buffers; this moves bytes between them and the socket. OpenSSL's
// error queue belongs to the thread, so no call suspends between an SSL_ function and its
// SSL_get_error().
struct TlsTransport::Session {
  runtime::Socket socket;
  std::string peer;                  // empty: the socket's own
  std::shared_ptr<SSL_CTX> context;  // shared: a reload must not take it from under the connection
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, SSL_free};
  BIO* from_peer = nullptr;  // owned by ssl
  BIO* to_peer = nullptr;    // owned by ssl
  std::vector<char> scratch;
  std::string certificate;  // the subject of the client's, once it is checked
  bool failed = false;      // after a fatal error nothing may be said any more
  bool closing = false;

  void find_certificate() {
    const X509* shown = SSL_get0_peer_certificate(ssl.get());
    if (shown == nullptr || SSL_get_verify_result(ssl.get()) != X509_V_OK) return;
    const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), &BIO_free);
    X509_NAME_print_ex(text.get(), X509_get_subject_name(shown), 0,
                       XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    char* data = nullptr;
    const long size = BIO_get_mem_data(text.get(), &data);
    certificate.assign(data, static_cast<std::size_t>(size));
  }

  Result<void> flush(Deadline deadline) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(to_peer, &data);
    if (size <= 0) return {};
    auto sent = socket.write_all({data, static_cast<std::size_t>(size)}, deadline);
    (void)BIO_reset(to_peer);
    return sent;
  }

  // Gives OpenSSL the bytes that `read` brings; false at the end of the stream.
  template <typename Read>
  Result<bool> feed(Read read) {
    scratch.resize(kRecord);
    auto count = read(std::span(scratch));
    if (!count) return fail(count);
    BIO_write(from_peer, scratch.data(), static_cast<int>(*count));
    return *count > 0;
  }

  std::unexpected<Error> broken() {
    failed = true;
    return fail(ErrorCode::kClosed, "{}: {}", kEncrypted, openssl_error());
  }

  // What SSL_read gives, fed by `read` when it needs more.
  template <typename Read>
  Result<std::size_t> decrypt(std::span<char> into, Deadline deadline, Read read) {
    for (;;) {
      ERR_clear_error();
      const int most = static_cast<int>(std::min<std::size_t>(into.size(), 1 << 20));
      const int count = SSL_read(ssl.get(), into.data(), most);
      if (count > 0) return static_cast<std::size_t>(count);
      const int error = SSL_get_error(ssl.get(), count);
      if (error == SSL_ERROR_ZERO_RETURN) return 0;
      if (error != SSL_ERROR_WANT_READ) return broken();
      // A key update may want an answer.
      if (auto sent = flush(deadline); !sent) return fail(sent);
      auto fed = feed(read);
      if (!fed) return fail(fed);
      if (!*fed) return 0;
    }
  }

  Result<void> encrypt(std::string_view bytes, Deadline deadline) {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, kRecord);
      ERR_clear_error();
      if (SSL_write(ssl.get(), piece.data(), static_cast<int>(piece.size())) <= 0) return broken();
      bytes.remove_prefix(piece.size());
      if (BIO_pending(to_peer) >= static_cast<int>(kFlushAt)) {
        if (auto sent = flush(deadline); !sent) return sent;
      }
    }
    return {};
  }

  // Says the end of the stream, if that can be done without waiting.
  void say_goodbye() {
    if (failed || closing || SSL_in_init(ssl.get()) != 0) return;
    closing = true;
    ERR_clear_error();
    SSL_shutdown(ssl.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(to_peer, &data);
    if (size > 0) {
      // Not much is lost when it does not fit: the end of the connection says it too.
      (void)::send(socket.fd(), data, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
      (void)BIO_reset(to_peer);
    }
  }
};

TlsTransport::TlsTransport(runtime::Socket socket, TlsContext& context, std::string peer)
    : session_(std::make_unique<Session>()) {
  session_->socket = std::move(socket);
  session_->peer = std::move(peer);
  session_->context = context.state().get();
  session_->ssl.reset(SSL_new(session_->context.get()));
  session_->from_peer = BIO_new(BIO_s_mem());
  session_->to_peer = BIO_new(BIO_s_mem());
  SSL_set_bio(session_->ssl.get(), session_->from_peer, session_->to_peer);
}

TlsTransport::~TlsTransport() {
  session_->say_goodbye();
}

Result<void> TlsTransport::handshake(Deadline deadline) {
  for (;;) {
    ERR_clear_error();
    const int done = SSL_accept(session_->ssl.get());
    const int error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(session_->ssl.get(), done);
    std::string reason;
    if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ) reason = openssl_error();
    // The answer, or the alert that tells the client what is wrong.
    auto sent = session_->flush(deadline);
    if (!reason.empty()) {
      session_->failed = true;
      return fail(ErrorCode::kInvalidArgument, "the TLS handshake failed: {}", reason);
    }
    if (done == 1) session_->find_certificate();
    if (!sent || done == 1) return sent;
    auto fed = session_->feed(
        [&](std::span<char> into) { return session_->socket.read_some(into, deadline); });
    if (!fed) return fail(fed);
    if (!*fed) return fail(ErrorCode::kClosed, "the client closed inside the TLS handshake");
  }
}

Result<std::size_t> TlsTransport::read_some(std::span<char> into, Deadline deadline) {
  return session_->decrypt(into, deadline, [&](std::span<char> space) {
    return session_->socket.read_some(space, deadline);
  });
}

Result<std::size_t> TlsTransport::try_read(std::span<char> into) {
  return session_->decrypt(into, Deadline::after(Duration::zero()),
                           [&](std::span<char> space) { return session_->socket.try_read(space); });
}

Result<void> TlsTransport::wait_readable(Deadline deadline) {
  if (SSL_has_pending(session_->ssl.get()) != 0 || BIO_pending(session_->from_peer) > 0) return {};
  session_->scratch = {};
  return session_->socket.wait_readable(deadline);
}

Result<void> TlsTransport::write_all(std::span<iovec> parts, More, Deadline deadline) {
  // Head and body in one record where they fit.
  std::string gathered;
  for (const iovec& part : parts) {
    const std::string_view bytes(static_cast<const char*>(part.iov_base), part.iov_len);
    if (parts.size() > 1 && gathered.size() + bytes.size() <= kRecord) {
      gathered += bytes;
      continue;
    }
    if (auto sent = session_->encrypt(gathered, deadline); !sent) return sent;
    gathered.clear();
    if (auto sent = session_->encrypt(bytes, deadline); !sent) return sent;
  }
  if (auto sent = session_->encrypt(gathered, deadline); !sent) return sent;
  return session_->flush(deadline);
}

Result<void> TlsTransport::send_file(int fd, std::uint64_t offset, std::uint64_t count,
                                     Deadline deadline) {
  std::vector<char> piece(kRecord);
  while (count > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(count, piece.size()));
    const ssize_t got = ::pread(fd, piece.data(), want, static_cast<off_t>(offset));
    if (got < 0) return fail(errno_error(errno, "cannot read a file that is sent"));
    if (got == 0) {
      return fail(ErrorCode::kDataCorrupt,
                  "a file became shorter while it was sent: {} bytes are missing", count);
    }
    const auto size = static_cast<std::size_t>(got);
    if (auto sent = session_->encrypt({piece.data(), size}, deadline); !sent) return sent;
    offset += size;
    count -= size;
  }
  return session_->flush(deadline);
}

void TlsTransport::limit_unsent() {
  ::setsockopt(session_->socket.fd(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kMostUnsent,
               sizeof kMostUnsent);
}
void TlsTransport::shutdown_write() {
  session_->say_goodbye();
  session_->socket.shutdown_write();
}
void TlsTransport::stop_reading() {
  ::shutdown(session_->socket.fd(), SHUT_RD);
}
void TlsTransport::shutdown_both() {
  session_->socket.shutdown_both();
}
void TlsTransport::reset_on_close() {
  session_->failed = true;
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(session_->socket.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}
std::string TlsTransport::peer_address() const {
  return session_->peer.empty() ? session_->socket.peer_address() : session_->peer;
}

std::string_view TlsTransport::client_certificate() const {
  return session_->certificate;
}

}  // namespace saola::http_conn
