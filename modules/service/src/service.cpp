#include <algorithm>
#include <filesystem>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/guarded.hpp>
#include <saola/base/log.hpp>
#include <saola/dashboard/dashboard.hpp>
#include <saola/jobs/memory_store.hpp>
#include <saola/runtime/offload.hpp>
#include <saola/server/health.hpp>
#include <saola/server/server_settings.hpp>
#include <saola/service/service.hpp>
#include <saola/service/test.hpp>
#include <saola/web/openapi.hpp>

#include "deployment.hpp"
#include "jobs_report.hpp"
#include "manual_worker.hpp"
#include "service_impl.hpp"
#include "task_runner.hpp"

namespace saola {
namespace {

namespace json = boost::json;

constexpr const char* kLoginPath = "/login";

struct LoginArgs {
  std::string token;
};
SAOLA_DESCRIBE(LoginArgs, token)

// Not sent along when another site posts here, nor to the neighbours of a service below a path. Plain HTTP carries it only where the server speaks no
// TLS itself and no proxy says that it does.
web::Cookie session_cookie(const Request& request, std::string value, Duration length) {
  return {.name = std::string(http::kSessionCookie),
          .value = std::move(value),
          .path = std::string(request.prefix().empty() ? "/" : request.prefix()),
          .max_age = length,
          .secure = request.raw().scheme == "https",
          .same_site = web::Cookie::SameSite::kLax};
}

// For a process that answers for health while there is no store, too. Thread-safe.
class StoreOpenedLate {
 public:
  // `settings` must outlive it.
  explicit StoreOpenedLate(const server::Settings& settings) : settings_(settings) {}

  // SUSPENDS. Empty while the store cannot be opened.
  std::string metrics() {
    jobs::Store* store = runtime::offload_blocking([this] { return open(); });
    return store == nullptr ? "" : jobs_web::stored_metrics(*store);
  }

 private:
  jobs::Store* open() {
    const NativeLock lock(mutex_);
    if (!store_) {
      auto opened = service::open_store(settings_);
      if (opened) store_ = *std::move(opened);
    }
    return store_.get();
  }

