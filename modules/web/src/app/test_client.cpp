#include <unistd.h>

#include <stdexcept>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/http/status.hpp>
#include <saola/http/uri.hpp>
#include <saola/web/test_client.hpp>

namespace saola::web {
namespace {

class CollectingWriter final : public http::BodyWriter {
 public:
  CollectingWriter(TestResponse& out, std::size_t hang_up_after, std::size_t leave_after)
      : out_(out), hang_up_after_(hang_up_after), leave_after_(leave_after) {}

  Result<void> write(std::string_view bytes) override {
    if (client_gone()) return fail(ErrorCode::kClosed, "the client closed its connection");
    out_.body += bytes;
    return {};
  }
  Result<void> flush() override {
    if (client_gone()) return fail(ErrorCode::kClosed, "the client closed its connection");
    return {};
  }
  bool client_gone() override { return out_.body.size() >= hang_up_after_; }
  bool leaving() const override { return out_.body.size() >= leave_after_; }
  void add_trailer(std::string_view name, std::string_view value) override {
    out_.trailers.emplace_back(name, value);
  }

 private:
  TestResponse& out_;
  const std::size_t hang_up_after_;
  const std::size_t leave_after_;
};

bool read_file(const http::FileBody& file, std::string& out) {
  out.resize(file.length);
  std::size_t done = 0;
  while (done < file.length) {
    const auto got = ::pread(file.fd.get(), out.data() + done, file.length - done,
                             static_cast<off_t>(file.offset + done));
    if (got <= 0) {
      out.resize(done);
      return false;
    }
    done += static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

boost::json::value TestResponse::json() const {
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(body, error);
  if (error) {
    throw std::runtime_error(fmt::format("The body is not JSON ({}): {}", error.message(), body));
  }
  return value;
}

TestResponse TestClient::request(std::string_view method, std::string_view target,
                                 std::string_view body, const HeaderList& headers) {
  std::vector<http::Field> fields = {{"Host", "localhost"}};
  for (const auto& [name, value] : headers) fields.push_back({name, value});
  std::string cookie_field;
  for (const auto& [name, value] : cookies_) {
    cookie_field += fmt::format("{}{}={}", cookie_field.empty() ? "" : "; ", name, value);
  }
  if (!cookies_.empty()) fields.push_back({"Cookie", cookie_field});

  http::StringBodyReader reader(body);
  http::Request raw;
  raw.method = http::method_from(method);
  raw.method_name = method;
  raw.target = target;
  raw.raw_path = method == "CONNECT" ? std::string_view() : target.substr(0, target.find('?'));
  raw.query = target.contains('?') ? target.substr(target.find('?') + 1) : std::string_view();
  const std::string path = http::percent_decode(raw.raw_path).value_or(std::string(raw.raw_path));
  raw.path = path;
  raw.host = "localhost";
  raw.headers = http::HeaderView(fields);
  raw.body = &reader;
  raw.remote_address = "127.0.0.1:1";
  raw.prefix = prefix_;

  http::Response response = handler_.handle(raw);
  TestResponse out;
  out.status = response.status;
  out.headers = std::move(response.headers);
  for (const http::Field& field : out.headers.fields()) {
    if (!http::iequals(field.name, "Set-Cookie")) continue;
    const std::string_view pair = field.value.substr(0, field.value.find(';'));
    const auto equals = pair.find('=');
    cookies_[std::string(pair.substr(0, equals))] = pair.substr(equals + 1);
    if (field.value.contains("; Max-Age=0")) cookies_.erase(std::string(pair.substr(0, equals)));
  }
  if (!http::response_has_body(raw.method, out.status)) return out;
  if (auto* text = std::get_if<std::string>(&response.body)) {
    out.body = std::move(*text);
  } else if (auto* shared = std::get_if<std::shared_ptr<const std::string>>(&response.body)) {
    out.body = **shared;
  } else if (auto* file = std::get_if<http::FileBody>(&response.body)) {
    out.complete = read_file(*file, out.body);
  } else if (auto* produced = std::get_if<http::StreamBody>(&response.body)) {
    CollectingWriter writer(out, hang_up_after_, leave_after_);
    try {
      out.complete = produced->produce(writer).has_value();
    } catch (const std::exception&) {
      out.complete = false;
    }
    if (produced->length && out.body.size() != *produced->length) out.complete = false;
  }
  return out;
}

TestResponse TestClient::post(std::string_view target, const boost::json::value& body,
                              const HeaderList& headers) {
  HeaderList all = {{"Content-Type", "application/json"}};
  all.insert(all.end(), headers.begin(), headers.end());
  return request("POST", target, boost::json::serialize(body), all);
}

}  // namespace saola::web
