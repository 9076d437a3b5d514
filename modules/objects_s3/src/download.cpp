// HEAD, then ranged GETs, several at once, handed to the sink in order.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include <curl/curl.h>

#include "operations.hpp"

namespace saola::objects_s3 {
namespace {

// How much the sink gets at once, so that progress and stop are looked at in between.
constexpr std::uint64_t kBlock = 256 * 1024;

using objects::ObjectInfo;
using objects::ObjectName;

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "bytes first-last/size" or "bytes first-last/*" (RFC 9110, 14.4).
bool is_content_range(std::string_view text, std::uint64_t first, std::uint64_t end,
                      std::uint64_t size) {
  const std::string expected = fmt::format("bytes {}-{}/", first, end - 1);
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return text == "*" || parse_number(text) == size;
}

// Whether the endpoint said no and would say it again, so that its reasons are worth asking for.
bool is_refusal(ErrorCode code) {
  return code == ErrorCode::kNotFound || code == ErrorCode::kPermissionDenied ||
         code == ErrorCode::kUnauthenticated || code == ErrorCode::kInvalidArgument;
}

class Head final : public Call {
 public:
  Head() : Call(S3Request{.method = "HEAD"}) {}
};

Result<ObjectInfo> info_of(const S3Answer& answer, std::optional<std::uint64_t> size,
                           const ObjectName& name) {
  if (!size) {
    return fail(ErrorCode::kDataCorrupt, "the S3 endpoint does not say how long {} is",
                name.to_string());
  }
  const std::time_t modified =
      curl_getdate(std::string(answer.header("last-modified")).c_str(), nullptr);
  return ObjectInfo{
      .size = *size,
      .etag = std::string(answer.header("etag")),
      .modified = SystemTime(std::chrono::seconds(std::max<std::time_t>(modified, 0)))};
}

// Asks for one byte where a HEAD was refused: the refusal of a GET says why, and who may GET but not
// HEAD learns the size.
class FirstByte final : public Call {
 public:
  explicit FirstByte(const ObjectName& name)
      : Call(S3Request{.headers = {{"range", "bytes=0-0"}}}), name_(name) {}

  // What the endpoint said of the object, if it gave the byte.
  const std::optional<Result<ObjectInfo>>& info() const { return info_; }

 protected:
  Result<void> on_success_head(const S3Answer& answer) override {
    const std::string_view range = answer.header("content-range");
    const std::size_t slash = range.find('/');
    const auto size = answer.status == 206 && slash != std::string_view::npos
                          ? parse_number(range.substr(slash + 1))
                          : parse_number(answer.header("content-length"));
    info_ = info_of(answer, size, name_);
    // The head is enough; it may be followed by the whole object.
    return fail(ErrorCode::kInternal, "the object can be read after all");
  }

 private:
  const ObjectName& name_;
  std::optional<Result<ObjectInfo>> info_;
};

// One part of the object, in memory. A cut answer is continued where it ended.
class PartDownload final : public Call {
 public:
  PartDownload(const ObjectInfo& object, std::uint64_t first, std::uint64_t end,
               std::unique_ptr<std::byte[]> buffer)
      : Call(S3Request{}), object_(object), first_(first), end_(end), buffer_(std::move(buffer)) {}

  // The next bytes that have arrived. They may be used at once: all attempts read one version.
  std::span<const std::byte> take_bytes() {
    const std::uint64_t n = std::min(kBlock, received_ - taken_);
    taken_ += n;
    return {buffer_.get() + taken_ - n, n};
  }
  std::unique_ptr<std::byte[]> take_buffer() { return std::move(buffer_); }
  // It failed because the endpoint offers no ranges, but the object.
  bool got_whole() const { return got_whole_; }

