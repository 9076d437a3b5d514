#include "web_worker.hpp"

#include <condition_variable>
#include <mutex>

#include <saola/base/log.hpp>

namespace saola::server {
namespace {

class Context final : public WebContext {
 public:
  explicit Context(WorkerProcess& process) : WebContext(process.facts()), process_(process) {}
  void set_ready(bool ready, std::string_view why) override { process_.set_ready(ready, why); }
  observe::StallLog& stalls() override { return stalls_; }

 private:
  WorkerProcess& process_;
  observe::StallLog stalls_;
};

void wait_for(std::stop_token token) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, token, [] { return false; });
}

}  // namespace

int run_web_worker(const ServerDefinition& definition, WorkerProcess& process) {
  Context context(process);
  if (definition.hooks.worker_init) definition.hooks.worker_init(context);
  auto handler = definition.web(context);
  if (!handler) {
    log_error("the web worker cannot start: " + handler.error().message());
    return kExitBootFailed;
  }
  process.ready();
  wait_for(process.drain());
  return kExitOk;
}

int run_management(WorkerProcess& process) {
  process.ready();
  wait_for(process.drain());
  return kExitOk;
}

}  // namespace saola::server
