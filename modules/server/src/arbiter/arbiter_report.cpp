// `ctl show jobs`: a process of its own looks at the application's jobs, so that neither a locked
// database nor hogged workers matter here.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>

#include <fmt/core.h>

#include "arbiter/arbiter.hpp"
#include "control/control_answer.hpp"

namespace saola::server {
namespace {

constexpr std::size_t kLongestReport = 4 << 20;

}  // namespace

Result<void> Arbiter::ask_for_jobs(ControlServer::ClientId client) {
  if (!definition_.show_jobs) {
    return fail(ErrorCode::kUnsupported, "{} keeps no jobs, so there are none to show",
                definition_.name);
  }
  if (report_) {
    report_->clients.push_back(client);
    return {};
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(errno_error(errno, "pipe2"));
  Report report;
  report.out.reset(ends[0]);
  const unique_fd in(ends[1]);
  ::fcntl(report.out.get(), F_SETFL, O_NONBLOCK);
  const ChildBoot boot{.role = Role::kReport,
                       .arbiter = ::getpid(),
                       .settings = current_.settings,
                       .channel_fd = in.get()};
  auto message = write_boot(boot);
  if (!message) return std::unexpected(message.error());
  std::vector<std::string> environment = environment_texts();
  environment.push_back(fmt::format("{}={}", kChildVariable, message->get()));
  auto pid = spawn_program("/proc/self/exe", arguments_, environment, {message->get(), in.get()});
  if (!pid) return std::unexpected(pid.error());
  report.pid = *pid;
  report.clients = {client};
  report.patience = std::chrono::steady_clock::now() + kReportTime;
  wake_at(report.patience);
  report_ = std::move(report);
  return {};
}

// Takes what has come; answers at the end of it, or when the patience is over.
void Arbiter::read_report() {
  char buffer[64 * 1024];
  ssize_t got = 0;
  while ((got = ::read(report_->out.get(), buffer, sizeof buffer)) > 0) {
    report_->text.append(buffer, static_cast<std::size_t>(got));
    if (report_->text.size() > kLongestReport) break;
  }
  if (got == 0) {
    // One that died in the middle has said no JSON.
    if (!report_->text.ends_with('}')) {
      report_->text = control_answer(fail(ErrorCode::kUnavailable,
                                          "the process that looks at the jobs ended without an "
                                          "answer; what it met is in the log"));
    }
  } else if (got > 0) {
    report_->text = control_answer(fail(ErrorCode::kTooLarge, "too many jobs run to show them"));
  } else if (std::chrono::steady_clock::now() < report_->patience) {
    return wake_at(report_->patience);
  } else {
    report_->text = control_answer(fail(
        ErrorCode::kTimedOut, "the jobs could not be looked at within {} s: is their store locked?",
        std::chrono::duration_cast<std::chrono::seconds>(kReportTime).count()));
  }
  if (got != 0) ::kill(report_->pid, SIGKILL);  // reap() takes it
  if (control_) {
    for (const ControlServer::ClientId client : report_->clients) {
      control_->answer(client, report_->text);
    }
  }
  report_.reset();
}

}  // namespace saola::server
