#include "worker/task_worker.hpp"

#include <unistd.h>

#include <exception>

#include <saola/base/log.hpp>

namespace saola::server {
namespace {

class Context final : public TaskContext {
 public:
  explicit Context(WorkerProcess& process)
      : TaskContext(process.facts(), process.drain(), process.stop()), process_(process) {}
  void set_ready(bool ready, std::string_view why) override { process_.set_ready(ready, why); }
  void retire(std::string_view why) override { process_.retire(why); }
  std::string metrics_text() const override { return process_.metrics_text(); }

 private:
  WorkerProcess& process_;
};

Result<void> run(const ServerDefinition& definition, TaskContext& context) {
  try {
    return definition.task(context);
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInternal, "the task worker threw: {}", error.what());
  }
}

}  // namespace

int run_task_worker(const ServerDefinition& definition, WorkerProcess& process) {
  // A session of its own, whose autogroup demote_this_thread() then lowers: see
  // docs/decisions/0021.
  ::setsid();
  Context context(process);
  if (definition.hooks.worker_init) definition.hooks.worker_init(context);
  process.ready();
  const Result<void> result = run(definition, context);
  if (definition.hooks.worker_exit) definition.hooks.worker_exit(context);
  if (!result) {
    log_error("the task worker cannot work: " + result.error().message());
    return kExitBootFailed;
  }
  if (!context.drain.stop_requested()) {
    log_error("the task worker's function returned although nobody asked it to");
    return kExitFailure;
  }
  return kExitOk;
}

}  // namespace saola::server