 protected:
  const S3Request& prepare() override {
    skip_ = 0;
    request_.headers = {{"range", fmt::format("bytes={}-{}", first_ + received_, end_ - 1)}};
    // A weak ETag never matches If-Match; then only the answer's ETag is compared.
    if (!object_.etag.empty() && !object_.etag.starts_with("W/")) {
      request_.headers.emplace_back("if-match", object_.etag);
    }
    return request_;
  }

  Result<void> on_success_head(const S3Answer& answer) override {
    const std::string_view etag = answer.header("etag");
    if (!etag.empty() && !object_.etag.empty() && etag != object_.etag) {
      return fail(ErrorCode::kConflict,
                  "the object was changed while it was being read: read it again");
    }
    if (answer.status == 206) {
      if (is_content_range(answer.header("content-range"), first_ + received_, end_,
                           object_.size)) {
        return {};
      }
      return fail(ErrorCode::kDataCorrupt,
                  "asked for bytes {}-{} of {}, the endpoint answered with Content-Range '{}'",
                  first_ + received_, end_ - 1, object_.size,
                  answer.header("content-range").substr(0, 100));
    }
    if (answer.status == 200 && first_ == 0 && end_ == object_.size) {
      skip_ = received_;
      return {};
    }
    got_whole_ = answer.status == 200;
    return fail(ErrorCode::kUnsupported,
                "the endpoint answered {} to a request for a range (206 was expected)",
                answer.status);
  }

  Result<bool> on_body(std::span<const std::byte> bytes) override {
    const std::uint64_t skipped = std::min<std::uint64_t>(skip_, bytes.size());
    skip_ -= skipped;
    bytes = bytes.subspan(skipped);
    if (bytes.size() > end_ - first_ - received_) {
      return fail(ErrorCode::kDataCorrupt, "the endpoint sent more bytes than the range has");
    }
    std::memcpy(buffer_.get() + received_, bytes.data(), bytes.size());
    received_ += bytes.size();
    return true;
  }

  Result<void> on_complete(const S3Answer&) override {
    if (received_ == end_ - first_) return {};
    return fail(ErrorCode::kDataCorrupt, "the endpoint sent {} of the range's {} bytes", received_,
                end_ - first_);
  }

 private:
  const ObjectInfo& object_;
  const std::uint64_t first_;
  const std::uint64_t end_;
  std::unique_ptr<std::byte[]> buffer_;
  // Bytes of the part in the buffer, and how many of them were taken.
  std::uint64_t received_ = 0;
  std::uint64_t taken_ = 0;
  // Bytes of the answer under way that are in the buffer already.
  std::uint64_t skip_ = 0;
  bool got_whole_ = false;
};

// The bytes [next, end) of the object out of the whole of it, given to the sink as they come. A cut
// answer begins anew, and what the sink has is passed over.
class WholeDownload final : public Call {
 public:
  using Take = std::function<Result<void>(std::span<const std::byte>)>;

  WholeDownload(const ObjectInfo& object, std::uint64_t next, std::uint64_t end, Take take)
      : Call(S3Request{}), object_(object), next_(next), end_(end), take_(std::move(take)) {}

  bool has_all() const { return next_ == end_; }

 protected:
  const S3Request& prepare() override {
    position_ = 0;
    return request_;
  }

  Result<void> on_success_head(const S3Answer& answer) override {
    const std::string_view etag = answer.header("etag");
    if (etag.empty() || object_.etag.empty() || etag == object_.etag) return {};
    return fail(ErrorCode::kConflict,
                "the object was changed while it was being read: read it again");
  }

  Result<bool> on_body(std::span<const std::byte> bytes) override {
    const std::uint64_t begin = position_;
    position_ += bytes.size();
    if (position_ <= next_) return true;
    bytes = bytes.subspan(next_ - begin);
    bytes = bytes.first(std::min<std::uint64_t>(bytes.size(), end_ - next_));
    next_ += bytes.size();
    if (auto ok = take_(bytes); !ok) return fail(ok);
    // The rest of the object is not wanted.
    if (has_all() && end_ < object_.size) return fail(ErrorCode::kInternal, "that is enough");
    return true;
  }

