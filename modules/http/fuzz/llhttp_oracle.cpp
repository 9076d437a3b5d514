#include "llhttp_oracle.hpp"

#include <cstdlib>
#include <iostream>
#include <string>

#include <llhttp/llhttp.h>

namespace saola::corpus {
namespace {

struct Seen {
  std::string url, body;
  int complete = 0;
};

Seen& seen(llhttp_t* parser) {
  return *static_cast<Seen*>(parser->data);
}

int on_url(llhttp_t* parser, const char* at, size_t length) {
  seen(parser).url.append(at, length);
  return 0;
}
int on_body(llhttp_t* parser, const char* at, size_t length) {
  seen(parser).body.append(at, length);
  return 0;
}
int on_complete(llhttp_t* parser) {
  ++seen(parser).complete;
  return HPE_PAUSED;
}

// Whether llhttp has an opinion: it knows a fixed list of methods.
bool is_known(std::string_view method) {
  for (const char* known : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"}) {
    if (method == known) return true;
  }
  return false;
}

}  // namespace

void require_llhttp_agrees(std::string_view bytes, const Exchange& exchange) {
  const std::string method = exchange.line.substr(0, exchange.line.find(' '));
  const std::string target =
      exchange.line.substr(method.size() + 1, exchange.line.size() - method.size() - 5);
  const std::string version = exchange.line.substr(exchange.line.size() - 3);
  if (!is_known(method) || (version != "1.0" && version != "1.1")) return;

  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_url = on_url;
  settings.on_body = on_body;
  settings.on_message_complete = on_complete;
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  Seen result;
  parser.data = &result;
  const llhttp_errno_t error = llhttp_execute(&parser, bytes.data(), bytes.size());
  // It stops at an Upgrade to let the caller take over, which we decline, and does not take
  // quoted values and white space in chunk extensions, which never appear in what is written anew.
  if (error == HPE_PAUSED_UPGRADE || parser.upgrade != 0) return;
  if (error != HPE_PAUSED || result.complete != 1 || result.url != target ||
      result.body != exchange.body) {
    std::cerr << "llhttp disagrees: " << llhttp_errno_name(error) << " "
              << llhttp_get_error_reason(&parser) << "\n"
              << bytes << "\n";
    std::abort();
  }
}

}  // namespace saola::corpus
