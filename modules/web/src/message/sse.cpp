#include <fmt/core.h>

#include <saola/web/sse.hpp>

namespace saola::web {
namespace {

// Calls `line` for each line of `text`; CRLF, CR and LF all end one, as clients see it.
template <typename F>
void each_line(std::string_view text, F line) {
  while (true) {
    const auto end = text.find_first_of("\r\n");
    line(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
  }
}

bool has_line_break(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

std::string retry_line(Duration wait) {
  return fmt::format("retry: {}\n",
                     std::chrono::duration_cast<std::chrono::milliseconds>(wait).count());
}

}  // namespace

Result<void> EventWriter::write_now(std::string_view block) {
  if (auto written = out_.write(block); !written) return written;
  if (auto flushed = out_.flush(); !flushed) return flushed;
  if (leaving()) return fail(ErrorCode::kCancelled, "the worker leaves, so the stream ends");
  return {};
}

Result<void> EventWriter::send(const ServerEvent& event) {
  if (has_line_break(event.event) || has_line_break(event.id)) {
    return fail(
        ErrorCode::kInvalidArgument,
        "A server-sent event's type or id holds a line break or NUL, which would be read as "
        "another field; it was not sent. Put the text into the data.");
  }
  std::string block;
  if (!event.event.empty()) block += fmt::format("event: {}\n", event.event);
  if (!event.id.empty()) block += fmt::format("id: {}\n", event.id);
  if (event.retry) block += retry_line(*event.retry);
  each_line(event.data, [&](std::string_view line) { block += fmt::format("data: {}\n", line); });
  block += '\n';
  return write_now(block);
}

Result<void> EventWriter::comment(std::string_view text) {
  std::string block;
  each_line(text, [&](std::string_view line) { block += fmt::format(": {}\n", line); });
  block += '\n';
  return write_now(block);
}

http::Response event_stream(std::move_only_function<Result<void>(EventWriter&)> produce) {
  http::Response response(200);
  response.headers.add("Content-Type", "text/event-stream");
  response.headers.add("Cache-Control", "no-store");
  // nginx in front would collect the events otherwise.
  response.headers.add("X-Accel-Buffering", "no");
  response.body = http::StreamBody{
      .produce = [produce = std::move(produce)](http::BodyWriter& out) mutable -> Result<void> {
        EventWriter writer(out);
        auto produced = produce(writer);
        if (!out.leaving()) return produced;
        if (!produced && produced.error().code() != ErrorCode::kCancelled) return produced;
        return out.write(retry_line(kComeBack) + '\n');
      },
      .length = std::nullopt};
  return response;
}

}  // namespace saola::web
