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

// What Mozilla calls intermediate, without DHE: forward secrecy and authenticated encryption only.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

Result<void> choose_ciphers(SSL_CTX* context, const TlsOptions& options) {
  const std::string& list = options.ciphers;
  if (SSL_CTX_set_cipher_list(context, list.empty() ? kCiphers : list.c_str()) != 1) {
    return fail(
        ErrorCode::kInvalidArgument,
        "ciphers '{}' names no suite of TLS 1.2 that OpenSSL has ({}); `openssl ciphers -v` "
        "lists them",
        list, openssl_error());
  }
  if (!options.cipher_suites.empty() &&
      SSL_CTX_set_ciphersuites(context, options.cipher_suites.c_str()) != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "ciphersuites '{}' names a suite of TLS 1.3 that OpenSSL does not have ({})",
                options.cipher_suites, openssl_error());
  }
  return {};
}

Result<void> ask_for_certificate(SSL_CTX* context, const TlsOptions& options) {
  using enum TlsOptions::ClientCertificate;
  if (options.client_certificate == kNone) return {};
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(options.ca_file.c_str());
  if (names == nullptr ||
      SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return fail(ErrorCode::kInvalidArgument,
                "the file of authorities '{}' cannot be used ({}); it must be PEM", options.ca_file,
                openssl_error());
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(
      context,
      SSL_VERIFY_PEER |
          (options.client_certificate == kRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
      nullptr);
  // Without one, a client that resumes its session would be refused.
  static constexpr std::string_view kContext = "saola";
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kContext.data()),
                                 kContext.size());
  return {};
}

Result<std::shared_ptr<SSL_CTX>> make_context(const TlsOptions& options) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (context == nullptr) {
    return fail(ErrorCode::kInternal, "cannot set up TLS: {}", openssl_error());
  }
  SSL_CTX_set_min_proto_version(
      context.get(), options.least == TlsOptions::Version::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (auto chosen = choose_ciphers(context.get(), options); !chosen) {
    return fail(chosen);
  }
  if (auto asked = ask_for_certificate(context.get(), options); !asked) {
    return fail(asked);
  }
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
  if (auto loaded = context->reload(); !loaded) return fail(loaded);
  return context;
}

Result<void> TlsContext::reload() {
  auto made = make_context(state_->options);
  if (!made) return fail(made);
  const std::lock_guard lock(state_->mutex);
  state_->current = std::move(*made);
  return {};
}

}  // namespace saola::http_conn
