#include "worker/worker_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/log.hpp>
#include <saola/server/server_settings.hpp>

#include "control/stack_dump.hpp"
#include "control/stall_json.hpp"
#include "log/process_log.hpp"
#include "process/privileges.hpp"
#include "process/process_metrics.hpp"
#include "process/process_title.hpp"
#include "worker/question.hpp"

namespace saola::server {
namespace {

constexpr std::array kTaken{SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGABRT};
// The terminal or a careless kill sends them to the whole group; they are the arbiter's business.
// The last two belong to writes that fail, and those say so themselves.
constexpr std::array kIgnored{SIGHUP, SIGUSR2, SIGWINCH, SIGTTIN, SIGTTOU, SIGPIPE, SIGXFSZ};
constexpr int kBeatMs = 500;
constexpr std::size_t kLongestMessage = 60 * 1024;
// Of the arbiter, which has cut the request down already.
constexpr std::size_t kLongestQuestion = 64 * 1024;

Result<unique_fd> take_signals() {
  for (int signal : kIgnored) ::signal(signal, SIG_IGN);
  sigset_t set;
  ::sigemptyset(&set);
  for (int signal : kTaken) ::sigaddset(&set, signal);
  // SIGABRT too: from the arbiter it comes to the control thread. abort() unblocks it by itself.
  // The arbiter's other ones, which this process was started with, are set free.
  if (::sigprocmask(SIG_SETMASK, &set, nullptr) != 0) {
    return fail(errno_error(errno, "sigprocmask"));
  }
  unique_fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail(errno_error(errno, "signalfd"));
  return fd;
}

}  // namespace

Result<void> enter_child(const ServerDefinition& definition, const ChildBoot& boot,
                         const std::string& name) {
  const std::string& given = boot.settings.get(setting::kProcName);
  const ProcessTitle title;
  title.set(fmt::format("{}: {}", given.empty() ? definition.name : given, name));
  // Programs that the application starts shall not hold the sockets.
  for (int fd : {boot.state_fd, boot.channel_fd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  for (const BootListener& listener : boot.listeners) ::fcntl(listener.fd, F_SETFD, FD_CLOEXEC);
  set_umask(boot.settings);
  auto privileges =
      find_privileges(boot.settings.get(setting::kUser), boot.settings.get(setting::kGroup));
  if (!privileges) return fail(privileges);
  if (auto dropped = drop_privileges(*privileges); !dropped) return dropped;
  // After the change of user, which would clear it. If the arbiter died before, nobody would tell.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != boot.arbiter) ::_exit(kExitFailure);
  return configure_log(boot.settings, definition.name, name);
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::create(const ServerDefinition& definition,
                                                             ChildBoot boot) {
  unique_fd channel(boot.channel_fd);
  const std::string name = fmt::format("{} {}", to_string(boot.role), boot.number);
  if (auto entered = enter_child(definition, boot, name); !entered) {
    return fail(entered);
  }
  auto table = std::make_unique<observe::MetricTable>();
  const ServerMetrics metrics = ServerMetrics::declare(definition, *table);
  auto state = SharedState::attach(unique_fd(boot.state_fd), *table, boot.slots);
  if (!state) return fail(state);
  auto signals = take_signals();
  if (!signals) return fail(signals);
  prepare_stack_dump();
  return std::unique_ptr<WorkerProcess>(
      new WorkerProcess(definition, std::move(boot), std::move(table), metrics, std::move(*state),
                        std::move(channel), std::move(*signals)));
}

WorkerProcess::WorkerProcess(const ServerDefinition& definition, ChildBoot boot,
                             std::unique_ptr<observe::MetricTable> table, ServerMetrics metrics,
                             SharedState state, unique_fd channel, unique_fd signals)
    : definition_(definition),
      boot_(std::move(boot)),
      table_(std::move(table)),
      metrics_(metrics),
      state_(std::move(state)),
      channel_(std::move(channel)),
      signals_(std::move(signals)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      // A web worker has --timeout to boot; then its loop beats.
      control_beats_(boot_.role == Role::kTask),
      control_([this](std::stop_token end) { run_control(std::move(end)); }) {}

WorkerProcess::~WorkerProcess() {
  control_.request_stop();
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

WorkerFacts WorkerProcess::facts() const {
  return {boot_.settings, boot_.role, boot_.number, boot_.identity,
          observe::MetricSlot{state_.metrics(), boot_.slot}};
}

std::string WorkerProcess::metrics_text() const {
  return observe::prometheus_text(state_.metrics()) +
         fmt::format(
             "# HELP saola_build_info The program that runs; always 1.\n"
             "# TYPE saola_build_info gauge\n"
             "saola_build_info{{service=\"{}\",version=\"{}\",compiler=\"{}\"}} 1\n",
             definition_.name, definition_.version, __VERSION__) +
         process_metrics(state_, boot_.arbiter);
}

void WorkerProcess::ready() {
  send("ready");
}

void WorkerProcess::retire(std::string_view why) {
  send(fmt::format("retire {}", why));
}

void WorkerProcess::stall(const observe::StallReport& report) {
  std::string text = "stall " + boost::json::serialize(stall_to_json(report));
  if (text.size() <= kLongestMessage) send(text);
}

void WorkerProcess::set_ready(bool ready, std::string_view why) {
  const NativeLock lock(ready_mutex_);
  slot().why_not_ready.write(why);
  slot().not_ready.store(!ready, std::memory_order_relaxed);
}

// A full channel loses the message: the arbiter has not read for hundreds of them.
void WorkerProcess::send(std::string_view message) const {
  [[maybe_unused]] const ssize_t sent =
      ::send(channel_.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void WorkerProcess::run_control(std::stop_token end) {
  ::prctl(PR_SET_NAME, "control");
  std::array<pollfd, 3> polled{pollfd{.fd = signals_.get(), .events = POLLIN},
                               pollfd{.fd = channel_.get(), .events = POLLIN},
                               pollfd{.fd = wake_.get(), .events = POLLIN}};
  while (!end.stop_requested()) {
    if (Syslog* syslog = process_syslog(); syslog != nullptr) {
      observe::MetricSlot{state_.metrics(), boot_.slot}
          .counter(metrics_.syslog_lost)
          .add(syslog->tick());
    }
    if (control_beats_.load(std::memory_order_relaxed)) slot().beat();
    ::poll(polled.data(), polled.size(), kBeatMs);
    signalfd_siginfo signal{};
    while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
      on_signal(static_cast<int>(signal.ssi_signo), signal.ssi_code);
    }
    const ReceivedMessage message = receive_message(channel_.get(), kLongestQuestion);
    if (message.bytes == 0) ::_exit(kExitFailure);  // the arbiter is gone
    if (message.bytes > 0) answer(message);
  }
}

// "ask NUMBER QUESTION", with a file for the answer.
void WorkerProcess::answer(const ReceivedMessage& message) {
  constexpr std::string_view kVerb = "ask ";
  const std::string_view text = message.text;
  const std::size_t end = text.find(' ', kVerb.size());
  if (!text.starts_with(kVerb) || end == std::string_view::npos || !message.descriptor) return;
  std::string answer;
  {
    const NativeLock lock(runtime_mutex_);
    answer = answer_question(text.substr(end + 1), runtime_);
  }
  if (::pwrite(message.descriptor.get(), answer.data(), answer.size(), 0) ==
      static_cast<ssize_t>(answer.size())) {
    send(fmt::format("answered {}", text.substr(kVerb.size(), end - kVerb.size())));
  }
}

void WorkerProcess::on_signal(int signal, int code) {
  switch (signal) {
    case SIGTERM:
      drain_.request_stop();
      return;
    case SIGINT:
      // Ctrl-C goes to the whole foreground group: the arbiter will say what it means.
      if (code == SI_KERNEL) return;
      [[fallthrough]];
    case SIGQUIT:
      drain_.request_stop();
      stop_.request_stop();
      return;
    case SIGUSR1:
      log_reopen();
      if (const NativeLock lock(reopen_mutex_); reopen_) reopen_();
      return;
    case SIGABRT:
      last_words();
    default:
      return;
  }
}

// The arbiter gave this process up: say what its threads were doing, then die.
void WorkerProcess::last_words() {
  for (const ThreadStack& stack : dump_stacks()) {
    log_error(fmt::format("thread {} {} ({})", stack.thread, stack.name, stack.state));
    for (const observe::StackFrame& frame : stack.frames) log_error("  " + to_string(frame));
  }
  std::abort();
}

}  // namespace saola::server
