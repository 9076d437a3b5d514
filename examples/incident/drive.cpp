#include "drive.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>

#include <boost/json.hpp>
#include <fmt/core.h>
#include <open_loop/client.hpp>
#include <open_loop/summary.hpp>

#include "results.hpp"
#include "server_process.hpp"
#include "timeline.hpp"
#include "work.hpp"

namespace incident {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using open_loop::Answer;
using open_loop::Client;
using saola::Duration;
using saola::SteadyTime;

constexpr std::size_t kTasks = 5;
constexpr Duration kEvery = 10ms;
constexpr Duration kIdle = 1s;
// A run that has not ended after this many times the tasks' CPU time never will.
constexpr double kPatience = 8;

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

// Pings at their times, before and while the tasks run; see run().
class Probe {
 public:
  Probe(const ServerProcess& server, const DriveOptions& options)
      : client_(server.port()),
        task_seconds_(options.task_seconds),
        second_round_(options.second_round) {}

  Measured run() {
    SteadyTime due = now();
    const SteadyTime fire = due + kIdle;
    for (; due < fire; due += kEvery) ping_at(due);
    client_.run_until_answered(fire + 1s);
    idle_ = latencies(SteadyTime::min());
    Measured out = round();
    if (out.failure.empty() && accepted_ > 0) read_timeline(out);
    if (second_round_ && out.failure.empty() && out.tasks_done == kTasks) {
      out.second_wait_ms = round().longest_wait_ms;
    }
    return out;
  }

 private:
  struct Ping {
    SteadyTime due;
    std::optional<SteadyTime> answered;
  };

  // Fires the tasks and pings until they are done.
  Measured round() {
    pings_.clear();
    ended_.reset();
    accepted_ = answered_posts_ = 0;
    posts_known_ = SteadyTime::max();
    fired_ = now();
    for (std::size_t i = 0; i < kTasks; ++i) {
      client_.send(open_loop::post_request("/split", "{}"), fired_, open_loop::WhenBroken::kTell,
                   [this](const Answer& answer) {
                     ++answered_posts_;
                     if (answer.status == 202) ++accepted_;
                     posts_known_ = answer.at;
                   });
    }
    const auto patience = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(kPatience * task_seconds_ * kTasks + 10));
    const SteadyTime limit = fired_ + patience;
    for (SteadyTime due = fired_ + kEvery; !ended_ && due < limit; due += kEvery) ping_at(due);
    return summary(limit);
  }

  void ping_at(SteadyTime due) {
    client_.run_until(due);
    if (ended_) return;
    const std::size_t index = pings_.size();
    pings_.push_back({due, std::nullopt});
    client_.send(open_loop::get_request("/ping"), due, open_loop::WhenBroken::kSendAgain,
                 [this, index](const Answer& answer) { on_ping(index, answer); });
  }

  void on_ping(std::size_t index, const Answer& answer) {
    Ping& ping = pings_[index];
    if (answer.status != 200) return;  // refused: as good as silence
    ping.answered = answer.at;
    // Whether the tasks are over: as of an answer to a ping that was sent after every task was
    // known to be there.
    if (ended_ || answered_posts_ < kTasks || ping.due < posts_known_) return;
    const json::value body = json::parse(answer.body);
    const auto submitted = body.at("submitted").to_number<std::size_t>();
    const auto done = body.at("done").to_number<std::size_t>();
    // A worker that was replaced knows of none: they are lost.
    if (done == submitted) {
      ended_ = answer.at;
      done_ = done;
    }
  }

  // Of pings that were due in the time between; those not answered count as answered at its end.
  std::vector<Duration> latencies(SteadyTime from) const {
    std::vector<Duration> out;
    for (const Ping& ping : pings_) {
      if (ping.due < from || (ended_ && ping.due > *ended_)) continue;
      out.push_back(ping.answered.value_or(now()) - ping.due);
    }
    return out;
  }

  Measured summary(SteadyTime limit) {
    Measured out;
    const SteadyTime end = ended_.value_or(limit);
    std::vector<SteadyTime> answered{fired_};
    for (const Ping& ping : pings_) {
      if (ping.answered && *ping.answered > fired_ && *ping.answered <= end) {
        answered.push_back(*ping.answered);
      }
    }
    answered.push_back(end);
    std::ranges::sort(answered);
    Duration silence{};
    for (std::size_t i = 1; i < answered.size(); ++i) {
      silence = std::max(silence, answered[i] - answered[i - 1]);
    }
    out.longest_silence_ms = 1e3 * seconds(silence);
    const auto while_running = latencies(fired_);
    out.longest_wait_ms = open_loop::percentile_ms(while_running, 1);
    out.p50_ms = open_loop::percentile_ms(while_running, 0.50);
    out.p99_ms = open_loop::percentile_ms(while_running, 0.99);
    out.tasks_done = done_;
    out.seconds = seconds(end - fired_);
    out.idle_p50_ms = open_loop::percentile_ms(idle_, 0.50);
    if (!ended_) {
      out.failure = fmt::format("the tasks did not end within {:.0f} s", out.seconds);
    }
    return out;
  }

