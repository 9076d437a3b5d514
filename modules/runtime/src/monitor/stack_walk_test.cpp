#include "monitor/stack_walk.hpp"

#include <gtest/gtest.h>

namespace saola::runtime::detail {
namespace {

// A word that is no pointer passed for a frame when adding to it wrapped around; the walk then read
// address zero, in the monitor's thread or in a signal handler.
TEST(StackWalk, AnyWordsAreSurvived) {
  note_code_ranges();
  std::uintptr_t frames[kMostFrames];
  for (const std::uintptr_t word :
       {~std::uintptr_t{7}, ~std::uintptr_t{15}, ~std::uintptr_t{0}, std::uintptr_t{0},
        std::uintptr_t{8}, std::uintptr_t{1} << 63}) {
    std::uintptr_t stack[64];
    for (std::uintptr_t& w : stack) w = word;
    const auto bottom = reinterpret_cast<std::uintptr_t>(&stack[0]);
    const auto top = reinterpret_cast<std::uintptr_t>(&stack[64]);
    for (const std::uintptr_t frame : {std::uintptr_t{0}, bottom, top - 8, top, word}) {
      EXPECT_GE(walk_stack(0x1234, bottom, frame, bottom, top, frames), 1U);
      EXPECT_EQ(frames[0], 0x1234U);
    }
    // Words that point at each other in a ring.
    for (std::size_t i = 0; i < 64; ++i)
      stack[i] = reinterpret_cast<std::uintptr_t>(&stack[(i * 7 + 3) % 64]);
    EXPECT_GE(walk_stack(0x1234, bottom, bottom, bottom, top, frames), 1U);
  }
}

}  // namespace
}  // namespace saola::runtime::detail
