#include "arbiter/jobs_report.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>

#include <fmt/core.h>

#include "control/control_answer.hpp"
#include "fleet/upgrade.hpp"
#include "process/child_boot.hpp"

namespace saola::server {
namespace {

constexpr std::size_t kLongestReport = 4 << 20;

}  // namespace

Result<void> JobsReport::ask(ControlServer::ClientId client) {
  if (!server_.definition.show_jobs) {
    return fail(ErrorCode::kUnsupported, "{} keeps no jobs, so there are none to show",
                server_.definition.name);
  }
  if (running_) {
    running_->clients.push_back(client);
    return {};
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(errno_error(errno, "pipe2"));
  Running report;
  report.out.reset(ends[0]);
  const unique_fd in(ends[1]);
  ::fcntl(report.out.get(), F_SETFL, O_NONBLOCK);
  const ChildBoot boot{.role = Role::kReport,
                       .arbiter = ::getpid(),
                       .settings = server_.generations.current.settings,
                       .channel_fd = in.get()};
  auto message = write_boot(boot);
  if (!message) return fail(message);
  std::vector<std::string> environment = environment_texts();
  environment.push_back(fmt::format("{}={}", kChildVariable, message->get()));
  auto pid =
      spawn_program("/proc/self/exe", server_.arguments, environment, {message->get(), in.get()});
  if (!pid) return fail(pid);
  report.pid = *pid;
  report.clients = {client};
  report.patience = std::chrono::steady_clock::now() + kReportTime;
  server_.wake_at(report.patience);
  running_ = std::move(report);
  return {};
}

void JobsReport::watch(std::vector<pollfd>& polled) const {
  if (running_) polled.push_back({.fd = running_->out.get(), .events = POLLIN});
}

void JobsReport::advance(ControlServer& socket) {
  if (!running_) return;
  char buffer[64 * 1024];
  ssize_t got = 0;
  while ((got = ::read(running_->out.get(), buffer, sizeof buffer)) > 0) {
    running_->text.append(buffer, static_cast<std::size_t>(got));
    if (running_->text.size() > kLongestReport) break;
  }
  if (got == 0) {
    // One that died in the middle has said no JSON.
    if (!running_->text.ends_with('}')) {
      running_->text = control_answer(fail(ErrorCode::kUnavailable,
                                           "the process that looks at the jobs ended without an "
                                           "answer; what it met is in the log"));
    }
  } else if (got > 0) {
    running_->text = control_answer(fail(ErrorCode::kTooLarge, "too many jobs run to show them"));
  } else if (std::chrono::steady_clock::now() < running_->patience) {
    return server_.wake_at(running_->patience);
  } else {
    running_->text = control_answer(fail(
        ErrorCode::kTimedOut, "the jobs could not be looked at within {} s: is their store locked?",
        std::chrono::duration_cast<std::chrono::seconds>(kReportTime).count()));
  }
  if (got != 0) ::kill(running_->pid, SIGKILL);  // the arbiter reaps it
  for (const ControlServer::ClientId client : running_->clients) {
    socket.answer(client, running_->text);
  }
  running_.reset();
}

}  // namespace saola::server
