#include "loop/stack_pool.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <new>

#include <gtest/gtest.h>

#include "test_seccomp.hpp"

namespace saola::runtime::detail {
namespace {

constexpr std::size_t kStack = 64 * 1024;

// As before Linux 6.13.
bool forbid_guards_without_mappings() {
  return make_system_call_fail(SYS_madvise, 2, kMadvGuardInstall, EINVAL);
}

// Writes to the whole of a stack, then to the byte below it.
int overflow_one() {
  StackPool pool(kStack);
  const Stack stack = pool.take();
  std::memset(stack.bottom, 1, stack.size);
  *const_cast<volatile std::byte*>(stack.bottom - 1) = std::byte{1};
  return 0;
}

TEST(StackPool, ByteBelowAStackFaults) {
  EXPECT_NE(exit_status_of(overflow_one), 0);
}

TEST(StackPool, ByteBelowAStackFaultsOnOlderKernels) {
  const int status = exit_status_of([] {
    if (!forbid_guards_without_mappings()) return 2;
    return overflow_one();
  });
  EXPECT_NE(status, 2);
  EXPECT_NE(status, 0);
}

#if !defined(__SANITIZE_THREAD__)  // which needs mappings itself
TEST(StackPool, OlderKernelGivesAsManyStacksAsItHasMappingsThenSaysSo) {
  std::size_t mappings = 0;
  std::ifstream("/proc/sys/vm/max_map_count") >> mappings;
  ASSERT_GT(mappings, 0U);
  if (mappings > 200'000) mappings = 200'000;
  const int status = exit_status_of([mappings] {
    if (!forbid_guards_without_mappings()) return 2;
    StackPool pool(16 * 1024);
    std::size_t taken = 0;
    try {
      for (; taken < mappings; ++taken) *pool.take().bottom = std::byte{1};
    } catch (const std::bad_alloc&) {
      // Two mappings each.
      return taken >= mappings / 2 - mappings / 8 && taken <= mappings / 2 ? 0 : 3;
    }
    return 4;
  });
  EXPECT_EQ(status, 0);
}
#endif

}  // namespace
}  // namespace saola::runtime::detail
