// runtime_stress [SECONDS [FIBERS [SEED]]]
//
// Thousands of fibers mix sockets, timers, locks, queues, exceptions, cancels, children, offloads
// and hogs while the loop is taken away from them all the time: first by a thief at random moments,
// then by the monitor. Each fiber checks what it sees after every call that may have moved it.
// Prints what was done; ends with 1 if anything was wrong.
#include <sys/socket.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <saola/runtime/offload.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/runtime/socket.hpp>
#include <saola/runtime/sync/event.hpp>
#include <saola/runtime/sync/mutex.hpp>
#include <saola/runtime/sync/queue.hpp>
#include <saola/runtime/sync/semaphore.hpp>
#include <saola/runtime/sync/shared_mutex.hpp>
#include <saola/runtime/task_local.hpp>

#include "loop/forced_stealer.hpp"
#include "loop/last_errno.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

std::atomic<std::uint64_t> wrong{0};

void complain(std::uint64_t fiber, const char* operation, const char* what) {
  if (wrong.fetch_add(1) < 20) {
    std::fprintf(stderr, "WRONG: fiber %" PRIu64 " in %s: %s\n", fiber, operation, what);
  }
}

[[gnu::noipa]] void set_errno(int value) {
  errno = value;
}

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 29;
  return x;
}

// What all fibers share.
struct World {
  static constexpr std::size_t kCounters = 8;
  Mutex mutexes[kCounters];
  std::uint64_t counters[kCounters] = {};  // GUARDED_BY(mutexes[i])
  SharedMutex shared;
  std::uint64_t pair_a = 0;  // GUARDED_BY(shared): always equal to pair_b
  std::uint64_t pair_b = 0;
  Semaphore conversations{100};  // two descriptors each
  Semaphore offloads{8};
  Queue<std::uint64_t> bounded{16};
  Queue<std::uint64_t> channel{0};
  std::atomic<std::uint64_t> pushed{0};
  std::atomic<std::uint64_t> popped{0};
  std::atomic<std::uint64_t> counted{0};
  std::atomic<std::uint64_t> children{0};
  std::atomic<std::uint64_t> children_ended{0};
  std::atomic<std::uint64_t> operations{0};
  std::atomic<bool> stop{false};
  Duration hog = 300us;
};

TaskLocal<std::uint64_t> local_id;
constexpr int kRounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

// A fiber's view of itself, checked after every call that may suspend.
class Self {
 public:
  Self(World& world, std::uint64_t number)
      : world_(world),
        number_(number),
        id_(this_task::id()),
        rounding_(kRounding[number % 4]),
        state_(mix(number + 1)) {
    std::fesetround(rounding_);
    *local_id = number;
    third_ = third();
    for (std::size_t i = 0; i < std::size(locals_); ++i) locals_[i] = mix(number * 64 + i);
    if (inside_.exchange(true)) complain(number_, "start", "is run twice");
  }
  ~Self() { std::fesetround(FE_TONEAREST); }

  World& world() { return world_; }
  std::uint64_t number() const { return number_; }
  std::uint64_t random(std::uint64_t below) {
    state_ = mix(state_ + 0x9e3779b97f4a7c15ULL);
    return state_ % below;
  }
  const char* operation = "start";

  // Runs `call`, which may suspend and move the fiber; checks that everything came along.
  // `keeps_errno`: the call itself promises to leave errno alone.
  template <typename F>
  decltype(auto) away(bool keeps_errno, F&& call) {
    const std::exception_ptr caught = std::current_exception();
    const int flying = std::uncaught_exceptions();
    const int mark = static_cast<int>(1000 + number_ % 1000);
    struct Check {
      Self& self;
      const std::exception_ptr& caught;
      int flying;
      int mark;  // 0: not checked
      int thrown = std::uncaught_exceptions();
      ~Check() {
        const int error = detail::last_errno();
        if (self.inside_.exchange(true)) self.wrong("runs on two threads at once");
        if (mark != 0 && error != mark) self.wrong("has another's errno");
        // When the call itself throws, there is one more in flight.
        const int now = std::uncaught_exceptions();
        if (now != flying && now != flying + 1) self.wrong("has another's uncaught exceptions");
        if (now == flying && std::current_exception() != caught)
          self.wrong("has another's caught exception");
        self.check();
      }
    };
    Check check{*this, caught, flying, keeps_errno ? mark : 0};
    if (!inside_.exchange(false)) wrong("was not running");
    set_errno(mark);
    return call();
  }

