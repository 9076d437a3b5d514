// One measurement of the runtime a run, for bench/runtime/run. Prints one number, or one line.
//   floor | yield | spawn   ns of CPU time for one switch, one switch by yield, one spawn + join
//   million [N]             bytes resident for each of N live fibers
//   monitor [SECONDS]       CPU time of the monitor's thread, in percent of the loop's
//   hogs [SECONDS]          one hog a second: threads, descriptors and resident KiB, before and
//   after
#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/context/detail/fcontext.hpp>

#include <saola/runtime/runtime.hpp>
#include <saola/runtime/sync/event.hpp>

namespace {

using namespace saola::runtime;
using namespace std::chrono_literals;

double cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::vector<std::string> entries(const char* directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory), ::closedir);
  while (const dirent* entry = dir != nullptr ? ::readdir(dir.get()) : nullptr) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

double floor_ns() {
  std::vector<char> stack(64 * 1024);
  namespace ctx = boost::context::detail;
  ctx::fcontext_t there =
      ctx::make_fcontext(stack.data() + stack.size(), stack.size(), [](ctx::transfer_t t) {
        for (;;) t = ctx::jump_fcontext(t.fctx, nullptr);
      });
  constexpr int kRounds = 5'000'000;
  const double before = cpu_ns();
  for (int i = 0; i < kRounds; ++i) there = ctx::jump_fcontext(there, nullptr).fctx;
  return (cpu_ns() - before) / (2.0 * kRounds);
}

double yield_ns() {
  constexpr int kRounds = 3'000'000;
  double took = 0;
  Runtime runtime;
  runtime.run([&] {
    Task other = spawn([] {
      for (int i = 0; i < kRounds; ++i) this_task::yield();
    });
    const double before = cpu_ns();
    for (int i = 0; i < kRounds; ++i) this_task::yield();
    took = cpu_ns() - before;
    other.join();
  });
  return took / (2.0 * kRounds);
}

double spawn_ns() {
  constexpr int kRounds = 1'000'000;
  double took = 0;
  Runtime runtime;
  runtime.run([&] {
    const double before = cpu_ns();
    for (int i = 0; i < kRounds; ++i) spawn([] {}).join();
    took = cpu_ns() - before;
  });
  return took / kRounds;
}

void million(std::size_t n) {
  Runtime runtime;
  runtime.run([&] {
    // One event for a million waiters would be one long call of set().
    constexpr std::size_t kEach = 1000;
    std::vector<Event> go(n / kEach + 1);
    std::vector<Task> tasks;
    tasks.reserve(n);
    Latch waiting(static_cast<std::int64_t>(n));
    const std::size_t before = resident_bytes();
    for (std::size_t i = 0; i < n; ++i) {
      if (i % kEach == 0) this_task::yield();
      tasks.push_back(spawn([&, i] {
        waiting.count_down();
        go[i / kEach].wait();
      }));
    }
    waiting.wait();
    const std::size_t after = resident_bytes();
    std::printf("%zu live fibers: %zu bytes resident each\n", n, (after - before) / n);
    for (Event& event : go) {
      event.set();
      this_task::yield();
    }
    for (Task& task : tasks) task.join();
  });
}

double thread_cpu_seconds(std::string_view name) {
  double total = 0;
  for (const std::string& tid : entries("/proc/self/task")) {
    std::string comm;
    std::getline(std::ifstream("/proc/self/task/" + tid + "/comm"), comm);
    if (comm != name) continue;
    double ns = 0;
    std::ifstream("/proc/self/task/" + tid + "/schedstat") >> ns;
    total += ns / 1e9;
  }
  return total;
}

void monitor(double seconds) {
  Runtime runtime;
  runtime.run([&] {
    const double before = cpu_ns();
    const auto until = saola::Deadline::after(
        std::chrono::duration_cast<saola::Duration>(std::chrono::duration<double>(seconds)));
    Task other = spawn([&] {
      while (!until.passed()) this_task::yield();
    });
    while (!until.passed()) this_task::yield();
    other.join();
    const double all = (cpu_ns() - before) / 1e9;
    const double its = thread_cpu_seconds("saola-monitor");
    std::printf("monitor: %.3f %% of the CPU time of a busy loop\n", 100 * its / (all - its));
  });
}

void hogs(int seconds) {
  Runtime runtime({.learn_placement = false});
  runtime.run([&] {
    const auto hog_once = [] {
      spawn([] {
        const double until = cpu_ns() + 5e7;
        while (cpu_ns() < until) {
        }
      }).join();
    };
    bool stop = false;
    Task pulse = spawn([&] {
      while (!stop) this_task::sleep_for(1ms);
    });
    for (int i = 0; i < 3; ++i) hog_once();
    const auto say = [](const char* when) {
      std::printf("%s: threads %zu  descriptors %zu  resident %zu KiB\n", when,
                  entries("/proc/self/task").size(), entries("/proc/self/fd").size(),
                  resident_bytes() / 1024);
      std::fflush(stdout);
    };
    say("before");
    for (int i = 0; i < seconds; ++i) {
      const auto next = saola::Deadline::after(1s);
      hog_once();
      this_task::sleep_until(next);
      if (i == seconds / 2) say("half way");
    }
    say("after");
    stop = true;
    pulse.join();
    std::printf("rescues %llu\n", static_cast<unsigned long long>(runtime.stats().rescues));
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const double amount = argc > 2 ? std::atof(argv[2]) : 0;
  if (what == "floor") {
    std::printf("%.2f\n", floor_ns());
  } else if (what == "yield") {
    std::printf("%.2f\n", yield_ns());
  } else if (what == "spawn") {
    std::printf("%.2f\n", spawn_ns());
  } else if (what == "million") {
    million(amount > 0 ? static_cast<std::size_t>(amount) : 1'000'000);
  } else if (what == "monitor") {
    monitor(amount > 0 ? amount : 5);
  } else if (what == "hogs") {
    hogs(amount > 0 ? static_cast<int>(amount) : 20);
  } else {
    std::fprintf(stderr, "usage: runtime_micro floor|yield|spawn|million|monitor|hogs [AMOUNT]\n");
    return 2;
  }
  return 0;
}