  Result<void> on_complete(const S3Answer&) override {
    if (has_all()) return {};
    return fail(ErrorCode::kDataCorrupt, "the endpoint sent {} of the object's {} bytes", position_,
                object_.size);
  }

 private:
  const ObjectInfo& object_;
  std::uint64_t next_;
  const std::uint64_t end_;
  const Take take_;
  std::uint64_t position_ = 0;  // in the answer under way
};

}  // namespace

Result<ObjectInfo> head_object(Driver& driver, const ObjectName& name) {
  Head head;
  auto answer = driver.run(head);
  if (!answer) {
    if (!is_refusal(answer.error().code())) return fail(answer);
    FirstByte ask(name);
    auto why = driver.run(ask);
    if (ask.info()) return *ask.info();
    if (!why && is_refusal(why.error().code())) return fail(why);
    return fail(answer);
  }
  return info_of(*answer, parse_number(answer->header("content-length")), name);
}

Result<ObjectInfo> download(DriverShared& shared, const ObjectName& name,
                            const objects::ByteSink& sink, const objects::GetOptions& options) {
  // Started parts in the object's order; the front one is the next for the sink.
  std::deque<std::unique_ptr<PartDownload>> window;
  const std::string doing = "reading " + name.to_string();
  std::optional<Driver> driver(std::in_place, shared, name, options, doing);
  const auto info = head_object(*driver, name);
  if (!info) return info;
  if (!options.if_match.empty() && options.if_match != info->etag) {
    return fail(ErrorCode::kConflict, "{} was changed since it was last seen", name.to_string());
  }
  const auto range = objects::wanted_range(name, options, info->size);
  if (!range) return fail(range);

  const std::uint64_t total = range->end - range->first;
  const std::uint64_t part_size = std::min(shared.options.part_size, total);
  std::vector<std::unique_ptr<std::byte[]>> buffers;
  std::uint64_t asked = range->first;
  std::uint64_t done = 0;
  const auto give = [&](std::span<const std::byte> bytes) -> Result<void> {
    if (auto ok = objects::still_wanted(options, doing); !ok) return ok;
    if (auto ok = sink(bytes); !ok) return ok;
    done += bytes.size();
    if (options.progress) options.progress(done, total);
    return {};
  };
  const auto give_to_sink = [&]() -> Result<void> {
    while (!window.empty()) {
      PartDownload& part = *window.front();
      for (auto bytes = part.take_bytes(); !bytes.empty(); bytes = part.take_bytes()) {
        if (auto ok = give(bytes); !ok) return ok;
      }
      if (!part.outcome()) break;
      buffers.push_back(part.take_buffer());
      window.pop_front();
    }
    return {};
  };
  while (done < total) {
    while (window.size() < shared.options.parallel && asked < range->end) {
      if (buffers.empty())
        buffers.push_back(std::make_unique_for_overwrite<std::byte[]>(part_size));
      const std::uint64_t end = std::min(asked + part_size, range->end);
      window.push_back(
          std::make_unique<PartDownload>(*info, asked, end, std::move(buffers.back())));
      buffers.pop_back();
      driver->start(*window.back());
      asked = end;
    }
    auto ended = driver->next(give_to_sink);
    if (!ended) return fail(ended);
    if (!*(*ended)->outcome()) {
      if (!static_cast<PartDownload*>(*ended)->got_whole()) {
        return fail(*(*ended)->outcome());
      }
      // As one stream, then. The other parts end with their driver.
      driver.emplace(shared, name, options, doing);
      WholeDownload whole(*info, range->first + done, range->end, give);
      auto answer = driver->run(whole);
      if (!answer && !whole.has_all()) return fail(answer);
      return info;
    }
    if (auto ok = give_to_sink(); !ok) return fail(ok);
  }
  return info;
}

}  // namespace saola::objects_s3
