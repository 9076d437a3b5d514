#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <random>
#include <string>
#include <utility>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/unique_fd.hpp>
#include <saola/http/media_type.hpp>
#include <saola/runtime/offload.hpp>
#include <saola/service/uploads.hpp>

#include "uploads/form_file.hpp"

namespace saola {
namespace {

namespace fs = std::filesystem;
using web::Schema;

// What a form may have besides the file's bytes before it is refused by its length alone.
constexpr std::uint64_t kFormAround = 1 << 20;
constexpr std::string_view kFolder = "uploads/";

Error too_large(std::uint64_t most_bytes, std::string_view setting) {
  const std::string why = setting.empty() ? "" : fmt::format(" (setting {})", setting);
  return Error(ErrorCode::kTooLarge,
               fmt::format("the file has more than {} bytes{}", most_bytes, why));
}

// The server's fault whatever the reason, and the folder is nobody's business.
Error cannot_keep(int error_number) {
  return Error(ErrorCode::kUnavailable, errno_error(error_number, "keep the upload").message());
}

// A file that is gone when the upload is over.
class Spool {
 public:
  Spool(std::uint64_t most_bytes, std::string_view setting)
      : most_bytes_(most_bytes),
        setting_(setting),
        path_((fs::temp_directory_path() / "saola-upload-XXXXXX").string()) {
    fd_ = unique_fd(::mkstemp(path_.data()));
    if (!fd_) throw HttpError(cannot_keep(errno));
  }
  ~Spool() { ::unlink(path_.c_str()); }
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }

  Result<void> write(std::string_view bytes) {
    size_ += bytes.size();
    if (size_ > most_bytes_) return fail(too_large(most_bytes_, setting_));
    while (!bytes.empty()) {
      const auto wrote = ::write(fd_.get(), bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return fail(cannot_keep(errno));
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return {};
  }

 private:
  const std::uint64_t most_bytes_;
  const std::string_view setting_;
  std::string path_;
  unique_fd fd_;
  std::uint64_t size_ = 0;
};

std::string boundary_of(const Request& request) {
  const auto type = http::parse_media_type(request.headers().get_or("Content-Type", ""));
  const auto boundary = type ? type->parameter("boundary") : std::nullopt;
  if (!type || type->type != "multipart" || type->subtype != "form-data" || !boundary ||
      boundary->empty()) {
    throw HttpError(415,
                    "An upload is multipart/form-data with one file: "
                    "curl -F file=@units.csv …/uploads");
  }
  return std::string(*boundary);
}

// Where the request says, or the first bucket that may be written.
objects::ObjectPrefix destination_of(const Request& request, const objects::Buckets& buckets) {
  if (const auto asked = request.arg("destination")) {
    auto prefix = objects::ObjectPrefix::parse(*asked);
    if (!prefix) throw HttpError(prefix.error());
    if (auto ok = buckets.check_writable(*prefix); !ok) throw HttpError(ok.error());
    return *std::move(prefix);
  }
  for (const auto& bucket : buckets.names()) {
    auto prefix = objects::ObjectPrefix::parse(fmt::format("s3://{}/{}", bucket, kFolder));
    if (prefix && buckets.check_writable(*prefix)) return *std::move(prefix);
  }
  throw HttpError(Error(ErrorCode::kPermissionDenied,
                        fmt::format("No configured bucket may be written under {}; say in "
                                    "'destination' where the file may go",
                                    kFolder)));
}

// The last part of what the client called it, in plain characters.
std::string leaf_of(std::string_view name) {
  name = name.substr(name.find_last_of("/\\") + 1);
  constexpr std::size_t kLongest = 100;
  std::string out;
  for (const char c : name.substr(name.size() - std::min(name.size(), kLongest))) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) != 0 || c == '.' || c == '-' || c == '_';
    out.push_back(plain ? c : '_');
  }
  return out.find_first_not_of("._") == out.npos ? "file" : out;
}

std::string random_word() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

Response upload(Request& request, objects::Buckets& buckets, const UploadOptions& how) {
  const std::uint64_t most_bytes = how.most_bytes();
  request.refuse_unknown_args();
  const auto boundary = boundary_of(request);
  const auto destination = destination_of(request, buckets);
  auto& body = *request.raw().body;
  if (body.length().value_or(0) > most_bytes + kFormAround) {
    throw HttpError(too_large(most_bytes, how.setting));
  }
  Spool spool(most_bytes, how.setting);
  FormFile form(boundary, [&](std::string_view bytes) { return spool.write(bytes); });
  std::vector<char> buffer(256 * 1024);
  while (true) {
    const auto got = body.read(buffer);
    if (!got) throw HttpError(got.error());
    if (*got == 0) break;
    // A disk may be slow: only this request waits for it.
    const auto fed = runtime::offload_blocking([&] { return form.feed({buffer.data(), *got}); });
    if (!fed) throw HttpError(fed.error());
  }
  if (auto ok = form.finish(); !ok) throw HttpError(ok.error());
  const auto name = destination.object(fmt::format("{}/{}", random_word(), leaf_of(form.name())));
  if (!name) throw HttpError(name.error());
  objects::CallOptions options;
  options.stop = request.leaving();
  const auto stored =
      runtime::offload_blocking([&] { return buckets.put_file(*name, spool.path(), options); });
  if (!stored) throw HttpError(stored.error());
  return web::json(boost::json::object{{"source", name->to_string()}, {"bytes", spool.size()}},
                   201);
}

}  // namespace

void add_upload_route(Service& service, UploadOptions options) {
  const std::string limit = options.setting.empty() ? "" : options.setting + " and ";
  const std::string use = options.used_by.empty()
                              ? "names the object"
                              : fmt::format("is what {} takes", options.used_by);
  const std::string doc = fmt::format(
      "Store a local file\n\nmultipart/form-data with one file, within {}limit-request-body. The "
      "answer's 'source' {}. Uploads are kept until somebody removes them from the bucket.",
      limit, use);
  service.post(
      "/uploads",
      [&service, how = std::move(options)](Request& request) {
        return upload(request, service.buckets(), how);
      },
      {.endpoint = "upload",
       .doc = doc,
       .parameters = {{.name = "destination",
                       .doc = "s3://bucket/prefix/ where it may be written. Default: uploads/ in "
                              "the first bucket that is writable there"}},
       .answer = Schema::object({{"source", Schema::string(), web::Required::kYes},
                                 {"bytes", Schema::integer().min(0), web::Required::kYes}}),
       .responses = {{201, "Stored"},
                     {400, "No form, or no file in it"},
                     {403, "The bucket may not be written there"},
                     {413, "Too large"},
                     {415, "No multipart/form-data"},
                     {503, "There is no room for it now"}}});
}

}  // namespace saola