  void check() {
    if (this_task::id() != id_) wrong("has another's id");
    if (*local_id != number_) wrong("has another's task-local value");
    if (std::fegetround() != rounding_ || third() != third_) wrong("has another's rounding mode");
    for (std::size_t i = 0; i < std::size(locals_); ++i) {
      if (locals_[i] != mix(number_ * 64 + i)) wrong("has changed locals");
    }
  }
  void wrong(const char* what) { complain(number_, operation, what); }

 private:
  static double third() {
    volatile double one = 1;
    volatile double three = 3;
    return one / three;
  }

  World& world_;
  const std::uint64_t number_;
  const std::uint64_t id_;
  const int rounding_;
  std::uint64_t state_;
  double third_;
  volatile std::uint64_t locals_[16];
  std::atomic<bool> inside_{false};
};

void spin_for(Duration duration) {
  const Deadline until = Deadline::after(duration);
  while (!until.passed()) {
  }
}

void lock_and_count(Self& self) {
  World& world = self.world();
  const std::size_t i = self.random(World::kCounters);
  Mutex& mutex = world.mutexes[i];
  if (self.random(3) == 0) {
    const bool got = self.away(true, [&] { return mutex.try_lock_until(Deadline::after(200us)); });
    if (!got) return;
  } else {
    self.away(true, [&] { mutex.lock(); });
  }
  const std::uint64_t before = world.counters[i];
  if (mutex.owner() != this_task::id()) self.wrong("holds a lock that names another");
  if (self.random(4) == 0) self.away(true, [] { this_task::yield(); });
  if (world.counters[i] != before) self.wrong("is not alone under a lock");
  world.counters[i] = before + 1;
  ++world.counted;
  mutex.unlock();
}

void share(Self& self) {
  World& world = self.world();
  if (self.random(4) == 0) {
    self.away(true, [&] { world.shared.lock(); });
    ++world.pair_a;
    if (self.random(4) == 0) self.away(true, [] { this_task::yield(); });
    ++world.pair_b;
    world.shared.unlock();
  } else {
    self.away(true, [&] { world.shared.lock_shared(); });
    const std::uint64_t a = world.pair_a;
    if (self.random(8) == 0) self.away(true, [] { this_task::yield(); });
    if (a != world.pair_b) self.wrong("reads while another writes");
    world.shared.unlock_shared();
  }
}

void queue(Self& self) {
  World& world = self.world();
  Queue<std::uint64_t>& queue = self.random(2) == 0 ? world.bounded : world.channel;
  const Deadline deadline = Deadline::after(std::chrono::microseconds(self.random(2000)));
  if (self.random(2) == 0) {
    const std::uint64_t value = self.random(1000);
    if (self.away(false, [&] { return queue.push(value, deadline); })) world.pushed += value;
  } else {
    const auto got = self.away(false, [&] { return queue.pop(deadline); });
    if (got) world.popped += *got;
  }
}

Task start_child(Self& self, std::move_only_function<void()> body) {
  World& world = self.world();
  ++world.children;
  return spawn([&world, body = std::move(body)]() mutable {
    struct Ended {
      World& world;
      ~Ended() { ++world.children_ended; }
    } ended{world};
    body();
  });
}

void converse(Self& self) {
  World& world = self.world();
  self.away(true, [&] { world.conversations.acquire(); });
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
    self.wrong("got no socket pair");
    world.conversations.release();
    return;
  }
  {
    Socket mine{unique_fd(pair[0])};
    Task peer = start_child(self, [socket = Socket{unique_fd(pair[1])}]() mutable {
      std::vector<char> buffer(4096);
      for (;;) {
        const auto got = socket.read_some(buffer, Deadline::never());
        if (!got || *got == 0) return;
        if (!socket.write_all({buffer.data(), *got}, Deadline::never())) return;
      }
    });
    for (std::uint64_t round = 1 + self.random(4); round > 0; --round) {
      std::string text(1 + self.random(9000), '\0');
      for (char& c : text) c = static_cast<char>(self.random(256));
      const auto sent = self.away(false, [&] { return mine.write_all(text, Deadline::never()); });
      if (!sent) self.wrong(sent.error().text().c_str());
      std::string back(text.size(), '\0');
      std::size_t have = 0;
      while (have < back.size()) {
        const auto got = self.away(false, [&] {
          return mine.read_some({back.data() + have, back.size() - have}, Deadline::after(60s));
        });
        if (!got || *got == 0) {
          self.wrong(got ? "met an early end of stream" : got.error().text().c_str());
          break;
        }
        have += *got;
      }
      if (back != text) self.wrong("got other bytes back than it sent");
    }
    mine.shutdown_write();
    self.away(false, [&] { peer.join(); });
  }
  world.conversations.release();
}

struct Marker {
  std::uint64_t number;
};

