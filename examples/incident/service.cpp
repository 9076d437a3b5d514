#include "service.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <boost/json.hpp>

#include <saola/futures/fiber_executor.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/server/server.hpp>
#include <saola/web/app.hpp>

#include "work.hpp"

namespace incident {
namespace {

constexpr saola::server::Setting<std::string> kExecutor{"executor"};
constexpr saola::server::Setting<std::int64_t> kTaskRounds{"task-rounds"};

namespace json = boost::json;
using namespace saola;  // NOLINT(google-build-using-namespace): a program, not a library

constexpr int kPoolSize = 5;
constexpr double kTaskSeconds = 3;
// Stands for the download from S3 that came before the computation: a wait that suspends.
constexpr Duration kDownload = std::chrono::milliseconds(100);

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Who was on which thread when.
class Diary {
 public:
  std::size_t submitted() {
    const std::lock_guard lock(mutex_);
    return ++submitted_;
  }
  std::size_t begins(std::size_t task) {
    const std::lock_guard lock(mutex_);
    spans_.push_back({task, ::gettid(), seconds_now(), std::nullopt});
    return spans_.size() - 1;
  }
  void ends(std::size_t span) {
    const std::lock_guard lock(mutex_);
    spans_[span].to = seconds_now();
    ++done_;
  }
  json::object ping() {
    const std::lock_guard lock(mutex_);
    pings_.push_back({::gettid(), seconds_now()});
    return {{"worker", ::getpid()}, {"submitted", submitted_}, {"done", done_}};
  }
  json::object timeline() {
    const std::lock_guard lock(mutex_);
    json::array tasks;
    for (const Span& span : spans_) {
      tasks.push_back({{"task", span.task},
                       {"thread", span.thread},
                       {"from", span.from},
                       {"to", span.to ? json::value(*span.to) : json::value(nullptr)}});
    }
    json::array pings;
    for (const auto& [thread, time] : pings_) pings.push_back(json::array{thread, time});
    return {{"tasks", std::move(tasks)}, {"pings", std::move(pings)}};
  }

 private:
  struct Span {
    std::size_t task;
    pid_t thread;
    double from;
    std::optional<double> to;
  };
  // The runtime's, because a rescued task overlaps the others. All below GUARDED_BY(mutex_).
  runtime::Mutex mutex_;
  std::size_t submitted_ = 0;
  std::size_t done_ = 0;
  std::vector<Span> spans_;
  std::vector<std::pair<pid_t, double>> pings_;
};

class Service {
 public:
  Service() {
    app_.post("/split", [this](web::Request&) {
      const std::size_t task = diary_.submitted();
      executor_->submit([this, task] { run(task); });
      return web::json({{"task", task}}, 202);
    });
    app_.get("/ping", [this](web::Request&) { return json::value(diary_.ping()); });
    app_.get("/timeline", [this](web::Request&) { return json::value(diary_.timeline()); });
  }

  web::App& app() { return app_; }

  // In a web worker, on a fiber.
  void start(const server::Settings& settings) {
    const futures::ExecutorOptions options{.max_workers = kPoolSize, .name = "split"};
    if (settings.get(kExecutor) == "fiber") {
      executor_ = std::make_unique<futures::FiberExecutor>(*runtime::Runtime::current(), options);
    } else {
      executor_ = std::make_unique<futures::ThreadPoolExecutor>(options);
    }
    const auto rounds = static_cast<std::uint64_t>(settings.get(kTaskRounds));
    rounds_ = rounds > 0 ? rounds : calibrate(kTaskSeconds);
  }
  // Waits for its tasks.
  void stop() { executor_.reset(); }

 private:
  void run(std::size_t task) {
    runtime::this_task::sleep_for(kDownload);
    const std::size_t span = diary_.begins(task);
    const volatile std::uint64_t value = compute(rounds_);
    (void)value;
    diary_.ends(span);
  }

  Diary diary_;
  web::App app_;
  std::unique_ptr<futures::Executor> executor_;
  std::uint64_t rounds_ = 0;
};

}  // namespace

int serve(int argc, char** argv) {
  Service service;
  server::ServerDefinition definition;
  definition.name = "incident";
  definition.rows = {
      {.section = "Incident",
       .key = kExecutor.key,
       .type = server::SettingType::kChoice,
       .default_value = "fiber",
       .doc = "What the pool's workers are: fibers of the web worker's loop (what gevent's patch "
              "makes of a thread pool) or native threads.",
       .choices = {"fiber", "thread"}},
      {.section = "Incident",
       .key = kTaskRounds.key,
       .type = server::SettingType::kInteger,
       .default_value = "0",
       .doc = "Work of a task, in rounds of its loop; 0: what takes 3 s here, measured at start."},
  };
  definition.application = &service.app();
  definition.web = [&](server::WebContext& context) -> Result<std::unique_ptr<http::Handler>> {
    service.start(context.settings);
    return nullptr;
  };
  definition.hooks.worker_exit = [&](server::WorkerContext&) { service.stop(); };
  return server::run(definition, argc, argv);
}

}  // namespace incident
