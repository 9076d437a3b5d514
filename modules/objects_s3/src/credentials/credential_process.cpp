#include "credentials/credential_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <saola/base/spawn_attributes.hpp>
#include <saola/base/unique_fd.hpp>

namespace saola::objects_s3 {
namespace {

constexpr std::size_t kMaxOutput = 64 << 10;

Result<pid_t> spawn(const std::vector<std::string>& words, int output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  const SpawnAttributes attributes;
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, attributes.get(), argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return pid;
  return fail(Error(ErrorCode::kUnavailable, errno_error(error, words[0]).message()));
}

// Everything until the other end is closed; false: the deadline passed, or it is too much.
bool read_all(int fd, std::string& into, Deadline deadline) {
  char block[4096];
  for (;;) {
    pollfd event{fd, POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining()).count();
    const int ready = ::poll(&event, 1, static_cast<int>(std::min<long long>(left, 60'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (deadline.passed()) return false;
    if (ready == 0) continue;
    const ssize_t n = ::read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0;
    into.append(block, static_cast<std::size_t>(n));
    if (into.size() > kMaxOutput) return false;
  }
}

// Whether the process has ended by `deadline`; it is still to be reaped.
bool ended(pid_t pid, Deadline deadline) {
  const unique_fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd event{handle.get(), POLLIN, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining()).count();
    const int ready = ::poll(&event, 1, static_cast<int>(std::min<long long>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (deadline.passed()) return false;
  }
}

}  // namespace

std::optional<std::vector<std::string>> words_of(std::string_view command) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (c == '\\' && quote != '\'' && i + 1 < command.size()) {
      word += command[++i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return std::nullopt;
  if (in_word) words.push_back(std::move(word));
  return words;
}

Result<std::string> run_credential_process(const std::vector<std::string>& words,
                                           Deadline deadline) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(errno_error(errno, "pipe"));
  const unique_fd from(ends[0]);
  unique_fd to(ends[1]);
  const auto pid = spawn(words, to.get());
  if (!pid) return fail(pid);
  to.reset();
  std::string output;
  const bool whole = read_all(from.get(), output, deadline) && ended(*pid, deadline);
  if (!whole) ::kill(*pid, SIGKILL);
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!whole) {
    return fail(ErrorCode::kUnavailable, "it did not end in time, or printed more than {} bytes",
                kMaxOutput);
  }
  if (status != 0) {
    return WIFSIGNALED(status)
               ? fail(ErrorCode::kUnavailable, "it was ended by signal {}", WTERMSIG(status))
               : fail(ErrorCode::kUnavailable, "it ended with status {}", WEXITSTATUS(status));
  }
  return output;
}

}  // namespace saola::objects_s3
