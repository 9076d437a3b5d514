#include "probe_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <saola/base/unique_fd.hpp>
#include <saola/server/control.hpp>

namespace saola::server {
namespace json = boost::json;

bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const Deadline deadline = Deadline::after(limit);
  while (!condition()) {
    if (deadline.passed()) return condition();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

namespace {

// As fork(); the child is process 1 of a pid namespace. Needs root or user namespaces; -1 without.
pid_t fork_process_one() {
  for (const unsigned long more : {0, CLONE_NEWUSER}) {
    const long pid = ::syscall(SYS_clone, CLONE_NEWPID | more | SIGCHLD, 0, 0, 0, 0);
    if (pid >= 0) return static_cast<pid_t>(pid);
  }
  return -1;
}

}  // namespace

ProbeServer::ProbeServer(std::vector<std::string> flags, std::vector<std::string> environment,
                         int activation, Birth birth) {
  std::vector<std::string> arguments{SAOLA_SERVER_PROBE, "--workers=1", "--task-workers=1",
                                     "--state-dir=" + directory()};
  bool bind = activation < 0;
  for (const std::string& flag : flags) bind = bind && !flag.starts_with("--bind");
  if (bind) arguments.push_back("--bind=127.0.0.1:0");
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const std::string log_file = directory() + "/log";
  pid_ = birth == Birth::kProcessOne ? fork_process_one() : ::fork();
  if (pid_ != 0) return;
  if (birth == Birth::kSubreaper) ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  for (std::string& variable : environment) ::putenv(variable.data());
  if (activation >= 0) {
    ::dup2(activation, 3);
    ::fcntl(3, F_SETFD, 0);  // it may have been number 3 before
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "1", 1);
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

ProbeServer::~ProbeServer() {
  if (!started()) return;
  // A sanitizer's findings in the server's processes are told in its log only. A SIGSEGV is the
  // test's own; others would end a worker, which tests see.
  const std::string text = log();
  for (const char* finding :
       {"AddressSanitizer: heap-", "AddressSanitizer: stack-", "AddressSanitizer: global-",
        "AddressSanitizer: attempting", "LeakSanitizer: detected", "WARNING: ThreadSanitizer",
        "runtime error: "}) {
    EXPECT_EQ(text.find(finding), std::string::npos) << text;
  }
  if (exit_status(std::chrono::seconds(0))) return;
  ::kill(pid_, SIGKILL);
  exit_status();
}

bool ProbeServer::serves() {
  return eventually([&] {
           return exit_status(std::chrono::seconds(0)) ||
                  show("stats").find(R"("state":"serving")") != std::string::npos;
         }) &&
         !status_;
}

void ProbeServer::signal(int number) const {
  ::kill(pid_, number);
}

std::optional<int> ProbeServer::exit_status(std::chrono::seconds limit) {
  if (status_) return status_;
  eventually(
      [&] {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
        status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        return true;
      },
      limit);
  return status_;
}

std::string ProbeServer::log() const {
  std::ifstream file(directory() + "/log");
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

bool ProbeServer::log_has(std::string_view text) const {
  return log().find(text) != std::string::npos;
}

std::string ProbeServer::control(std::string_view request) const {
  return control_request(control_path(), request, Deadline::after(std::chrono::seconds(10)))
      .value_or("");
}

std::string ProbeServer::show(std::string_view what) const {
  return control(json::serialize(json::object{{"command", "show"}, {"what", what}}));
}

std::vector<WorkerRow> ProbeServer::workers() const {
  std::vector<WorkerRow> out;
  boost::system::error_code error;
  const json::value rows = json::parse(show("workers"), error);
  if (error) return out;
  for (const json::value& row : rows.as_array()) {
    out.push_back({std::string(row.at("role").as_string()), row.at("number").to_number<int>(),
                   row.at("pid").to_number<pid_t>(), std::string(row.at("stage").as_string()),
                   row.at("generation").to_number<int>()});
  }
  return out;
}

std::vector<pid_t> ProbeServer::serving(std::string_view role) const {
  std::vector<pid_t> out;
  for (const WorkerRow& row : workers()) {
    if (row.role == role && row.stage == "serving") out.push_back(row.pid);
  }
  return out;
}

std::string ProbeServer::address() const {
  boost::system::error_code error;
  const json::value rows = json::parse(show("listeners"), error);
  if (error || rows.as_array().empty()) return "";
  return std::string(rows.as_array()[0].at("address").as_string());
}

std::string ProbeServer::management_address() const {
  const std::string text = log();
  const std::size_t at = text.find("management on ") + std::strlen("management on ");
  return text.substr(at, text.find(": /healthz", at) - at);
}

HttpAnswer ProbeServer::get(std::string_view path, std::string_view fields) const {
  return http_get(address(), path, fields);
}

int connect_to(const std::string& address) {
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (address.starts_with("unix:")) {
    auto& name = reinterpret_cast<sockaddr_un&>(storage);
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, address.c_str() + 5, sizeof name.sun_path - 1);
    length = sizeof name;
  } else {
    auto& name = reinterpret_cast<sockaddr_in&>(storage);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::size_t colon = address.rfind(':');
    name.sin_port = htons(static_cast<std::uint16_t>(
        colon == std::string::npos ? 0 : std::stoi(address.substr(colon + 1))));
    length = sizeof name;
  }
  unique_fd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = 20};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) return -1;
  return fd.release();
}

HttpAnswer read_answer(int fd) {
  std::string in;
  std::size_t wanted = std::string::npos;
  while (in.size() < wanted) {
    char buffer[16384];
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    in.append(buffer, static_cast<std::size_t>(got));
    const std::size_t head = in.find("\r\n\r\n");
    const std::size_t length = in.find("Content-Length: ");
    if (wanted == std::string::npos && head != std::string::npos && length < head) {
      wanted = head + 4 + std::stoul(in.substr(length + 16));
    }
  }
  const std::size_t head = in.find("\r\n\r\n");
  if (head == std::string::npos || !in.starts_with("HTTP/1.1 ")) return {};
  return {std::stoi(in.substr(9, 3)), in.substr(head + 4),
          in.substr(0, head).find("Connection: close") != std::string::npos};
}

HttpAnswer http_get(const std::string& address, std::string_view path, std::string_view fields) {
  const unique_fd fd(connect_to(address));
  if (!fd) return {};
  const std::string request = "GET " + std::string(path) +
                              " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                              std::string(fields) + "\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return {};
  return read_answer(fd.get());
}

bool process_exists(pid_t pid) {
  return ::kill(pid, 0) == 0;
}

}  // namespace saola::server
