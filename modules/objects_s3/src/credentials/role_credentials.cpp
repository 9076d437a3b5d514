#include "credentials/role_credentials.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <utility>

#include <boost/json.hpp>
#include <curl/curl.h>

#include <saola/objects/checksum.hpp>

#include "credentials/fetch.hpp"
#include "credentials/profiles.hpp"
#include "xml_text.hpp"

namespace saola::objects_s3 {
namespace {

namespace json = boost::json;

constexpr std::string_view kContainerAgent = "http://169.254.170.2";
constexpr std::string_view kMetadata = "http://169.254.169.254";
// As boto3: a machine without metadata must not be waited for.
constexpr std::chrono::milliseconds kMetadataTime(1'000);

// "2026-11-25T17:00:00Z", with a fraction or an offset; unset when it is no such time.
std::optional<SystemTime> parse_time(const std::string& text) {
  std::tm tm{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
  if (rest == nullptr) return std::nullopt;
  if (*rest == '.') rest += 1 + std::string_view(rest + 1).find_first_not_of("0123456789");
  std::tm offset{};
  if (::strptime(rest, "%z", &offset) == nullptr) return std::nullopt;
  return SystemTime(std::chrono::seconds(::timegm(&tm) - offset.tm_gmtoff));
}

std::unexpected<Error> refused(const std::string& source, const Fetched& answer) {
  return fail(ErrorCode::kUnauthenticated, "{} gave no S3 credentials: it answered {} {}", source,
              answer.status, answer.body.substr(0, 200));
}

std::unexpected<Error> away(const std::string& source, const Error& error) {
  return fail(ErrorCode::kUnavailable, "{} cannot be asked for S3 credentials: {}", source,
              error.message());
}

Result<FoundCredentials> ask(const FetchRequest& request, const std::string& source,
                             Deadline deadline) {
  const auto answer = fetch(request, deadline);
  if (!answer) return away(source, answer.error());
  if (answer->status != 200) return refused(source, *answer);
  return keys_of_json(answer->body, source);
}

// The host of a URL; empty when it is none.
std::string host_of(const std::string& text, std::string& scheme) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return "";
  std::string out[2];
  constexpr CURLUPart kParts[] = {CURLUPART_SCHEME, CURLUPART_HOST};
  for (int i = 0; i < 2; ++i) {
    char* part = nullptr;
    if (curl_url_get(url.get(), kParts[i], &part, 0) != CURLUE_OK) return "";
    out[i] = part;
    curl_free(part);
  }
  scheme = out[0];
  return out[1];
}

// Keys and a token may go over plain HTTP only to this machine and to the agents on its link.
Result<void> check_full_uri(const std::string& uri) {
  std::string scheme;
  const std::string host = host_of(uri, scheme);
  constexpr std::array<std::string_view, 5> kNear{"localhost", "[::1]", "169.254.170.2",
                                                  "169.254.170.23", "[fd00:ec2::23]"};
  if (scheme == "https" && !host.empty()) return {};
  if (scheme == "http" && (host.starts_with("127.") ||
                           std::ranges::find(kNear, std::string_view(host)) != kNear.end())) {
    return {};
  }
  return fail(ErrorCode::kUnauthenticated,
              "AWS_CONTAINER_CREDENTIALS_FULL_URI cannot be used: it must be https, or http to "
              "this machine or a container's agent (169.254.170.2, 169.254.170.23)");
}

Result<std::string> token_of(const std::string& file) {
  auto token = read_small_file(file);
  if (!token) {
    return fail(ErrorCode::kUnauthenticated, "the token for S3 credentials cannot be read: {}",
                token.error().message());
  }
  while (!token->empty() && (token->back() == '\n' || token->back() == '\r')) token->pop_back();
  return token;
}

std::string session_name(const StsRole& role) {
  if (!role.session_name.empty()) return role.session_name;
  return fmt::format("saola-{}", ::getpid());
}

Result<FoundCredentials> ask_sts(const StsRole& role, NameValues parameters,
                                 const S3Credentials* by, const std::string& source,
                                 Deadline deadline) {
  const std::string origin = role.endpoint.empty()
                                 ? fmt::format("https://sts.{}.amazonaws.com", role.region)
                                 : role.endpoint;
  parameters.emplace_back("Version", "2011-06-15");
  parameters.emplace_back("RoleArn", role.arn);
  parameters.emplace_back("RoleSessionName", session_name(role));
  if (!role.external_id.empty()) parameters.emplace_back("ExternalId", role.external_id);
  if (!role.duration_seconds.empty()) {
    parameters.emplace_back("DurationSeconds", role.duration_seconds);
  }
  const std::size_t slashes = origin.find("://");
  std::string host = slashes == std::string::npos ? origin : origin.substr(slashes + 3);
  const std::size_t slash = host.find('/');
  const std::string path = slash == std::string::npos ? "/" : host.substr(slash);
  host.resize(std::min(host.size(), slash));
  FetchRequest request{
      .method = "POST",
      .url = slash == std::string::npos ? origin + "/" : origin,
      .headers = {{"content-type", "application/x-www-form-urlencoded"}, {"host", host}},
      .body = query_string(parameters),
      .through_proxy = true,
      .ca_file = role.ca_file};
  if (by != nullptr) {
    const SystemTime now = real_clock().system_now();
    request.headers.emplace_back("x-amz-date", amz_date(now));
    if (!by->session_token.empty()) {
      request.headers.emplace_back("x-amz-security-token", by->session_token);
    }
    const std::string sha256 = objects::sha256_hex(request.body);
    request.headers.emplace_back("authorization", sign({.method = "POST",
                                                        .path = path,
                                                        .query = "",
                                                        .headers = request.headers,
                                                        .payload_sha256 = sha256,
                                                        .region = role.region,
                                                        .time = now,
                                                        .service = "sts"},
                                                       *by));
  }
  const auto answer = fetch(request, deadline);
  if (!answer) return away(source, answer.error());
  if (answer->status != 200) {
    return fail(answer->status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kUnauthenticated,
                "{} gave no S3 credentials: {} answered {} {} ({})", source, origin, answer->status,
                xml_text(answer->body, "Code", 64), xml_text(answer->body, "Message", 200));
  }
  FoundCredentials found;
  found.credentials =
      S3Credentials{.access_key_id = xml_text(answer->body, "AccessKeyId"),
                    .secret_access_key = xml_text(answer->body, "SecretAccessKey"),
                    .session_token = xml_text(answer->body, "SessionToken", 16 << 10)};
  found.source = source;
  found.keep = true;
  found.expires = parse_time(xml_text(answer->body, "Expiration"));
  if (found.credentials->access_key_id.empty() || found.credentials->secret_access_key.empty()) {
    return fail(ErrorCode::kUnauthenticated, "{} gave no S3 credentials: {} answered without keys",
                source, origin);
  }
  return found;
}

}  // namespace

Result<FoundCredentials> keys_of_json(std::string_view text, std::string source) {
  boost::system::error_code bad;
  const json::value value = json::parse(text, bad);
  const json::object* object = bad ? nullptr : value.if_object();
  const auto member = [&](std::string_view name) -> std::string {
    const json::value* found = object == nullptr ? nullptr : object->if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->as_string()) : "";
  };
  FoundCredentials found;
  found.credentials = S3Credentials{.access_key_id = member("AccessKeyId"),
                                    .secret_access_key = member("SecretAccessKey"),
                                    .session_token = member("SessionToken")};
  if (found.credentials->session_token.empty()) found.credentials->session_token = member("Token");
  if (found.credentials->access_key_id.empty() || found.credentials->secret_access_key.empty()) {
    return fail(ErrorCode::kUnauthenticated,
                "{} gave no S3 credentials: what it says is no JSON with AccessKeyId and "
                "SecretAccessKey{}",
                source, member("Message").empty() ? "" : " (" + member("Message") + ")");
  }
  found.source = std::move(source);
  found.keep = true;
  found.expires = parse_time(member("Expiration"));
  return found;
}

std::optional<Result<FoundCredentials>> container_credentials(Deadline deadline) {
  const std::string relative = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  std::string uri = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && uri.empty()) return std::nullopt;
  if (relative.empty()) {
    if (auto ok = check_full_uri(uri); !ok) return fail(ok);
  } else {
    uri = std::string(kContainerAgent) + (relative.starts_with('/') ? "" : "/") + relative;
  }
  FetchRequest request{.url = uri, .headers = {{"accept", "application/json"}}};
  std::string token = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (const std::string file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
      !file.empty()) {
    auto read = token_of(file);
    if (!read) return fail(read);
    token = *std::move(read);
  }
  if (token.find_first_of("\r\n") != std::string::npos) {
    return fail(ErrorCode::kUnauthenticated,
                "the container's authorization token cannot be used: it has several lines");
  }
  if (!token.empty()) request.headers.emplace_back("authorization", token);
  return ask(request, "the container's role (" + uri + ")", deadline);
}

