#include "settings/worker_class.hpp"

#include <utility>

namespace saola::server {

std::string_view to_string(WorkerClass worker_class) {
  switch (worker_class) {
    case WorkerClass::kGreen:
      return "green";
    case WorkerClass::kThreads:
      return "threads";
    case WorkerClass::kSync:
      return "sync";
  }
  std::unreachable();
}

Result<WorkerClass> parse_worker_class(std::string_view text) {
  if (text == "green" || text == "gevent" || text == "eventlet") return WorkerClass::kGreen;
  if (text == "threads" || text == "gthread") return WorkerClass::kThreads;
  if (text == "sync") return WorkerClass::kSync;
  return fail(ErrorCode::kInvalidArgument,
              "give green, threads or sync (Gunicorn's gevent, eventlet, gthread are accepted)");
}

}  // namespace saola::server
