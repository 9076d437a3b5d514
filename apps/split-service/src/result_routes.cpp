#include "result_routes.hpp"

#include <array>
#include <string>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/runtime/offload.hpp>

namespace saola::split_service {
namespace {

namespace json = boost::json;

// A member of the job's result that names a file.
struct ResultFileRoute {
  std::string_view member;
  std::string_view doc;
};

constexpr std::array kRoutes = {
    ResultFileRoute{"assignment", "The assignment of a completed split: CSV, or an Excel workbook"},
    ResultFileRoute{"report", "The balance report of a completed split: JSON"},
    ResultFileRoute{"page", "The report of a completed split as a page for people"},
};

std::string_view type_of(std::string_view key) {
  if (key.ends_with(".csv")) return "text/csv; charset=utf-8";
  if (key.ends_with(".json")) return "application/json";
  if (key.ends_with(".html")) return "text/html; charset=utf-8";
  if (key.ends_with(".xlsx")) {
    return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
  }
  return "application/octet-stream";
}

objects::ObjectName file_of(const Service& service, std::string_view id, std::string_view member) {
  const json::value result = json::parse(service.result_of(id));
  const json::object* object = result.if_object();
  const json::value* name = object == nullptr ? nullptr : object->if_contains(member);
  if (name == nullptr || !name->is_string()) {
    throw HttpError(Error(ErrorCode::kNotFound, fmt::format("Job {} wrote no {}", id, member)));
  }
  auto parsed = objects::ObjectName::parse(std::string_view(name->as_string()));
  if (!parsed) throw HttpError(parsed.error());
  return *std::move(parsed);
}

// Piece by piece, so that memory does not grow with the file; each is read on a native thread.
Response send(objects::Buckets& buckets, const objects::ObjectName& name) {
  const auto info = runtime::offload_blocking([&] { return buckets.stat(name, {}); });
  if (!info) throw HttpError(info.error());
  Response response;
  response.headers.add("Content-Type", type_of(name.key()));
  // What a file shows comes from a table that anybody may have written: it may run nothing.
  response.headers.add("Content-Security-Policy",
                       "sandbox; default-src 'none'; style-src 'unsafe-inline'");
  response.headers.add("X-Content-Type-Options", "nosniff");
  if (!name.key().ends_with(".html")) {
    // Ends of names that results have are plain.
    const auto leaf = name.key().substr(name.key().rfind('/') + 1);
    std::string plain;
    for (const char c : leaf) {
      plain.push_back(c > 0x20 && c < 0x7F && c != '"' && c != '\\' ? c : '_');
    }
    response.headers.add("Content-Disposition", fmt::format("attachment; filename=\"{}\"", plain));
  }
  http::StreamBody body;
  body.length = info->size;
  body.produce = [&buckets, name, info = *info](http::BodyWriter& out) -> Result<void> {
    constexpr std::uint64_t kPiece = 1 << 20;
    for (std::uint64_t offset = 0; offset < info.size; offset += kPiece) {
      objects::GetOptions options;
      options.offset = offset;
      options.length = kPiece;
      options.if_match = info.etag;
      const auto piece =
          runtime::offload_blocking([&] { return buckets.get_bytes(name, kPiece, options); });
      if (!piece) return fail(piece);
      if (auto ok = out.write(*piece); !ok) return ok;
    }
    return {};
  };
  response.body = std::move(body);
  return response;
}

}  // namespace

void add_result_routes(Service& service) {
  for (const auto& route : kRoutes) {
    service.get(fmt::format("/jobs/<id>/{}", route.member),
                [&service, member = route.member](Request& request, std::string_view id) {
                  request.refuse_unknown_args();
                  return send(service.buckets(), file_of(service, id, member));
                },
                {.endpoint = std::string(route.member),
                 .doc = std::string(route.doc),
                 .responses = {{200, "The file"},
                               {404, "There is no such job, or it wrote no such file"},
                               {409, "The job is not completed"}}});
  }
}

json::object result_links(std::string_view job_id) {
  json::object links;
  for (const auto& route : kRoutes) {
    links[route.member] = fmt::format("/jobs/{}/{}", job_id, route.member);
  }
  return links;
}

}  // namespace saola::split_service
