#include "service_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <saola/base/check.hpp>
#include <saola/base/process_stat.hpp>
#include <saola/base/time.hpp>
#include <saola/objects/object_name.hpp>

namespace saola::split_service {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Starts the program with its output in files.
pid_t spawn(std::vector<std::string> arguments, const std::string& out, const std::string& err) {
  arguments.insert(arguments.begin(), SAOLA_SPLIT_SERVICE);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), STDOUT_FILENO);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

pid_t parent_of(const std::string& pid) {
  constexpr int kParent = 4;
  const ProcessStat stat = ProcessStat::read("/proc/" + pid + "/stat");
  return stat.lives() ? static_cast<pid_t>(stat.number(kParent)) : -1;
}

}  // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const Deadline deadline = Deadline::after(limit);
  while (!condition()) {
    if (deadline.passed()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

Service::Service(std::vector<std::string> flags) : flags_(std::move(flags)) {
  std::filesystem::create_directory(folder() + "/samples");
  for (const char* name : {"us_states.csv", "breast_cancer.csv"}) {
    std::filesystem::copy_file(std::string(SAOLA_SOURCE_DIR) + "/examples/data/" + name,
                               folder() + "/samples/" + name);
  }
}

Service::~Service() {
  if (pid_ > 0) kill_all();
}

void Service::start() {
  std::filesystem::remove(folder() + "/log");
  std::vector<std::string> arguments{"serve", "--bind=127.0.0.1:0", "--workers=1",
                                     "--task-workers=1", "--state-dir=" + folder() + "/state"};
  bool bucket = true;
  for (const std::string& flag : flags_) bucket = bucket && !flag.starts_with("--config");
  if (bucket) arguments.push_back("--bucket=samples=" + folder() + "/samples");
  arguments.insert(arguments.end(), flags_.begin(), flags_.end());
  pid_ = spawn(std::move(arguments), folder() + "/log", folder() + "/log");
  constexpr std::string_view kListening = "listening on 127.0.0.1:";
  ASSERT_TRUE(eventually([&] {
    const std::string text = log();
    const std::size_t at = text.find(kListening);
    if (at == std::string::npos) return false;
    port_ = std::atoi(text.c_str() + at + kListening.size());
    return ApiClient(url()).get("/readyz").has_value();
  })) << log();
}

void Service::kill_all() {
  std::vector<pid_t> all = workers("");
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  EXPECT_TRUE(eventually([&] {
    std::erase_if(all, [](pid_t pid) { return ::kill(pid, 0) != 0; });
    return all.empty();
  })) << "workers outlive the arbiter";
}

int Service::stop() {
  ::kill(pid_, SIGTERM);
  int status = -1;
  EXPECT_TRUE(eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }));
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Service::put(const std::string& key, std::string_view bytes) const {
  std::ofstream(folder() + "/samples/" + key, std::ios::binary) << bytes;
}

std::string Service::get(std::string_view name) const {
  const auto parsed = objects::ObjectName::parse(name);
  EXPECT_TRUE(parsed) << name;
  return parsed ? read_file(folder() + "/samples/" + parsed->key()) : "";
}

std::string Service::log() const {
  return read_file(folder() + "/log");
}

std::vector<pid_t> Service::workers(std::string_view role) const {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename().native();
    if (pid.find_first_not_of("0123456789") != std::string::npos || parent_of(pid) != pid_)
      continue;
    const std::string title = read_file("/proc/" + pid + "/cmdline");
    if (title.find(fmt::format(": {}", role)) != std::string::npos) out.push_back(std::stoi(pid));
  }
  return out;
}

CommandResult run_cli(const std::vector<std::string>& arguments) {
  const TempFolder folder;
  const pid_t pid = spawn(arguments, folder.path() + "/out", folder.path() + "/err");
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          read_file(folder.path() + "/out"), read_file(folder.path() + "/err")};
}

}  // namespace saola::split_service
