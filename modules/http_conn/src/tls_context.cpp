#include "tls_context.hpp"

#include <string_view>

#include <openssl/err.h>

namespace saola::http_conn {
namespace {

// Takes "http/1.1"; a client that offers only other protocols is refused (RFC 7301 §3.2).
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kOurs, sizeof kOurs - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Result<std::shared_ptr<SSL_CTX>> make_context(const TlsOptions& options) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (context == nullptr) {
    return fail(ErrorCode::kInternal, "cannot set up TLS: {}", openssl_error());
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context.get(), select_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.certificate_file.c_str()) != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "the certificate file '{}' cannot be used ({}); it must be PEM, the server's "
                "certificate first",
                options.certificate_file, openssl_error());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "the key file '{}' cannot be used ({}); it must be PEM, without a passphrase, and "
                "belong to the certificate",
                options.key_file, openssl_error());
  }
  return context;
}

}  // namespace

std::string openssl_error() {
  char text[256] = "no reason given";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, text, sizeof text);
  }
  ERR_clear_error();
  return text;
}

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::load(TlsOptions options) {
  auto state = std::make_unique<State>();
  state->options = std::move(options);
  std::unique_ptr<TlsContext> context(new TlsContext(std::move(state)));
  if (auto loaded = context->reload(); !loaded) return std::unexpected(std::move(loaded).error());
  return context;
}

Result<void> TlsContext::reload() {
  auto made = make_context(state_->options);
  if (!made) return std::unexpected(std::move(made).error());
  const std::lock_guard lock(state_->mutex);
  state_->current = std::move(*made);
  return {};
}

}  // namespace saola::http_conn
