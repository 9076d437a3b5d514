// Stacks for fibers: reserved in slabs, guarded by pages that fault, used again last-in first-out.
#pragma once

#include <cstddef>
#include <vector>

namespace saola::runtime::detail {

// Linux 6.13: a guard page that does not split the mapping, so that a million stacks fit under
// vm.max_map_count. Not in Debian 12's headers yet.
inline constexpr int kMadvGuardInstall = 102;

struct Stack {
  std::byte* bottom = nullptr;  // lowest usable byte; the guard lies below
  std::size_t size = 0;         // usable bytes
  std::size_t guard = 0;        // bytes of the guard below it
  std::byte* top() const { return bottom + size; }
};

// Not thread-safe: owned by the loop's owner.
class StackPool {
 public:
  // `stack_bytes` includes the guard (a sixteenth, at least a page) and is rounded up to pages, at
  // least 16 KiB.
  explicit StackPool(std::size_t stack_bytes);
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;
  ~StackPool();

  // Throws std::bad_alloc when the system gives no more address space or mappings.
  Stack take();
  void give_back(Stack stack);

 private:
  void grow();

  const std::size_t page_;
  const std::size_t stack_bytes_;
  // More than a page, so that a frame with a large array does not step over it into another stack.
  const std::size_t guard_bytes_;
  std::size_t next_slab_stacks_ = 16;
  std::vector<Stack> free_;
  struct Slab {
    void* address;
    std::size_t bytes;
  };
  std::vector<Slab> slabs_;
};

}  // namespace saola::runtime::detail
