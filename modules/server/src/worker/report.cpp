#include "worker/report.hpp"

#include <unistd.h>

#include <exception>

#include <saola/base/exception_text.hpp>

#include "control/control_answer.hpp"
#include "worker/worker_process.hpp"

namespace saola::server {
namespace {

Result<std::string> make_report(const ServerDefinition& definition, const ChildBoot& boot) {
  if (auto entered = enter_child(definition, boot, "report"); !entered) {
    return fail(entered);
  }
  try {
    return definition.show_jobs(boot.settings);
  } catch (...) {
    return fail(ErrorCode::kInternal, "the jobs cannot be shown: {}",
                exception_text(std::current_exception()));
  }
}

}  // namespace

int run_report(const ServerDefinition& definition, ChildBoot boot) {
  const unique_fd out(boot.channel_fd);
  const std::string answer = control_answer(make_report(definition, boot));
  for (std::size_t at = 0; at < answer.size();) {
    const ssize_t written = ::write(out.get(), answer.data() + at, answer.size() - at);
    if (written < 0) return kExitFailure;  // the arbiter has given up
    at += static_cast<std::size_t>(written);
  }
  return kExitOk;
}

}  // namespace saola::server