  void read_timeline(Measured& out) {
    client_.send(open_loop::get_request("/timeline"), now(), open_loop::WhenBroken::kSendAgain,
                 [&](const Answer& answer) {
                   if (answer.status != 200) return;
                   const double start = seconds(fired_.time_since_epoch());
                   const json::value body = json::parse(answer.body);
                   for (const json::value& span : body.at("tasks").as_array()) {
                     const json::value& to = span.at("to");
                     out.tasks.push_back(
                         {.task = span.at("task").to_number<std::size_t>(),
                          .thread = span.at("thread").to_number<long>(),
                          .from = span.at("from").to_number<double>() - start,
                          .to = to.is_null() ? out.seconds : to.to_number<double>() - start});
                   }
                   for (const json::value& ping : body.at("pings").as_array()) {
                     const double time = ping.at(1).to_number<double>() - start;
                     if (time < 0 || time > out.seconds) continue;
                     out.pings.push_back({ping.at(0).to_number<long>(), time});
                   }
                 });
    client_.run_until_answered(now() + 5s);
  }

  Client client_;
  const double task_seconds_;
  const bool second_round_;
  std::vector<Duration> idle_;
  std::vector<Ping> pings_;  // of the present round
  SteadyTime fired_ = SteadyTime::max();
  SteadyTime posts_known_ = SteadyTime::max();
  std::size_t answered_posts_ = 0;
  std::size_t accepted_ = 0;
  std::size_t done_ = 0;
  std::optional<SteadyTime> ended_;
};

Measured measure(const Combination& combination, const Rounds& rounds,
                 const DriveOptions& options) {
  Measured out;
  if (is_gunicorn(combination)) out.failure = gunicorn_missing(combination.worker_class);
  if (out.failure.empty()) {
    auto server = ServerProcess::start(combination, rounds);
    if (server) {
      const open_loop::InstrumentThread instrument;
      out = Probe(*server, options).run();
    } else {
      out.failure = server.error().message();
    }
  }
  out.combination = combination;
  return out;
}

std::vector<Combination> combinations(const DriveOptions& options) {
  if (!options.all) return {options.combination};
  std::vector<Combination> out;
  for (const char* worker_class : {"green", "threads", "sync"}) {
    for (const char* executor : {"fiber", "thread"}) {
      for (const char* on_stall : {"rescue", "report", "ignore", "abort"}) {
        out.push_back({worker_class, executor, on_stall});
      }
    }
  }
  // gevent's patch makes the pool's threads coroutines.
  out.push_back({"gunicorn-gevent", "fiber", "none"});
  out.push_back({"gunicorn-gthread", "thread", "none"});
  out.push_back({"gunicorn-sync", "thread", "none"});
  return out;
}

}  // namespace

int drive(const DriveOptions& options) {
  const auto wanted = combinations(options);
  const Rounds rounds{.native = calibrate(options.task_seconds),
                      .python = options.all ? calibrate_python(options.task_seconds) : 0};
  std::vector<Measured> results;
  for (const Combination& combination : wanted) {
    if (options.all) {
      fmt::print(stderr, "[{}/{}] {} {} {}\n", results.size() + 1, wanted.size(),
                 combination.worker_class, combination.executor, combination.on_stall);
    }
    results.push_back(measure(combination, rounds, options));
  }

  print_results(results, options);
  std::string file = options.timeline;
  if (file.empty() && options.all) file = "incident-timeline.svg";
  if (!file.empty()) {
    std::ofstream out(file);
    out << timeline_svg(results);
    out.close();
    if (!out) {
      fmt::print(stderr, "incident: the timeline cannot be written to {}\n", file);
      return 1;
    }
    fmt::print(stderr, "who held which thread when: {}\n", file);
  }
  // A peer that is not installed is told in the table; anything else that failed is a failure.
  return std::ranges::any_of(results,
                             [](const Measured& run) {
                               return !run.failure.empty() && !is_gunicorn(run.combination);
                             })
             ? 1
             : 0;
}

}  // namespace incident
