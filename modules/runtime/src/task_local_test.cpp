#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <saola/runtime/task.hpp>
#include <saola/runtime/task_group.hpp>
#include <saola/runtime/task_local.hpp>

#include "both_models.hpp"

namespace saola::runtime {
namespace {

using namespace std::chrono_literals;

using TaskLocalTest = BothModelsInVirtualTime;
SAOLA_BOTH_MODELS(TaskLocalTest);

// What the values of one test have done, in order.
std::vector<std::string> events;

struct Plain {
  int value = 7;
  ~Plain() { value = -1; }
};

TaskLocal<Plain>& many_locals(std::size_t i) {
  static std::array<TaskLocal<Plain>, 100> locals;
  return locals[i];
}

TaskLocal<std::string> local_text;

TEST_P(TaskLocalTest, LocalsAreOfTheTask) {
  run([] {
    *local_text = "outer";
    TaskGroup group;
    for (int i = 0; i < 4; ++i) {
      group.spawn([i] {
        EXPECT_EQ(*local_text, "");
        *local_text = std::to_string(i);
        this_task::yield();
        EXPECT_EQ(*local_text, std::to_string(i));
      });
    }
    group.join();
    EXPECT_EQ(*local_text, "outer");
  });
}

// Its constructor makes the task's table of locals grow.
struct Greedy {
  static inline int made = 0;
  int value = 0;
  Greedy() {
    ++made;
    for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(many_locals(i)->value, 7);
  }
};
TaskLocal<Greedy> greedy;

TEST_P(TaskLocalTest, ConstructorMayUseOtherLocals) {
  Greedy::made = 0;
  run([] {
    spawn([] {
      greedy->value = 42;
      EXPECT_EQ(greedy->value, 42);
    }).join();
  });
  EXPECT_EQ(Greedy::made, 1);
}

template <char kName>
struct Named {
  ~Named() { events.push_back(std::string(1, kName)); }
};
TaskLocal<Named<'a'>> local_a;
TaskLocal<Named<'b'>> local_b;
TaskLocal<Named<'c'>> local_c;

TEST_P(TaskLocalTest, DestroyedInReverseOrderOfConstruction) {
  events.clear();
  run([] {
    spawn([] {
      (void)*local_b;
      (void)*local_c;
      (void)*local_a;
    }).join();
  });
  EXPECT_EQ(events, (std::vector<std::string>{"a", "c", "b"}));
}

// Uses, as it is destroyed, one that was made before it and one that was made after it.
struct UsesOthers {
  ~UsesOthers();
};
TaskLocal<Plain> made_before;
TaskLocal<UsesOthers> uses_others;
TaskLocal<Plain> made_after;
UsesOthers::~UsesOthers() {
  events.push_back(made_before->value == 8 ? "older is the same" : "older is not the same");
  events.push_back(made_after->value == 7 ? "newer is fresh" : "newer is not fresh");
}

TEST_P(TaskLocalTest, DestructorFindsOtherLocalsAlive) {
  events.clear();
  run([] {
    spawn([] {
      made_before->value = 8;
      (void)*uses_others;
      made_after->value = 9;
    }).join();
  });
  EXPECT_EQ(events, (std::vector<std::string>{"older is the same", "newer is fresh"}));
}

// Comes back whenever it is destroyed, as a logger might that logs its own end.
struct Undying {
  static inline int destroyed = 0;
  // For LeakSanitizer: the last is leaked on purpose, and so is what points to it.
  static inline std::vector<Undying*>& made = *new std::vector<Undying*>;
  Undying() { made.push_back(this); }
  ~Undying();
};
TaskLocal<Undying> undying;
Undying::~Undying() {
  ++destroyed;
  (void)*undying;
}

TEST_P(TaskLocalTest, DestructorsThatMakeEachOtherEndAfterFourRounds) {
  Undying::destroyed = 0;
  Undying::made.reserve(100);
  run([] { spawn([] { (void)*undying; }).join(); });
  EXPECT_EQ(Undying::destroyed, 4);
}

struct Sleepy {
  ~Sleepy() {
    const this_task::Uncancellable guard;
    this_task::sleep_for(1ms);
    events.push_back("slept");
  }
};
TaskLocal<Sleepy> sleepy;

TEST_P(TaskLocalTest, DestructorMaySuspend) {
  events.clear();
  run([] { spawn([] { (void)*sleepy; }).join(); });
  EXPECT_EQ(events, std::vector<std::string>{"slept"});
}

}  // namespace
}  // namespace saola::runtime