void throw_and_catch(Self& self, int depth) {
  struct InFlight {
    Self& self;
    ~InFlight() {
      const int flying = std::uncaught_exceptions();
      self.away(true, [] { this_task::yield(); });
      if (std::uncaught_exceptions() != flying) self.wrong("lost an exception in flight");
    }
  };
  try {
    InFlight in_flight{self};
    throw Marker{self.number() * 8 + static_cast<std::uint64_t>(depth)};
  } catch (const Marker& marker) {
    self.away(true, [] { this_task::yield(); });
    if (depth > 0) throw_and_catch(self, depth - 1);
    try {
      throw;
    } catch (const Marker& again) {
      if (&again != &marker ||
          again.number != self.number() * 8 + static_cast<std::uint64_t>(depth))
        self.wrong("caught another's exception");
    }
  }
}

void raise_a_child(Self& self) {
  const std::uint64_t number = self.number();
  switch (self.random(3)) {
    case 0: {
      std::uint64_t sum = 0;
      Task child = start_child(self, [&] {
        for (std::uint64_t i = 0; i < 5; ++i) {
          sum += number;
          this_task::yield();
        }
      });
      self.away(false, [&] { child.join(); });
      if (sum != 5 * number) self.wrong("joined a child before its end");
      break;
    }
    case 1: {
      Task child = start_child(self, [&] {
        this_task::yield();
        throw Marker{number};
      });
      try {
        self.away(false, [&] { child.join(); });
        self.wrong("got no exception from its child");
      } catch (const Marker& marker) {
        if (marker.number != number) self.wrong("got another child's exception");
      }
      break;
    }
    case 2: {
      Task child = start_child(self, [] { this_task::sleep_for(1h); });
      if (self.random(2) == 0) self.away(true, [] { this_task::yield(); });
      child.cancel();
      try {
        self.away(false, [&] { child.join(); });
        self.wrong("joined a cancelled child without Cancelled");
      } catch (const Cancelled&) {
      }
      break;
    }
  }
}

void offload(Self& self) {
  World& world = self.world();
  if (!self.away(true, [&] { return world.offloads.acquire(Deadline::after(1ms)); })) return;
  const std::uint64_t number = self.number();
  const std::uint64_t result = self.away(false, [&] {
    return number % 2 == 0 ? offload_cpu([&] { return mix(number); })
                           : offload_blocking([&] { return mix(number); });
  });
  if (result != mix(number)) self.wrong("got another's result");
  world.offloads.release();
}

void live(World& world, std::uint64_t number) {
  Self self(world, number);
  while (!world.stop.load(std::memory_order_relaxed)) {
    switch (self.random(14)) {
      case 0:
      case 1:
        self.operation = "yield";
        for (int i = 0; i < 10; ++i) self.away(true, [] { this_task::yield(); });
        break;
      case 2:
      case 3:
        self.operation = "sleep";
        self.away(true,
                  [&] { this_task::sleep_for(std::chrono::microseconds(self.random(3000))); });
        break;
      case 4:
      case 5:
        self.operation = "lock";
        lock_and_count(self);
        break;
      case 6:
        self.operation = "share";
        share(self);
        break;
      case 7:
      case 8:
        self.operation = "queue";
        queue(self);
        break;
      case 9:
        self.operation = "converse";
        converse(self);
        break;
      case 10:
        self.operation = "throw";
        throw_and_catch(self, static_cast<int>(self.random(4)));
        break;
      case 11:
        self.operation = "child";
        raise_a_child(self);
        break;
      case 12:
        self.operation = "offload";
        offload(self);
        break;
      case 13:
        self.operation = "hog";
        if (self.random(20) == 0) {
          self.random(2) == 0 ? spin_for(world.hog) : std::this_thread::sleep_for(world.hog);
        } else {
          spin_for(std::chrono::microseconds(self.random(30)));
        }
        self.check();
        break;
    }
    world.operations.fetch_add(1, std::memory_order_relaxed);
  }
}

// Says what it sees and ends the process when nothing happens for long: a lost wake-up.
class Watchdog {
 public:
  Watchdog(Runtime& runtime, World& world)
      : thread_([this, &runtime, &world] {
          std::uint64_t last = 0;
          Deadline limit = Deadline::after(kPatience);
          while (!done_.wait(Deadline::after(100ms))) {
            // The end is progress too: fibers end one after the other.
            const std::uint64_t now = world.operations + world.children_ended + ended;
            if (now != last) limit = Deadline::after(kPatience);
            last = now;
            if (!limit.passed()) continue;
            const RuntimeStats stats = runtime.stats();
            const auto sight = runtime.impl().loop.look();
            std::fprintf(stderr,
                         "WRONG: nothing happened for 30 s: %" PRIu64 " operations, %" PRIu64
                         " fibers alive, %" PRIu64 " ended, word %" PRIx64
                         ", idle %d, others wait %d, bounded %zu, channel %zu\n",
                         last, stats.fibers, ended.load(), sight.word, sight.idle,
                         static_cast<int>(runtime.impl().loop.others_wait()), world.bounded.size(),
                         world.channel.size());
            std::abort();
          }
        }) {}
  ~Watchdog() {
    done_.set();
    thread_.join();
  }
  std::atomic<std::uint64_t> ended{0};

