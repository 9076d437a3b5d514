#include <fcntl.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <saola/testing/temp_folder.hpp>

#include "test_server.hpp"

namespace saola::http_conn {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// A folder with a certificate for `name` signed by itself, and its key.
class Certificate {
 public:
  Certificate() { write("first.test"); }

  TlsOptions options() const {
    return {.certificate_file = folder_ / "cert.pem", .key_file = folder_ / "key.pem"};
  }

  void write(const std::string& name) const {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_sign(certificate, key, EVP_sha256());
    std::FILE* file = std::fopen(options().certificate_file.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(options().key_file.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

 private:
  TempFolder folder_;
};

// A blocking TLS client that trusts everybody.
class TlsClient {
 public:
  explicit TlsClient(const TestServer& server, const std::string& protocols = "\x08http/1.1",
                     int most = 0, const std::function<void(SSL_CTX*)>& prepare = {})
      : client_(server), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    if (prepare) prepare(context_.get());
    if (most != 0) SSL_CTX_set_max_proto_version(context_.get(), most);
    SSL_CTX_set_alpn_protos(context_.get(),
                            reinterpret_cast<const unsigned char*>(protocols.data()),
                            static_cast<unsigned>(protocols.size()));
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), client_.fd());
    connected_ = SSL_connect(ssl_.get()) == 1;
  }

  bool connected() const { return connected_; }
  std::string protocol() const {
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
    return {reinterpret_cast<const char*>(chosen), size};
  }
  std::string server_name() const {
    X509* certificate = SSL_get1_peer_certificate(ssl_.get());
    char name[100] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    X509_free(certificate);
    return name;
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const int count = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      ASSERT_GT(count, 0);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  std::string read_until(std::string_view end) {
    while (received_.find(end) == std::string::npos && more()) {
    }
    return std::exchange(received_, {});
  }
  // To the end of the stream, which must be said in good order.
  std::string read_all() {
    while (more()) {
    }
    EXPECT_EQ(SSL_get_error(ssl_.get(), last_), SSL_ERROR_ZERO_RETURN);
    return std::exchange(received_, {});
  }

 private:
  bool more() {
    char buffer[20000];
    last_ = SSL_read(ssl_.get(), buffer, sizeof buffer);
    if (last_ > 0) received_.append(buffer, static_cast<std::size_t>(last_));
    return last_ > 0;
  }

  Client client_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  std::string received_;
  bool connected_ = false;
  int last_ = 0;
};

http::Response handle(http::Request& request) {
  EXPECT_EQ(request.scheme, "https");
  if (request.path == "/who") {
    return http::Response(200, "text/plain", fmt::format("<{}>", request.client_certificate));
  }
  if (request.path == "/large") return http::Response(200, "text/plain", std::string(3000000, 'x'));
  if (request.path == "/file") {
    http::Response response;
    response.body =
        http::FileBody{unique_fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), 1, 200000};
    return response;
  }
  auto body = request.body->read_all(1 << 26);
  return http::Response(200, "text/plain", body ? std::move(*body) : "");
}

class TlsTest : public testing::TestWithParam<Model> {
 protected:
  Certificate certificate_;
  std::unique_ptr<TlsContext> context_ = TlsContext::load(certificate_.options()).value();
};

TEST_P(TlsTest, ServesRequestsOneAfterTheOther) {
  TestServer server(GetParam(), handle, {}, {.tls = context_.get()});
  TlsClient client(server);
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.protocol(), "http/1.1");
  for (int i = 0; i < 3; ++i) {
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_THAT(client.read_until("abc"), StartsWith("HTTP/1.1 200 OK\r\n"));
    // Longer than an idle connection keeps its buffers.
    if (i == 1) std::this_thread::sleep_for(80ms);
  }
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_all(), HasSubstr("Connection: close"));
}

