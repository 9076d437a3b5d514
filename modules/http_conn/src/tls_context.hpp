// What TlsContext keeps; OpenSSL stays out of the public header.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include <openssl/ssl.h>

#include <saola/http_conn/tls.hpp>

namespace saola::http_conn {

// The oldest reason in OpenSSL's queue as text; empties the queue.
std::string openssl_error();

struct TlsContext::State {
  TlsOptions options;
  std::mutex mutex;
  // Shared with the connections whose handshake used it. GUARDED_BY(mutex)
  std::shared_ptr<SSL_CTX> current;

  std::shared_ptr<SSL_CTX> get() {
    const std::lock_guard lock(mutex);
    return current;
  }
};

}  // namespace saola::http_conn