  const server::Settings& settings_;
  NativeMutex mutex_;
  std::unique_ptr<jobs::Store> store_ GUARDED_BY(mutex_);
};

// Results are shown as they are stored, so a text that is no JSON must not get there.
jobs::Outcome checked(jobs::Outcome outcome) {
  const auto* done = std::get_if<jobs::Done>(&outcome);
  if (done == nullptr) return outcome;
  boost::system::error_code bad;
  json::parse(done->result, bad);
  if (!bad) return outcome;
  return jobs::Discard{"the task returned a jobs::Done whose result is no JSON text"};
}

}  // namespace

namespace detail {

Response TaskHandle::accept(const Request& request, std::string payload) const {
  const Service::Impl& service = *entry_->service;
  if (!service.jobs_api) {
    throw web::SetupError("accept() was called before the service runs. Call it in a view.");
  }
  return service.jobs_api->accept(request, {.kind = entry_->name,
                                            .payload = std::move(payload),
                                            .priority = entry_->options.priority,
                                            .max_attempts = entry_->options.max_attempts,
                                            .timeout = entry_->options.timeout});
}

void document_accepted(web::ViewDoc& doc) {
  doc.answer = jobs_web::accepted_schema();
  doc.parameters = jobs_web::job_parameters();
  doc.responses = {{202, "The job is stored; Location names it"},
                   {400, "A header cannot be understood, or names a queue that nobody serves"},
                   {409, "The Idempotency-Key was used for another request"},
                   {422, "The request cannot be understood; 'errors' lists every reason"},
                   {429, "Too many jobs wait; see Retry-After"},
                   {503, "The job store is full or away; nothing was stored"}};
}

}  // namespace detail

Service::Service(std::string name, ServiceOptions options)
    : impl_(std::make_unique<Impl>(std::move(name), std::move(options))) {}
Service::~Service() = default;

web::App& Service::app() {
  return impl_->app;
}

detail::TaskHandle Service::add_task(std::string name, std::function<jobs::Outcome(Job&)> function,
                                     TaskOptions options) {
  impl_->check_open(fmt::format("The task '{}'", name));
  auto& slot = impl_->tasks[name];
  if (slot) {
    throw web::SetupError(fmt::format(
        "The task '{}' was added twice, so a job would not know its function. Give one another "
        "name.",
        name));
  }
  slot = std::make_shared<detail::TaskEntry>(
      detail::TaskEntry{impl_.get(), std::move(name), std::move(function), options});
  return detail::TaskHandle(slot);
}

ThreadPool Service::thread_pool(std::string name, int threads) {
  impl_->check_open(fmt::format("The thread pool '{}'", name));
  if (threads < 1) {
    throw web::SetupError(
        fmt::format("The thread pool '{}' has {} threads, so its work would wait for ever. Give it "
                    "at least one.",
                    name, threads));
  }
  impl_->pools.push_back(std::make_shared<ThreadPool::State>(std::move(name), threads));
  return ThreadPool(impl_->pools.back());
}

Counter Service::counter(std::string name, std::string help, observe::Labels labels) {
  auto cell = std::make_shared<observe::Counter>();
  impl_->own_metrics.push_back([=](observe::MetricTable& table) {
    const auto id = table.counter(name, help, labels);
    return [=](const observe::MetricSlot& slot) { *cell = slot.counter(id); };
  });
  return Counter(cell);
}

Gauge Service::gauge(std::string name, std::string help, observe::Labels labels) {
  auto cell = std::make_shared<observe::Gauge>();
  impl_->own_metrics.push_back([=](observe::MetricTable& table) {
    const auto id = table.gauge(name, help, labels);
    return [=](const observe::MetricSlot& slot) { *cell = slot.gauge(id); };
  });
  return Gauge(cell);
}

Timer Service::timer(std::string name, std::string help, observe::Labels labels) {
  auto cell = std::make_shared<observe::Histogram>();
  impl_->own_metrics.push_back([=](observe::MetricTable& table) {
    const auto id = table.histogram(name, help, observe::latency_bounds(), labels);
    return [=](const observe::MetricSlot& slot) { *cell = slot.histogram(id); };
  });
  return Timer(cell);
}

void Service::setting(server::SettingRow row) {
  impl_->check_open(fmt::format("The setting '{}'", row.key));
  impl_->own_rows.push_back(std::move(row));
}

const server::Settings& Service::settings() const {
  if (impl_->settings == nullptr) {
    throw web::SetupError(
        "settings() was called before the service runs. Call it in a view or task.");
  }
  return *impl_->settings;
}

objects::Buckets& Service::buckets() const {
  if (!impl_->buckets) {
    throw web::SetupError(
        "buckets() was called before the service runs. Call it in a view or task.");
  }
  return *impl_->buckets;
}

std::string Service::result_of(std::string_view job_id) const {
  if (!impl_->jobs_api) {
    throw web::SetupError("result_of() was called before the service runs. Call it in a view.");
  }
  return impl_->jobs_api->result(job_id);
}

std::string Service::settings_reference() const {
  return server::application_reference(impl_->name, impl_->setting_rows());
}

void Service::Impl::check_open(std::string_view what) const {
  if (!finished) return;
  throw web::SetupError(fmt::format(
      "{} was added after main() or test_client(), so only some processes would know it. Add it "
      "before.",
      what));
}

void Service::Impl::finish() {
  if (std::exchange(finished, true)) return;
  // What the application answers itself stays its own.
  const auto is_free = [this](std::string_view pattern) {
    return std::ranges::none_of(app.routes(),
                                [&](const auto& route) { return route->pattern == pattern; });
  };
  const auto add = [&](std::string_view pattern, web::View view, web::RouteOptions route = {}) {
    if (is_free(pattern)) app.get(pattern, std::move(view), std::move(route));
  };
  add("/healthz", [] { return server::health_answer(); },
      {.endpoint = "healthz",
       .doc = "Is this process alive? Touches nothing else",
       .responses = {{200, "Yes"}},
       .role = http::Role::kNone});
  add("/readyz",
      [this] {
        std::vector<std::string> reasons;
        if (jobs_api) {
          if (auto ready = jobs_api->ready(); !ready) reasons.push_back(ready.error().message());
        }
        if (web_context != nullptr) {
          for (std::string& why : web_context->why_not_ready()) {
            // The store's, as this worker or another has reported it.
            if (!reasons.empty() && why.ends_with(reasons.front())) continue;
            reasons.push_back(std::move(why));
          }
        }
        return server::readiness_answer(reasons);
      },
      {.endpoint = "readyz",
       .doc = "Can requests be served?",
       .responses = {{200, "Yes"}, {503, "No; detail and reasons say why"}},
       .role = http::Role::kNone});
  add("/metrics",
      [this] {
        std::string out = metrics_text();
        if (jobs_api) out += jobs_api->metrics_text();
        return Response(200, "text/plain; version=0.0.4; charset=utf-8", std::move(out));
      },
      {.endpoint = "metrics",
       .doc = "Numbers of all workers in Prometheus' text format",
       .responses = {{200, "text/plain; version=0.0.4"}}});
  add("/openapi.json", [this](Request& request) {
    return web::json(
        web::openapi(app, {.title = name,
                           .version = options.version,
                           .description = options.description,
                           .prefix = std::string(request.prefix()),
                           .license = options.license,
                           .asks_who = web_context != nullptr && web_context->asks_who()}));
  });
  add("/session",
      [](Request& request) {
        return web::json(json::object{{"name", request.caller().name},
                                      {"role", http::to_string(request.caller().role)}});
      },
      {.endpoint = "session",
       .doc = "Who am I, and what may I do?\n\nThe name is empty where nobody is asked.",
       .responses = {{200, "name and role"}}});
  if (is_free(kLoginPath)) {
    login_path = kLoginPath;
    app.register_blueprint(dashboard::login_blueprint());
    app.post(kLoginPath, [this](Request& request) { return log_in(request); },
             {.endpoint = "login",
              .doc = "Log a browser in\n\nSets the cookie that stands for the token.",
              .responses = {{204, "Logged in"}, {401, "The token is none that is known"}},
              .role = http::Role::kNone});
    app.post("/logout", [](Request& request) { return log_out(request); },
             {.endpoint = "logout",
              .doc = "Log a browser out",
              .responses = {{204, "The cookie is gone"}},
              .role = http::Role::kNone});
  }
  const auto place = [&](std::string_view pattern) {
    return is_free(pattern) ? dashboard::Place::kRoot : dashboard::Place::kAside;
  };
  app.register_blueprint(dashboard::docs_blueprint(place("/docs")));
  if (tasks.empty()) return;
  app.register_blueprint(
      jobs_web::jobs_blueprint([this]() -> jobs_web::JobsApi& { return *jobs_api; }));
  app.register_blueprint(dashboard::dashboard_blueprint(place("/")));
}

Response Service::Impl::log_in(Request& request) const {
  const auto asked = request.body<LoginArgs>();
  const auto session =
      web_context == nullptr ? std::nullopt : web_context->open_session(asked.token);
  if (!session) {
    throw HttpError(http::Problem{.status = 401,
                                  .detail = "The token is none that is known here.",
                                  .code = std::string(to_string(ErrorCode::kUnauthenticated))});
  }
  Response response = web::no_content();
  web::set_cookie(response,
                  session_cookie(request, *session, settings->get(server::setting::kSessionTime)));
  return response;
}

Response Service::Impl::log_out(Request& request) {
  Response response = web::no_content();
  web::set_cookie(response, session_cookie(request, "", Duration::zero()));
  return response;
}

void Service::Impl::declare_metrics(observe::MetricTable& table) {
  if (!tasks.empty()) {
    job_metrics.declare(table);
    pruned_objects.declare(table);
  }
  for (const auto& pool : pools) pool->declare(table);
  for (const Declare& declare : own_metrics) own_cells.push_back(declare(table));
}

void Service::Impl::count_in(const observe::MetricSlot& slot) {
  for (const auto& pool : pools) pool->count_in(slot);
  for (const auto& give_cell : own_cells) give_cell(slot);
}

std::map<std::string, jobs::Handler> Service::Impl::handlers(const observe::MetricSlot& slot) {
  std::map<std::string, jobs::Handler> out;
  for (const auto& [task_name, entry] : tasks) {
    out[task_name] = [this, slot, entry](jobs::JobContext& context) {
      return job_metrics.count(slot, [&]() -> jobs::Outcome {
        Job job(context, *buckets);
        try {
          return checked(entry->function(job));
        } catch (const JobStopped&) {
          return jobs::Cancelled{};
        }
      });
    };
  }
  return out;
}

std::vector<server::SettingRow> Service::Impl::setting_rows() const {
  std::vector<server::SettingRow> rows = own_rows;
  if (tasks.empty()) return rows;
  for (auto& row : service::store_rows()) rows.push_back(std::move(row));
  for (auto& row : service::bucket_rows(options.default_buckets)) rows.push_back(std::move(row));
  return rows;
}

Result<void> Service::Impl::start_web(server::WebContext& context) {
  settings = &context.settings;
  web_context = &context;
  count_in(context.metrics);
  metrics_text = [&context] { return context.metrics_text(); };
  if (!tasks.empty()) {
    auto opened_buckets = service::open_buckets(context.settings);
    if (!opened_buckets) return fail(opened_buckets);
    buckets = *std::move(opened_buckets);
    auto opened_store = service::open_store(context.settings);
    if (!opened_store) return fail(opened_store);
    store = *std::move(opened_store);
    std::string folder = std::filesystem::path(service::store_path(context.settings)).parent_path();
    if (folder.empty()) folder = ".";
    jobs_api = std::make_unique<jobs_web::JobsApi>(
        *store,
        jobs_web::JobsApiOptions{
            .queue_limit = static_cast<std::size_t>(context.settings.get(service::kQueueLimit)),
            .queues = context.settings.get(service::kQueues),
            .health = {
                .room = [folder] { return jobs_web::room_for_a_job(folder); },
                .on_change = [&context](bool ready,
                                        std::string_view why) { context.set_ready(ready, why); }},
            .one_event_a_stream = context.settings.get(server::setting::kWorkerClass) == "sync"});
  }
  return {};
}

Result<void> Service::Impl::run_task_worker(server::TaskContext& context) {
  settings = &context.settings;
  count_in(context.metrics);
  auto opened_buckets = service::open_buckets(context.settings);
  if (!opened_buckets) return fail(opened_buckets);
  buckets = *std::move(opened_buckets);
  auto opened_store = service::open_store(context.settings);
  if (!opened_store) return fail(opened_store);
  store = *std::move(opened_store);
  pruned_objects.count_in(context.metrics);
  return service::run_tasks(context, *store, handlers(context.metrics),
                            {.buckets = *buckets, .counts = pruned_objects});
}

server::ServerDefinition Service::Impl::definition() {
  server::ServerDefinition out;
  out.name = name;
  out.version = options.version;
  out.rows = setting_rows();
  out.application = &app;
  out.metrics = [this](observe::MetricTable& table) { declare_metrics(table); };
  out.login_path = login_path;
  out.web = [this](server::WebContext& context) -> Result<std::unique_ptr<http::Handler>> {
    if (auto started = start_web(context); !started) return fail(started);
    return nullptr;
  };
  out.hooks.worker_exit = [this](server::WorkerContext&) {
    for (const auto& pool : pools) pool->stop();
    // Its thread speaks to the arbiter, whose link goes away.
    jobs_api.reset();
  };
  if (tasks.empty()) return out;
  out.task = [this](server::TaskContext& context) { return run_task_worker(context); };
  out.stored_metrics = [](const server::Settings& values) {
    return [store = std::make_shared<StoreOpenedLate>(values)] { return store->metrics(); };
  };
  out.show_jobs = [](const server::Settings& values) -> Result<std::string> {
    auto opened = service::open_store(values);
    if (!opened) return fail(opened);
    return service::jobs_report(**opened, real_clock(), Deadline::after(server::kReportTime));
  };
  out.describe = [](const server::Settings& values) {
    std::vector<std::string> lines = service::describe_buckets(values);
    lines.insert(lines.begin(),
                 fmt::format("job store: SQLite in {}", service::store_path(values)));
    return lines;
  };
  out.check = [](const server::Settings& values) -> Result<void> {
    auto opened = service::open_buckets(values);
    if (!opened) return fail(opened);
    return {};
  };
  return out;
}

void Service::Impl::start_test() {
  finish();
  app.declare_metrics(test_table);
  declare_metrics(test_table);
  test_cells.resize(observe::MetricBlock::bytes(test_table, 1) / sizeof(std::uint64_t) + 1);
  test_slot = observe::MetricSlot{
      observe::MetricBlock(test_table, std::as_writable_bytes(std::span(test_cells)), 1), 0};
  app.count_in(*test_slot);
  count_in(*test_slot);
  metrics_text = [this] { return observe::prometheus_text(test_slot->block); };
  // What the settings say when nobody says anything.
  std::vector<server::SettingRow> rows = server::server_rows();
  for (server::SettingRow& row : setting_rows()) rows.push_back(std::move(row));
  test_settings = server::SettingsTable(std::move(rows)).load({}, {}).value().settings;
  settings = &test_settings;
  buckets = std::make_unique<objects::Buckets>();
  store = jobs::make_memory_store();
  if (!tasks.empty()) jobs_api = std::make_unique<jobs_web::JobsApi>(*store);
}

ServiceTest Service::test_client() {
  if (impl_->finished) {
    throw web::SetupError(
        "test_client() was called on a service that runs already. Make another Service for each "
        "test.");
  }
  impl_->start_test();
  return ServiceTest(*impl_);
}

ServiceTest::ServiceTest(Service::Impl& service)
    : web::TestClient(service.app), service_(&service) {}

int ServiceTest::run_jobs() {
  return service::run_available_jobs(*service_->store, service_->handlers(*service_->test_slot));
}

jobs::Store& ServiceTest::store() {
  return *service_->store;
}

objects::Buckets& ServiceTest::buckets() {
  return *service_->buckets;
}

}  // namespace saola