 private:
  static constexpr Duration kPatience = 30s;
  Event done_;
  std::thread thread_;
};

class CountingSink final : public observe::StallSink {
 public:
  void report(observe::StallReport) override { ++reports; }
  std::atomic<std::uint64_t> reports{0};
};

enum class Thief { kForced, kMonitor };

void run_phase(Thief thief, Duration duration, std::uint64_t fibers, std::uint64_t seed) {
  World world;
  CountingSink sink;
  const bool forced = thief == Thief::kForced;
  world.hog = forced ? 300us : 4ms;
  Runtime runtime({.stack_bytes = 128 * 1024,
                   .on_stall = forced ? StallPolicy::kIgnore : StallPolicy::kRescue,
                   .stall_threshold = 1ms,
                   .max_rescued = 64,
                   .rescued_nice = 0,
                   .learn_placement = false,
                   .stall_sink = &sink});
  std::vector<std::atomic<int>> ran(fibers);
  const auto before = std::chrono::steady_clock::now();
  std::uint64_t steals = 0;
  {
    Watchdog watchdog(runtime, world);
    std::unique_ptr<ForcedStealer> stealer;
    if (forced) stealer = std::make_unique<ForcedStealer>(runtime, 30us, seed);
    runtime.run([&] {
      std::vector<Task> tasks;
      for (std::uint64_t i = 0; i < fibers; ++i) {
        tasks.push_back(spawn([&, i] {
          if (++ran[i] != 1) complain(i, "start", "was started twice");
          live(world, seed * 1'000'003 + i);
          ++watchdog.ended;
        }));
      }
      this_task::sleep_for(duration);
      world.stop = true;
      for (Task& task : tasks) task.join();
    });
    if (stealer != nullptr) {
      stealer->stop();
      steals = stealer->steals();
    }
  }
  if (!forced) steals = runtime.stats().rescues;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - before;

  std::uint64_t counted = 0;
  for (const std::uint64_t counter : world.counters) counted += counter;
  const auto expect = [](bool holds, const char* what) {
    if (!holds) complain(0, "the end", what);
  };
  expect(counted == world.counted, "increments under a lock were lost");
  expect(world.pair_a == world.pair_b, "a pair under a shared lock is torn");
  while (const auto left = world.bounded.try_pop()) world.popped += *left;
  expect(world.pushed == world.popped, "queues lost or doubled items");
  expect(world.channel.size() == 0, "an item is left in a channel");
  expect(world.children == world.children_ended, "children were lost");
  expect(world.conversations.available() == 100 && world.offloads.available() == 8,
         "permits were lost");
  expect(runtime.stats().fibers == 0, "fibers are left");
  for (const auto& count : ran) expect(count == 1, "a fiber did not run exactly once");
  std::printf("%-8s fibers %" PRIu64 "  children %" PRIu64 "  operations %" PRIu64
              "  switches %" PRIu64 "  steals %" PRIu64 "  seconds %.1f  wrong %" PRIu64 "\n",
              forced ? "thief" : "monitor", fibers, world.children.load(), world.operations.load(),
              runtime.stats().switches, steals, seconds.count(), wrong.load());
  std::fflush(stdout);
  expect(steals > 0, "nothing was stolen");
}

}  // namespace
}  // namespace saola::runtime

int main(int argc, char** argv) {
  using namespace saola::runtime;
  const double seconds = argc > 1 ? std::atof(argv[1]) : 5;
  const std::uint64_t fibers = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 2000;
  const std::uint64_t seed =
      argc > 3 ? std::strtoull(argv[3], nullptr, 10) : std::random_device()();
  std::printf("seed %" PRIu64 "\n", seed);
  const auto part = [&](double share) {
    return std::chrono::duration_cast<saola::Duration>(
        std::chrono::duration<double>(seconds * share));
  };
  run_phase(Thief::kForced, part(0.75), fibers, seed);
  run_phase(Thief::kMonitor, part(0.25), fibers, seed + 1);
  return wrong.load() == 0 ? 0 : 1;
}
