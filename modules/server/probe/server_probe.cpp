// The program that the server's tests start: a service whose workers can be made to fail.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/base/wait_for_stop.hpp>
#include <saola/runtime/task.hpp>
#include <saola/server/health.hpp>
#include <saola/server/server.hpp>

namespace {

constexpr saola::server::Setting<std::string> kProbe{"probe"};

using namespace saola;          // NOLINT(google-build-using-namespace): a program, not a library
using namespace saola::server;  // NOLINT(google-build-using-namespace)

http::Response text(int status, std::string body) {
  return http::Response(status, "text/plain", std::move(body));
}

// Starts a process that starts another one and ends first; that one ends when nobody is left to
// wait for it but process 1.
bool leave_orphan() {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::fork() == 0) {
      ::close(ends[1]);
      char nothing = 0;
      [[maybe_unused]] const ssize_t end = ::read(ends[0], &nothing, 1);
      ::_exit(7);
    }
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  return child > 0;
}

// A stream without an end, unless it looks whether the worker leaves.
http::Response ticks(bool deaf) {
  http::Response response(200);
  response.body = http::StreamBody{.produce = [deaf](http::BodyWriter& out) -> Result<void> {
    while (deaf || !out.leaving()) {
      if (auto sent = out.write("tick\n"); !sent) return sent;
      if (auto sent = out.flush(); !sent) return sent;
      runtime::this_task::sleep_for(std::chrono::milliseconds(10));
    }
    return out.write("bye\n");
  }};
  return response;
}

class Probe final : public http::Application {
 public:
  void start(WebContext& context) { context_ = &context; }

  http::Role role_needed(const http::Request& request) const override {
    return request.path == "/operators" ? http::Role::kOperate : http::role_for(request.method);
  }
  void declare_metrics(observe::MetricTable& table) override {
    requests_id_ = table.counter("probe_requests_total", "Requests that the probe saw.", {});
  }
  void count_in(const observe::MetricSlot& slot) override {
    requests_ = slot.counter(requests_id_);
  }

  http::Response handle(http::Request& request) override {
    requests_.add();
    if (request.path == "/pid") return text(200, std::to_string(::getpid()));
    if (request.path == "/metrics") return text(200, context_->metrics_text());
    if (request.path == "/throw") throw std::runtime_error("thrown by the probe");
    if (request.path == "/abort") std::abort();
    if (request.path == "/from") {
      return text(200, fmt::format("{} {}", request.remote_address, request.scheme));
    }
    if (request.path == "/where") {
      return text(200, fmt::format("{}|{}", request.prefix, request.raw_path));
    }
    if (request.path == "/slow") {
      log_info("the slow request has begun");
      runtime::this_task::sleep_for(std::chrono::milliseconds(500));
      return text(200, "slow\n");
    }
    if (request.path == "/events" || request.path == "/deaf") return ticks(request.path == "/deaf");
    if (request.path == "/readyz") return readiness_answer(context_->why_not_ready());
    if (request.path == "/hog") {
      const Deadline end = Deadline::after(std::chrono::milliseconds(1500));
      while (!end.passed()) {
      }
      return text(200, "hogged\n");
    }
    if (request.path == "/hang") {
      for (volatile bool forever = true; forever;) {
      }
    }
    if (request.path == "/body") {
      auto body = request.body->read_all(1 << 20);
      return body ? text(200, *body) : text(400, body.error().message());
    }
    if (request.path == "/orphan") return text(200, leave_orphan() ? "left\n" : "");
    if (request.path == "/unready") context_->set_ready(false, "the probe was told so");
    return text(200, "hello, world\n");
  }

 private:
  WebContext* context_ = nullptr;
  observe::CounterId requests_id_{};
  observe::Counter requests_;
};

Result<void> start_probe(WebContext& context, Probe& application) {
  const std::string& how = context.settings.get(kProbe);
  if (how == "bad-boot") return fail(ErrorCode::kUnavailable, "the probe's store is away");
  if (how == "crash-boot") std::abort();
  if (how == "kill-boot") ::raise(SIGKILL);
  if (how == "exit-boot") std::_Exit(0);
  application.start(context);
  return {};
}

// Runs one endless job: ends it on `drain` unless told to be busy, puts it back on `stop`.
Result<void> run_tasks(TaskContext& context) {
  if (context.settings.get(kProbe) == "bad-task") {
    return fail(ErrorCode::kUnavailable, "the task worker's store is away");
  }
  if (context.settings.get(kProbe) == "crash-task") std::abort();
  demote_this_thread();
  runtime::this_task::set_activity("the endless job");
  if (context.settings.get(kProbe) == "retire-first-task" && !context.identity.ends_with(".3")) {
    context.retire("the probe has had enough");
  }
  const bool busy = context.settings.get(kProbe) == "busy-task";
  wait_for_stop(busy ? context.stop : context.drain);
  log_info(context.stop.stop_requested() ? "the job was put back" : "the job was finished");
  return {};
}

// Two jobs that there are not.
Result<std::string> show_jobs(const Settings& settings) {
  const std::string& how = settings.get(kProbe);
  if (how == "locked-jobs") ::pause();
  if (how == "crash-jobs") std::abort();
  if (how == "bad-jobs") return fail(ErrorCode::kUnavailable, "the jobs' store is away");
  return R"({"counts":{"available":3,"running":1},"running":[{"id":"j1","kind":"split","age":1.5}]})";
}

}  // namespace

int main(int argc, char** argv) {
  // docs/settings.md: the rows of every server, without this program's own.
  if (argc == 2 && std::string_view(argv[1]) == "settings-reference") {
    fmt::print("{}", server_reference());
    return 0;
  }
  ServerDefinition probe;
  probe.name = "server_probe";
  probe.version = "1.2.3";
  Probe application;
  probe.application = &application;
  probe.web = [&](WebContext& context) -> Result<std::unique_ptr<http::Handler>> {
    if (auto started = start_probe(context, application); !started) return fail(started);
    return nullptr;
  };
  probe.task = run_tasks;
  probe.rows = {{.section = "Probe",
                 .key = kProbe.key,
                 .type = SettingType::kText,
                 .default_value = "",
                 .doc = "How workers misbehave."}};
  if (std::getenv("PROBE_WITHOUT_JOBS") == nullptr) probe.show_jobs = show_jobs;
  probe.stored_metrics = [](const Settings&) {
    return [] { return std::string("stored_in_the_probe 7\n"); };
  };
  probe.describe = [](const Settings&) { return std::vector<std::string>{"store: none"}; };
  return run(probe, argc, argv);
}
