// What happens to one request.
#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <ranges>
#include <typeinfo>

#include <boost/json.hpp>
#include <boost/throw_exception.hpp>
#include <fmt/core.h>

#include <saola/base/log.hpp>

#include "app/app_impl.hpp"

namespace saola::web {

HttpError::HttpError(std::exception_ptr original)
    : problem_(http::problem_from(Error(ErrorCode::kInternal, {}))),
      original_(std::move(original)) {}

namespace {

std::string type_name(const std::exception& error) {
  int status = 0;
  char* name = abi::__cxa_demangle(typeid(error).name(), nullptr, nullptr, &status);
  std::string out = name == nullptr ? typeid(error).name() : name;
  std::free(name);
  return out;
}

}  // namespace

// One request on its way through hooks, view and error handlers.
class App::Call {
 public:
  Call(const Impl& impl, Request& request, const Router::Match& match, const Impl::Entry* entry)
      : impl_(impl),
        request_(request),
        match_(match),
        entry_(entry),
        scopes_(entry == nullptr ? impl.app_scope : entry->scopes) {}

  // Hooks, view, error handlers. Throws nothing that is a std::exception.
  Response respond() {
    Response response;
    try {
      response = answer();
      // An error that says nothing of itself.
      if (response.status >= 400 && std::holds_alternative<std::monostate>(response.body)) {
        response = described(std::move(response));
      }
    } catch (const std::exception& error) {
      response = answer_to(error);
    }
    try {
      for (auto& hook : request_.after_) hook(response);
      for (const Scope* scope : scopes_ | std::views::reverse) {
        for (const AfterHook& hook : scope->after | std::views::reverse) hook(request_, response);
      }
    } catch (const std::exception& error) {
      response = plain_answer(unexpected(error));
    }
    return response;
  }

  // The answer to `error` by the error handlers, innermost first.
  Response answer_to(const std::exception& error) {
    try {
      const auto* known = dynamic_cast<const HttpError*>(&error);
      if (known != nullptr) {
        if (auto made = by_status(*known)) return *std::move(made);
      }
      for (const Scope* scope : scopes_ | std::views::reverse) {
        for (const Scope::ClassHandler& handler : scope->by_class) {
          if (auto made = handler.handle(request_, error)) return *std::move(made);
        }
      }
      if (known != nullptr) {
        if (!known->log_text().empty()) log_failure(known->log_text());
        return plain_answer(*known);
      }
      const HttpError wrapped = is_misread_body(error) ? misread_body(error) : unexpected(error);
      if (auto made = by_status(wrapped)) return *std::move(made);
      return plain_answer(wrapped);
    } catch (const HttpError& from_handler) {
      return plain_answer(from_handler);
    } catch (const std::exception& from_handler) {
      return plain_answer(unexpected(from_handler));
    }
  }

  // Runs the teardown hooks. `passing` is an exception on its way through the App.
  void teardown(std::exception_ptr passing) noexcept {
    const std::exception_ptr& cause = passing ? passing : unhandled_;
    for (const Scope* scope : scopes_ | std::views::reverse) {
      for (const TeardownHook& hook : scope->teardown | std::views::reverse) {
        try {
          hook(request_, cause);
        } catch (const std::exception& error) {
          log_failure(
              fmt::format("a teardown_request hook threw {}: {}", type_name(error), error.what()));
        }
      }
    }
  }

 private:
  Response answer() {
    for (const Scope* scope : scopes_) {
      for (const BeforeHook& hook : scope->before) {
        if (auto response = hook(request_)) return *std::move(response);
      }
    }
    if (entry_ != nullptr) return entry_->view(request_);
    return without_route();
  }

  // A request no view answers: redirects, OPTIONS, and errors.
  Response without_route() {
    const http::Request& raw = request_.raw();
    if (raw.method == http::Method::kOptions) {
      Methods allowed = raw.raw_path == "*" ? impl_.router.methods() : match_.allowed;
      if (!allowed.empty()) {
        allowed.add(http::Method::kOptions);
        Response response(204);
        response.headers.add("Allow", allowed.to_string());
        return response;
      }
    }
    if (raw.method == http::Method::kConnect) {
      return answer_to(HttpError(501, "This server is no proxy, so CONNECT does nothing here."));
    }
    if (!raw.raw_path.starts_with('/')) {
      return answer_to(
          HttpError(400, "The request names no path. Ask for one that begins with '/'."));
    }
    switch (match_.outcome) {
      case Router::Outcome::kRedirect: {
        std::string location = std::string(raw.prefix) + match_.redirect;
        if (!raw.query.empty()) location += fmt::format("?{}", raw.query);
        return redirect(location, 308);
      }
      case Router::Outcome::kMethodNotAllowed: {
        Methods allowed = match_.allowed;
        allowed.add(http::Method::kOptions);
        const std::string list = allowed.to_string();
        return answer_to(
            HttpError(405, fmt::format("'{}' answers {}, not {}.", raw.path, list, raw.method_name))
                .with("Allow", list));
      }
      case Router::Outcome::kBadPath:
        return answer_to(HttpError(400,
                                   "The path has a broken escape, a NUL, or bytes that are not "
                                   "UTF-8, so it names nothing. "
                                   "Percent-encode the path's UTF-8."));
      case Router::Outcome::kNotFound:
      case Router::Outcome::kFound:
        break;
    }
    return answer_to(
        HttpError(404, fmt::format("There is nothing at '{}'. Check the path.", raw.path)));
  }