std::optional<Result<FoundCredentials>> instance_credentials(Deadline deadline) {
  if (environment("AWS_EC2_METADATA_DISABLED") == "true") return std::nullopt;
  std::string origin = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (origin.empty()) origin = kMetadata;
  while (origin.ends_with('/')) origin.pop_back();
  const std::string source = fmt::format("the instance's role ({})", origin);
  FetchRequest request{.method = "PUT",
                       .url = origin + "/latest/api/token",
                       .headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}},
                       .timeout = kMetadataTime,
                       .tries = 1};
  const auto token = fetch(request, deadline);
  // Version 1, which knows no tokens, as boto3 falls back to it: where the token is not known, and
  // where its answer does not come, as in a container that is more hops away than it may travel.
  const bool silent = !token && token.error().code() == ErrorCode::kTimedOut;
  if (!token && !silent) return std::nullopt;
  const bool version_2 = token && token->status == 200;
  const bool version_1 = environment("AWS_EC2_METADATA_V1_DISABLED") != "true";
  if (token && !version_2 && (token->status == 400 || !version_1)) return refused(source, *token);
  if (silent && !version_1) return std::nullopt;
  request = {.url = origin + "/latest/meta-data/iam/security-credentials/",
             .timeout = kMetadataTime,
             .tries = version_2 ? request.tries : 1};
  if (version_2) request.headers = {{"x-aws-ec2-metadata-token", token->body}};
  const auto role = fetch(request, deadline);
  if (!role && silent) return std::nullopt;
  if (!role) return away(source, role.error());
  if (role->status == 404) return std::nullopt;
  if (role->status != 200) return refused(source, *role);
  const std::string name = role->body.substr(0, role->body.find_first_of("\r\n"));
  if (name.empty()) return std::nullopt;
  request.url += name;
  return ask(request, fmt::format("the instance's role '{}' ({})", name, origin), deadline);
}

Result<FoundCredentials> assume_role_with_web_identity(const StsRole& role,
                                                       const std::string& token_file,
                                                       Deadline deadline) {
  const auto token = token_of(token_file);
  if (!token) return fail(token);
  return ask_sts(role, {{"Action", "AssumeRoleWithWebIdentity"}, {"WebIdentityToken", *token}},
                 nullptr, fmt::format("the role {} by web identity", role.arn), deadline);
}

Result<FoundCredentials> assume_role(const StsRole& role, const S3Credentials& by,
                                     Deadline deadline) {
  return ask_sts(role, {{"Action", "AssumeRole"}}, &by, fmt::format("the role {}", role.arn),
                 deadline);
}

}  // namespace saola::objects_s3