TEST_P(TlsTest, LargeBodiesBothWays) {
  TestServer server(GetParam(), handle, {}, {.tls = context_.get()});
  TlsClient client(server);
  client.send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("\r\n\r\n" + std::string(3000000, 'x')));
  TlsClient file(server);
  file.send("GET /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(file.read_all(), HasSubstr("\r\n\r\nELF"));
  TlsClient sender(server);
  const std::string body(1000000, 'y');
  sender.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n" +
              body);
  EXPECT_THAT(sender.read_all(), EndsWith("\r\n\r\n" + body));
}

TEST_P(TlsTest, RefusesWhatIsTooOldOrAnotherProtocol) {
  TestServer server(GetParam(), handle, {}, {.tls = context_.get()});
  EXPECT_FALSE(TlsClient(server, "\x08http/1.1", TLS1_1_VERSION).connected());
  EXPECT_FALSE(TlsClient(server, "\x02h2").connected());
  EXPECT_EQ(TlsClient(server, "\x02h2\x08http/1.1").protocol(), "http/1.1");
  Client plain(server);
  plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(plain.read_all(), testing::Not(HasSubstr("HTTP")));
}

TEST_P(TlsTest, ASilentHandshakeEnds) {
  ServiceOptions options;
  options.header_timeout = 100ms;
  TestServer server(GetParam(), handle, options, {.tls = context_.get()});
  Client client(server);
  client.send("\x16\x03\x01");
  EXPECT_EQ(client.read_all(), "");
}

TEST_P(TlsTest, StopEndsAHandshakeThatWaits) {
  TestServer server(GetParam(), handle, {}, {.tls = context_.get()});
  Client client(server);
  client.send("\x16");
  while (server.service().stats().open == 0) std::this_thread::yield();
  server.service().stop();
  EXPECT_EQ(client.read_all(), "");
  EXPECT_TRUE(server.service().wait_closed(Deadline::after(10s)));
}

TEST_P(TlsTest, ANewCertificateIsUsedAfterReload) {
  TestServer server(GetParam(), handle, {}, {.tls = context_.get()});
  TlsClient before(server);
  EXPECT_EQ(before.server_name(), "first.test");
  certificate_.write("second.test");
  ASSERT_TRUE(context_->reload());
  EXPECT_EQ(TlsClient(server).server_name(), "second.test");
  before.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_THAT(before.read_until("abc"), StartsWith("HTTP/1.1 200"));
  std::ofstream(certificate_.options().key_file) << "nonsense";
  const auto failed = context_->reload();
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().text(), HasSubstr("key.pem"));
  EXPECT_EQ(TlsClient(server).server_name(), "second.test") << "the old one stays in use";
}

// With "TLS 1.2 at most", which lets the client know at once how the handshake ended.
TlsClient client_of_12(const TestServer& server, const std::function<void(SSL_CTX*)>& prepare) {
  return TlsClient(server, "\x08http/1.1", TLS1_2_VERSION, prepare);
}

auto with_ciphers(const char* list) {
  return [list](SSL_CTX* context) { SSL_CTX_set_cipher_list(context, list); };
}

