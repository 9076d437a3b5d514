#include <algorithm>

#include <fmt/core.h>

#include <saola/web/scaffold.hpp>

namespace saola::web {

void Scaffold::before_request(BeforeHook hook) {
  check_open("A before_request hook");
  scope_->before.push_back(std::move(hook));
}

void Scaffold::after_request(AfterHook hook) {
  check_open("An after_request hook");
  scope_->after.push_back(std::move(hook));
}

void Scaffold::teardown_request(TeardownHook hook) {
  check_open("A teardown_request hook");
  scope_->teardown.push_back(std::move(hook));
}

void Scaffold::error_handler(int status, StatusHandler handler) {
  check_open(fmt::format("The error handler for {}", status));
  if (status < 400 || status > 599) {
    throw SetupError(fmt::format(
        "An error handler was given for status {}, which is no error, so it would never be called. "
        "Give one from 400 to 599.",
        status));
  }
  for (auto& [known, old] : scope_->by_status) {
    if (known == status) {
      old = std::move(handler);
      return;
    }
  }
  scope_->by_status.emplace_back(status, std::move(handler));
}

void Scaffold::add_class_handler(Scope::ClassHandler handler) {
  check_open("An error handler");
  auto& all = scope_->by_class;
  // Before the first that would catch this class as well: that one is its base, or the same.
  const auto base = std::ranges::find_if(all, [&](const Scope::ClassHandler& other) {
    return other.is_caught(handler.throw_pointer);
  });
  all.insert(base, std::move(handler));
}

}  // namespace saola::web
