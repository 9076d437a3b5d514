#include "loop/stack_pool.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <new>

#include <saola/base/log.hpp>

namespace saola::runtime::detail {
namespace {

// More free stacks than this give their memory back when they are returned.
constexpr std::size_t kWarmStacks = 1024;

bool install_guard(void* page, std::size_t bytes) {
  return ::madvise(page, bytes, kMadvGuardInstall) == 0 || ::mprotect(page, bytes, PROT_NONE) == 0;
}

}  // namespace

StackPool::StackPool(std::size_t stack_bytes)
    : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
      stack_bytes_((std::max<std::size_t>(stack_bytes, 16 * 1024) + page_ - 1) / page_ * page_),
      guard_bytes_((stack_bytes_ / 16 + page_ - 1) / page_ * page_) {}

StackPool::~StackPool() {
  for (const Slab& slab : slabs_) ::munmap(slab.address, slab.bytes);
}

void StackPool::grow() {
  const std::size_t bytes = next_slab_stacks_ * stack_bytes_;
  void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (address == MAP_FAILED) throw std::bad_alloc();
  // Transparent huge pages would make every small stack resident in full.
  ::madvise(address, bytes, MADV_NOHUGEPAGE);
  auto* base = static_cast<std::byte*>(address);
  std::size_t made = 0;
  for (std::size_t i = next_slab_stacks_; i-- > 0;) {
    std::byte* guard = base + i * stack_bytes_;
    if (!install_guard(guard, guard_bytes_)) continue;
    free_.push_back({guard + guard_bytes_, stack_bytes_ - guard_bytes_, guard_bytes_});
    ++made;
  }
  if (made == 0) {  // no stack without its guard
    static std::once_flag once;
    std::call_once(once, [] {
      log_error(
          "no more fibers can start: each guarded stack takes two mappings on this kernel, and "
          "vm.max_map_count is reached; raise it (sysctl vm.max_map_count) or use Linux 6.13, "
          "where "
          "guards take none");
    });
    ::munmap(address, bytes);
    throw std::bad_alloc();
  }
  slabs_.push_back({address, bytes});
  next_slab_stacks_ = std::min<std::size_t>(next_slab_stacks_ * 2, 1024);
}

Stack StackPool::take() {
  if (free_.empty()) grow();
  const Stack stack = free_.back();
  free_.pop_back();
  return stack;
}

void StackPool::give_back(Stack stack) {
  if (free_.size() >= kWarmStacks) ::madvise(stack.bottom, stack.size, MADV_DONTNEED);
  free_.push_back(stack);
}

}  // namespace saola::runtime::detail