  std::optional<Response> by_status(const HttpError& error) {
    for (const Scope* scope : scopes_ | std::views::reverse) {
      for (const auto& [status, handler] : scope->by_status) {
        if (status == error.status()) return handler(request_, error);
      }
    }
    return std::nullopt;
  }

  Response plain_answer(const HttpError& error) {
    http::Problem document = error.problem();
    if (document.request_id.empty()) document.request_id = request_.id();
    Response response = problem(document);
    for (const http::Field& field : error.headers().fields()) {
      response.headers.add(field.name, field.value);
    }
    return response;
  }

  // The problem document of a bare response's status, with its header fields.
  Response described(Response bare) {
    HttpError error(bare.status);
    Response response = plain_answer(error);
    for (const http::Field& field : bare.headers.fields()) {
      if (!http::iequals(field.name, "Content-Type")) response.headers.add(field.name, field.value);
    }
    return response;
  }

  // Whether the view took the client's JSON for one of another shape: .at("x") of what has none,
  // .as_string() of a number. Boost.JSON throws these classes from its accessors.
  bool is_misread_body(const std::exception& error) const {
    if (request_.json_ == nullptr) return false;
    if (const auto* system = dynamic_cast<const boost::system::system_error*>(&error)) {
      return system->code().category() ==
             make_error_code(boost::json::error::not_number).category();
    }
    return typeid(error) == typeid(boost::wrapexcept<std::out_of_range>) ||
           typeid(error) == typeid(boost::wrapexcept<std::invalid_argument>);
  }

  // Without the source location that Boost adds to what().
  static std::string plain_text(const std::exception& error) {
    const auto* system = dynamic_cast<const boost::system::system_error*>(&error);
    return system == nullptr ? error.what() : system->code().message();
  }

  // 422, and a warning: described structs and schemas tell the client more, and not after half of
  // the view has run.
  HttpError misread_body(const std::exception& error) {
    log_warning("a request's JSON is not what its view reads",
                {{"request_id", request_.id()},
                 {"route", entry_ == nullptr ? "none" : std::string_view(entry_->route->pattern)},
                 {"error", plain_text(error)}});
    return invalid_body(
        {{"#", "lacks a member, or has one of another type, than this route reads"}});
  }

  // Logs what nobody foresaw and makes a 500 of it.
  HttpError unexpected(const std::exception& error) {
    log_failure(fmt::format("{}: {}", type_name(error), error.what()));
    unhandled_ = std::current_exception();
    if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
      return HttpError(http::Problem{.status = 503,
                                     .detail = "The server is out of memory. Try again later.",
                                     .code = std::string(to_string(ErrorCode::kResourceExhausted))})
          .with("Retry-After", "5");
    }
    return HttpError(unhandled_);
  }

  void log_failure(std::string_view what) const {
    log_error("request failed",
              {{"request_id", request_.id()},
               {"method", request_.raw().method_name},
               {"route", entry_ == nullptr ? "none" : std::string_view(entry_->route->pattern)},
               {"path", request_.path()},
               {"error", what}});
  }

  const Impl& impl_;
  Request& request_;
  const Router::Match& match_;
  const Impl::Entry* const entry_;
  const std::vector<const Scope*>& scopes_;
  std::exception_ptr unhandled_;
};

http::Response App::handle(http::Request& raw) {
  if (!frozen_.load(std::memory_order_relaxed)) freeze();
  const bool counted = impl_->no_route.has_value();
  const SteadyTime start = counted ? impl_->options.clock->steady_now() : SteadyTime();
  Request request(raw, impl_->options.limits);
  if (request.own_id_.empty()) raw.request_id = request.id();

  Router::Match match;
  const Impl::Entry* entry = nullptr;
  if (raw.raw_path.starts_with('/')) {
    impl_->router.match(raw.method, raw.raw_path, match);
    if (match.outcome == Router::Outcome::kFound) {
      entry = impl_->entries[match.route].get();
      request.route_ = entry->route;
      request.params_ = &match.params;
    }
  }

  Call call(*impl_, request, match, entry);
  Response response;
  try {
    if (entry != nullptr && raw.placer != nullptr) {
      raw.placer->run(entry->activity, [&] { response = call.respond(); });
    } else {
      response = call.respond();
    }
  } catch (const std::exception& error) {
    response = call.answer_to(error);  // of the placer itself
  } catch (...) {
    call.teardown(std::current_exception());
    throw;
  }
  call.teardown(nullptr);

  if (!response.headers.contains("X-Request-Id")) {
    response.headers.add("X-Request-Id", request.id());
  }
  if (counted) {
    const Impl::Series* series = &*impl_->no_route;
    if (entry != nullptr) {
      const auto own = std::ranges::find(entry->series, raw.method, &Impl::Series::method);
      if (own != entry->series.end()) series = &*own;
    }
    series->record(response.status, impl_->options.clock->steady_now() - start);
  }
  return response;
}

}  // namespace saola::web
