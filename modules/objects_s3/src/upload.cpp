// One PUT, or above a size an upload in parts that is completed at the end and aborted on failure.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <curl/curl.h>

#include <saola/base/log.hpp>

#include "operations.hpp"
#include "xml_text.hpp"

namespace saola::objects_s3 {
namespace {

using objects::ByteSource;
using objects::CallOptions;
using objects::ObjectInfo;
using objects::ObjectName;

// Amazon's limits: parts (but the last) of at least 5 MiB, at most 10,000 of them.
constexpr std::uint64_t kSmallestPart = 5 * 1024 * 1024;
constexpr std::uint64_t kMostParts = 10'000;
constexpr Duration kAbortTime = std::chrono::seconds(2);

class PlainCall final : public Call {
 public:
  using Call::Call;
};

// A PUT of bytes it owns.
class PutCall final : public Call {
 public:
  PutCall(NameValues query, std::string bytes) : Call({}), bytes_(std::move(bytes)) {
    request_.method = "PUT";
    request_.query = std::move(query);
    request_.body = bytes_;
  }
  std::string take_buffer() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

std::string xml_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

Result<std::string> read_block(const ByteSource& source, std::uint64_t offset, std::uint64_t size,
                               std::string buffer) {
  buffer.resize(size);
  auto ok = source.read(offset, std::as_writable_bytes(std::span(buffer)));
  if (!ok) return fail(ok);
  return buffer;
}

Result<ObjectInfo> put_at_once(Driver& driver, const ByteSource& source,
                               const CallOptions& options) {
  const std::uint64_t total = source.size();
  auto bytes = read_block(source, 0, total, {});
  if (!bytes) return fail(bytes);
  PutCall put({}, std::move(*bytes));
  auto answer = driver.run(put);
  if (!answer) return fail(answer);
  if (options.progress) options.progress(total, total);
  return ObjectInfo{.size = total, .etag = std::string(answer->header("etag")), .modified = {}};
}

// Uploads every part; the ETags in the parts' order.
Result<std::vector<std::string>> put_parts(Driver& driver, const ByteSource& source,
                                           const CallOptions& options, unsigned parallel,
                                           std::uint64_t part_size, const std::string& upload_id) {
  const std::uint64_t total = source.size();
  std::vector<std::string> etags((total + part_size - 1) / part_size);
  struct Part {
    std::size_t index;
    std::uint64_t size;
    std::unique_ptr<PutCall> call;
  };
  std::vector<Part> active;
  std::vector<std::string> buffers;
  std::size_t next = 0;
  std::uint64_t done = 0;
  while (done < total) {
    while (active.size() < parallel && next < etags.size()) {
      const std::uint64_t offset = next * part_size;
      const std::uint64_t size = std::min(part_size, total - offset);
      std::string buffer;
      if (!buffers.empty()) {
        buffer = std::move(buffers.back());
        buffers.pop_back();
      }
      auto bytes = read_block(source, offset, size, std::move(buffer));
      if (!bytes) return fail(bytes);
      const NameValues query{{"partNumber", std::to_string(next + 1)}, {"uploadId", upload_id}};
      active.push_back({next, size, std::make_unique<PutCall>(query, std::move(*bytes))});
      driver.start(*active.back().call);
      ++next;
    }
    auto ended = driver.next();
    if (!ended) return fail(ended);
    const auto part = std::ranges::find_if(
        active, [&](const Part& p) { return static_cast<Call*>(p.call.get()) == *ended; });
    const auto& outcome = *part->call->outcome();
    if (!outcome) return fail(outcome);
    etags[part->index] = outcome->header("etag");
    if (etags[part->index].empty()) {
      return fail(ErrorCode::kDataCorrupt,
                  "the S3 endpoint took a part without giving its ETag, so the upload cannot be "
                  "completed");
    }
    done += part->size;
    if (options.progress) options.progress(done, total);
    buffers.push_back(part->call->take_buffer());
    active.erase(part);
  }
  return etags;
}

Result<ObjectInfo> complete_upload(Driver& driver, const ObjectName& name, std::uint64_t size,
                                   const std::string& upload_id, std::time_t begun,
                                   const std::vector<std::string>& etags) {
  std::string body = "<CompleteMultipartUpload>";
  for (std::size_t i = 0; i < etags.size(); ++i) {
    body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1,
                        xml_escape(etags[i]));
  }
  body += "</CompleteMultipartUpload>";
  PlainCall complete(
      S3Request{.method = "POST", .query = {{"uploadId", upload_id}}, .body = body, .patience = 3});
  auto answer = driver.run(complete);
  if (answer) {
    ObjectInfo info{.size = size, .etag = xml_text(answer->body, "ETag"), .modified = {}};
    if (info.etag.empty()) {
      // Ceph 16 leaves it out. Who may write but not read does without.
      if (auto now_there = head_object(driver, name)) info.etag = now_there->etag;
    } else if (!info.etag.ends_with('"')) {
      info.etag = '"' + info.etag + '"';
    }
    return info;
  }
  // An attempt whose answer was lost may have done it, and the next one then finds no upload.
  if (complete.attempts() > 1 && complete.outcome()) {
    const auto now_there = head_object(driver, name);
    if (now_there && now_there->size == size && begun > 0 &&
        now_there->modified >= SystemTime(std::chrono::seconds(begun))) {
      return now_there;
    }
  }
  return fail(answer);
}

void abort_upload(DriverShared& shared, const ObjectName& name, const std::string& upload_id) {
  // On its own time: it matters most when the caller's has run out.
  CallOptions options;
  options.deadline = Deadline::after(kAbortTime);
  Driver driver(shared, name, options, "aborting the upload of " + name.to_string());
  PlainCall abort(S3Request{.method = "DELETE", .query = {{"uploadId", upload_id}}});
  const auto answer = driver.run(abort);
  if (answer || answer.error().code() == ErrorCode::kConflict ||
      answer.error().code() == ErrorCode::kNotFound) {
    return;
  }
  log_warning("an unfinished S3 upload was left behind; it is aborted before the next upload",
              {{"object", name.to_string()}, {"error", answer.error().message()}});
  shared.leave_behind({name, upload_id});
}

Result<ObjectInfo> put_in_parts(DriverShared& shared, const ObjectName& name,
                                const ByteSource& source, const CallOptions& options) {
  const std::string doing = "writing " + name.to_string();
  const std::uint64_t total = source.size();
  const std::uint64_t part_size =
      std::max({shared.options.part_size, kSmallestPart, (total + kMostParts - 1) / kMostParts});
  std::string upload_id;
  Result<ObjectInfo> result = [&]() -> Result<ObjectInfo> {
    Driver driver(shared, name, options, doing);
    PlainCall begin(S3Request{.method = "POST", .query = {{"uploads", ""}}});
    auto begun = driver.run(begin);
    if (!begun) return fail(begun);
    upload_id = xml_text(begun->body, "UploadId");
    if (upload_id.empty()) {
      return fail(ErrorCode::kDataCorrupt,
                  "{} failed: the S3 endpoint began an upload without naming it", doing);
    }
    auto etags = put_parts(driver, source, options, shared.options.parallel, part_size, upload_id);
    if (!etags) return fail(etags);
    const std::time_t date = curl_getdate(std::string(begun->header("date")).c_str(), nullptr);
    return complete_upload(driver, name, total, upload_id, date, *etags);
  }();
  if (!result && !upload_id.empty()) abort_upload(shared, name, upload_id);
  return result;
}

}  // namespace

Result<ObjectInfo> upload(DriverShared& shared, const ObjectName& name, const ByteSource& source,
                          const CallOptions& options) {
  for (const auto& [of, id] : shared.take_left_behind()) abort_upload(shared, of, id);
  if (source.size() > shared.options.multipart_threshold) {
    return put_in_parts(shared, name, source, options);
  }
  Driver driver(shared, name, options, "writing " + name.to_string());
  return put_at_once(driver, source, options);
}

Result<void> abort_uploads(DriverShared& shared, const ObjectName& beginning,
                           const CallOptions& options) {
  std::string list;
  {
    Driver driver(shared, beginning, options,
                  "looking for unfinished uploads of " + beginning.to_string(),
                  shared.endpoint.bucket_target(beginning));
    PlainCall call(S3Request{.query = {{"uploads", ""}, {"prefix", beginning.key()}}});
    auto answer = driver.run(call);
    if (!answer) return fail(answer);
    list = answer->body;
  }
  constexpr std::string_view kUpload = "<Upload>";
  for (std::size_t at = list.find(kUpload); at != std::string::npos;) {
    const std::size_t next = list.find(kUpload, at + kUpload.size());
    const std::string_view upload = std::string_view(list).substr(at, next - at);
    at = next;
    const std::string key = xml_text(upload, "Key");
    const std::string id = xml_text(upload, "UploadId");
    const auto name = ObjectName::parse(fmt::format("s3://{}/{}", beginning.bucket(), key));
    if (!name || id.empty() || !key.starts_with(beginning.key())) continue;
    abort_upload(shared, *name, id);
  }
  return {};
}

Result<void> remove_object(DriverShared& shared, const ObjectName& name,
                           const CallOptions& options) {
  Driver driver(shared, name, options, "removing " + name.to_string());
  PlainCall remove(S3Request{.method = "DELETE"});
  auto answer = driver.run(remove);
  if (!answer && answer.error().code() != ErrorCode::kNotFound) {
    return fail(answer);
  }
  return {};
}

}  // namespace saola::objects_s3