TEST_P(TlsTest, SuitesAreModernUnlessOthersAreAskedFor) {
  TestServer server(GetParam(), handle, {}, {.tls = context_.get()});
  for (const char* good : {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"}) {
    EXPECT_TRUE(client_of_12(server, with_ciphers(good)).connected()) << good;
  }
  for (const char* old : {"ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
                          "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-CCM"}) {
    EXPECT_FALSE(client_of_12(server, with_ciphers(old)).connected()) << old;
  }
  TlsOptions asked = certificate_.options();
  asked.ciphers = "ECDHE-ECDSA-AES128-SHA256";
  const auto context = TlsContext::load(asked).value();
  TestServer other(GetParam(), handle, {}, {.tls = context.get()});
  EXPECT_TRUE(client_of_12(other, with_ciphers("ECDHE-ECDSA-AES128-SHA256")).connected());
  EXPECT_FALSE(client_of_12(other, with_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")).connected());
}

TEST_P(TlsTest, TheLeastVersionCanBeRaised) {
  TlsOptions asked = certificate_.options();
  asked.least = TlsOptions::Version::k13;
  asked.cipher_suites = "TLS_CHACHA20_POLY1305_SHA256";
  const auto context = TlsContext::load(asked).value();
  TestServer server(GetParam(), handle, {}, {.tls = context.get()});
  EXPECT_TRUE(TlsClient(server).connected());
  EXPECT_FALSE(client_of_12(server, {}).connected());
  EXPECT_FALSE(TlsClient(server, "\x08http/1.1", 0, [](SSL_CTX* client) {
                 SSL_CTX_set_ciphersuites(client, "TLS_AES_128_GCM_SHA256");
               }).connected());
}

TEST_P(TlsTest, ClientsMayOrMustShowACertificate) {
  const Certificate trusted;
  trusted.write("ann");
  const Certificate stranger;
  stranger.write("mallory");
  const auto showing = [](const Certificate& certificate) {
    return [options = certificate.options()](SSL_CTX* context) {
      SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str());
      SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM);
    };
  };
  const auto who = [](TlsClient client) {
    client.send("GET /who HTTP/1.1\r\nHost: a\r\n\r\n");
    return client.read_until(">");
  };
  TlsOptions asked = certificate_.options();
  asked.ca_file = trusted.options().certificate_file;
  asked.client_certificate = TlsOptions::ClientCertificate::kOptional;
  const auto may = TlsContext::load(asked).value();
  TestServer optional(GetParam(), handle, {}, {.tls = may.get()});
  EXPECT_THAT(who(client_of_12(optional, showing(trusted))), EndsWith("<CN=ann>"));
  EXPECT_THAT(who(TlsClient(optional, "\x08http/1.1", 0, showing(trusted))), EndsWith("<CN=ann>"));
  EXPECT_THAT(who(client_of_12(optional, {})), EndsWith("<>"));
  EXPECT_FALSE(client_of_12(optional, showing(stranger)).connected());

  asked.client_certificate = TlsOptions::ClientCertificate::kRequired;
  const auto must = TlsContext::load(asked).value();
  TestServer required(GetParam(), handle, {}, {.tls = must.get()});
  EXPECT_THAT(who(client_of_12(required, showing(trusted))), EndsWith("<CN=ann>"));
  EXPECT_FALSE(client_of_12(required, {}).connected());
  EXPECT_FALSE(client_of_12(required, showing(stranger)).connected());
}

TEST(TlsContext, SaysWhichSettingIsWrong) {
  const Certificate certificate;
  TlsOptions options = certificate.options();
  options.ciphers = "NO-SUCH-SUITE";
  EXPECT_THAT(TlsContext::load(options).error().text(), HasSubstr("NO-SUCH-SUITE"));
  options = certificate.options();
  options.cipher_suites = "TLS_NONE";
  EXPECT_THAT(TlsContext::load(options).error().text(), HasSubstr("TLS_NONE"));
  options = certificate.options();
  options.client_certificate = TlsOptions::ClientCertificate::kRequired;
  options.ca_file = "/none/ca.pem";
  EXPECT_THAT(TlsContext::load(options).error().text(), HasSubstr("/none/ca.pem"));
}

TEST(TlsContext, NamesTheFileThatCannotBeUsed) {
  const auto missing =
      TlsContext::load({.certificate_file = "/none/cert.pem", .key_file = "/none/key.pem"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(missing.error().text(), HasSubstr("/none/cert.pem"));
}

INSTANTIATE_TEST_SUITE_P(Both, TlsTest, testing::Values(Model::kFiber, Model::kThread),
                         [](const auto& param_info) {
                           return param_info.param == Model::kFiber ? "Fiber" : "Thread";
                         });

}  // namespace
}  // namespace saola::http_conn
