#include "server_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <open_loop/client.hpp>
#include <open_loop/summary.hpp>

namespace incident {
namespace {

using namespace std::chrono_literals;

// Debian's; another python3 on the PATH would not see Debian's packages.
constexpr const char* kPython = "/usr/bin/python3";
constexpr const char* kGunicorn = "/usr/bin/gunicorn";
// Longer than all tasks together. With the default of 30 s a worker that freezes is killed and its
// tasks are lost, which would hide how long it freezes.
constexpr const char* kTimeout = "--timeout=600";

std::string worker_class_of(const Combination& combination) {
  return combination.worker_class.substr(std::string_view("gunicorn-").size());
}

std::vector<std::string> command(const Combination& combination, const Rounds& rounds,
                                 std::uint16_t port, const std::string& directory) {
  const std::string bind = fmt::format("--bind=127.0.0.1:{}", port);
  if (is_gunicorn(combination)) {
    return {kGunicorn, bind, kTimeout, "--workers=1", "--threads=4",
            // gthread needs more than one thread; with another class --threads is ignored.
            "--worker-class=" + worker_class_of(combination), "--graceful-timeout=1",
            "--backlog=2048", "--keep-alive=75", "--worker-tmp-dir=/dev/shm",
            "--chdir=" + std::filesystem::path(INCIDENT_GUNICORN_APP).parent_path().string(),
            "gunicorn_app:app"};
  }
  return {std::filesystem::read_symlink("/proc/self/exe"),
          bind,
          kTimeout,
          "--workers=1",
          "--task-workers=0",
          "--graceful-timeout=1",
          "--keepalive=75",
          "--state-dir=" + directory,
          "--executor=" + combination.executor,
          "--worker-class=" + combination.worker_class,
          "--on-stall=" + combination.on_stall,
          fmt::format("--task-rounds={}", rounds.native)};
}

[[noreturn]] void become(const std::vector<std::string>& arguments, const std::string& log,
                         const Rounds& rounds) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::setpgid(0, 0);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::setenv("INCIDENT_ROUNDS", std::to_string(rounds.python).c_str(), 1);
  ::setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.data()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  fmt::print(stderr, "{} cannot be run: {}\n", arguments[0], std::strerror(errno));
  ::_exit(127);
}

bool answers(std::uint16_t port) {
  const saola::SteadyTime limit = std::chrono::steady_clock::now() + 15s;
  bool answered = false;
  open_loop::Client client(port);
  client.send(open_loop::get_request("/ping"), std::chrono::steady_clock::now(),
              open_loop::WhenBroken::kSendAgain,
              [&](const open_loop::Answer& answer) { answered = answer.status == 200; });
  client.run_until_answered(limit);
  return answered;
}

// What a command prints; empty when it fails.
std::string output_of(const std::string& shell_command) {
  std::string text;
  FILE* pipe = ::popen(shell_command.c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[256];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  return ::pclose(pipe) == 0 ? text : std::string();
}

}  // namespace

bool is_gunicorn(const Combination& combination) {
  return combination.worker_class.starts_with("gunicorn-");
}

std::string gunicorn_missing(const std::string& worker_class) {
  const std::string module = worker_class == "gunicorn-gevent" ? "gunicorn, gevent" : "gunicorn";
  if (::access(kGunicorn, X_OK) == 0 && ::access(INCIDENT_GUNICORN_APP, R_OK) == 0 &&
      !output_of(fmt::format("{} -c 'import {}; print(1)' 2>/dev/null", kPython, module)).empty()) {
    return {};
  }
  return "NOT MEASURED: not installed here (./dev install bench)";
}

std::uint64_t calibrate_python(double seconds) {
  const std::string text =
      output_of(fmt::format("{} {} {} 2>/dev/null", kPython, INCIDENT_GUNICORN_APP, seconds));
  return std::strtoull(text.c_str(), nullptr, 10);
}

saola::Result<ServerProcess> ServerProcess::start(const Combination& combination,
                                                  const Rounds& rounds) {
  ServerProcess server;
  std::string pattern = (std::filesystem::temp_directory_path() / "incident-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    return saola::fail(saola::ErrorCode::kUnavailable, "no directory can be made: {}", pattern);
  }
  server.directory_ = pattern;
  server.port_ = open_loop::free_port();
  const auto arguments = command(combination, rounds, server.port_, server.directory_);
  server.pid_ = ::fork();
  if (server.pid_ == 0) become(arguments, server.directory_ + "/log", rounds);
  if (server.pid_ < 0 || !answers(server.port_)) {
    return saola::fail(saola::ErrorCode::kUnavailable,
                       "the server does not answer; its log ends with: {}", server.log_end());
  }
  return server;
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      port_(other.port_),
      directory_(std::exchange(other.directory_, {})) {}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    const auto limit = std::chrono::steady_clock::now() + 3s;
    while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > limit) {
        // The group too: Gunicorn's worker would outlive its arbiter.
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        break;
      }
      std::this_thread::sleep_for(10ms);
    }
    ::kill(-pid_, SIGKILL);
  }
  if (!directory_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
}

std::string ServerProcess::log_end() const {
  std::ifstream file(directory_ + "/log");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
}

}  // namespace incident
