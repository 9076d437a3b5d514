#include "arbiter/worker_questions.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include <boost/json.hpp>
#include <fmt/core.h>

#include "control/control_answer.hpp"
#include "process/descriptor_message.hpp"

namespace saola::server {
namespace json = boost::json;
namespace {

// How long workers get to answer.
constexpr Duration kPatience = std::chrono::seconds(6);
// More is no answer of a sane worker.
constexpr off_t kLongestAnswer = 64 << 20;

// What the worker wrote; empty when that is no JSON object in one line.
std::string read_answer(int fd) {
  struct stat file{};
  if (::fstat(fd, &file) != 0 || file.st_size > kLongestAnswer) return {};
  std::string text(static_cast<std::size_t>(file.st_size), '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  const bool whole = got == static_cast<ssize_t>(text.size()) && text.size() > 2 &&
                     text.front() == '{' && text.back() == '}' &&
                     text.find('\n') == std::string::npos;
  return whole ? text : std::string();
}

}  // namespace

Result<void> WorkerQuestions::ask(ControlServer::ClientId client, std::string_view question,
                                  std::string_view worker) {
  Question asked{.number = ++last_number_,
                 .client = client,
                 .patience = std::chrono::steady_clock::now() + kPatience};
  for (const auto& child : fleet_.children()) {
    const std::string name = name_of(*child);
    if (!worker.empty() && worker != name && worker != std::to_string(child->pid)) continue;
    Answer answer{.pid = child->pid,
                  .worker = name,
                  .file = unique_fd(::memfd_create("answer", MFD_CLOEXEC))};
    // One that cannot be reached stays without an answer.
    if (child->channel && answer.file) {
      send_with_descriptor(child->channel.get(), fmt::format("ask {} {}", asked.number, question),
                           answer.file.get());
    }
    asked.answers.push_back(std::move(answer));
  }
  if (asked.answers.empty() && !worker.empty()) {
    return fail(ErrorCode::kNotFound,
                "there is no worker '{}'; show workers lists them: \"web 1\", or its pid", worker);
  }
  open_.push_back(std::move(asked));
  return {};
}

void WorkerQuestions::note_answer(const Child& child, std::string_view number) {
  for (Question& question : open_) {
    if (std::to_string(question.number) != number) continue;
    for (Answer& answer : question.answers) {
      if (answer.pid == child.pid) answer.complete = true;
    }
  }
}

std::string WorkerQuestions::text_of(const Answer& answer) {
  const std::string text = answer.complete ? read_answer(answer.file.get()) : std::string();
  const json::object front{{"worker", answer.worker}, {"pid", answer.pid}};
  if (text.empty()) {
    json::object none = front;
    none["error"] = "no answer: the process is stopped, starting or stuck in the kernel";
    return json::serialize(none);
  }
  std::string whole = json::serialize(front);
  whole.back() = ',';
  return whole.append(text, 1);
}

void WorkerQuestions::advance(ControlServer& socket) {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::erase_if(open_, [&](const Question& question) {
    const bool all = std::ranges::all_of(question.answers, &Answer::complete);
    if (!all && now < question.patience) {
      server_.wake_at(question.patience);
      return false;
    }
    std::string text = "[";
    for (const Answer& answer : question.answers) {
      if (text.size() > 1) text += ',';
      text += text_of(answer);
    }
    socket.answer(question.client, control_answer(text + ']'));
    return true;
  });
}

}  // namespace saola::server
