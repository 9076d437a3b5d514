#include "monitor/stack_walk.hpp"

#include <link.h>

#include <algorithm>
#include <atomic>

namespace saola::runtime::detail {
namespace {

struct Range {
  std::uintptr_t begin;
  std::uintptr_t end;
  bool ours;  // of the program itself, which is compiled with frame pointers; libraries are not
};
constexpr std::size_t kMostRanges = 256;
// Written by note_code_ranges(), then published with the count (release); readers acquire.
Range ranges[kMostRanges];
std::atomic<std::size_t> range_count{0};

const Range* range_of(std::uintptr_t address) {
  const std::size_t n = range_count.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < n; ++i) {
    if (address >= ranges[i].begin && address < ranges[i].end) return &ranges[i];
  }
  return nullptr;
}

bool is_code(std::uintptr_t address) {
  return range_of(address) != nullptr;
}
bool is_foreign(std::uintptr_t address) {
  const Range* range = range_of(address);
  return range == nullptr || !range->ours;
}

#define SAOLA_UNCHECKED __attribute__((no_sanitize("address", "thread", "undefined")))

SAOLA_UNCHECKED std::uintptr_t word_at(std::uintptr_t address) {
  return *reinterpret_cast<const volatile std::uintptr_t*>(address);
}

// A saved frame pointer at `frame` and a return address above it?
SAOLA_UNCHECKED bool is_frame(std::uintptr_t frame, std::uintptr_t lowest, std::uintptr_t top,
                              std::uintptr_t shift) {
  if (frame < lowest || frame >= top || frame % sizeof(void*) != 0) return false;
  if (top - frame < 2 * sizeof(void*)) return false;  // never frame + …: that may wrap around
  return is_code(word_at(frame + sizeof(void*) + shift));
}

// Can the instruction before this return address have called library code? Any call can, from
// within a library. Our own code does it through the procedure linkage table or the global offset
// table; a call of our own function is not what we look for, for that function would be in the
// chain: the word is a leftover.
SAOLA_UNCHECKED bool calls_library(std::uintptr_t address) {
  const Range* range = range_of(address);
  if (range == nullptr || address - range->begin < 8) return false;
#if defined(__x86_64__)
  const auto* p = reinterpret_cast<const volatile unsigned char*>(address);
  if (p[-5] == 0xE8) {
    if (!range->ours) return true;
    std::uint32_t relative = 0;
    for (int i = 0; i < 4; ++i) relative |= static_cast<std::uint32_t>(p[-4 + i]) << (8 * i);
    const std::uintptr_t target = address + static_cast<std::uintptr_t>(static_cast<std::intptr_t>(
                                                static_cast<std::int32_t>(relative)));
    if (target < range->begin || target + 12 > range->end) return false;
    // A stub: jmp *offset(%rip), perhaps behind endbr64 and a bnd prefix.
    const auto* stub = reinterpret_cast<const volatile unsigned char*>(target);
    if (stub[0] == 0xF3 && stub[1] == 0x0F && stub[2] == 0x1E && stub[3] == 0xFA) stub += 4;
    if (stub[0] == 0xF2) ++stub;
    return stub[0] == 0xFF && stub[1] == 0x25;
  }
  if (p[-6] == 0xFF && p[-5] == 0x15) return true;  // call *offset(%rip)
  if (range->ours) return false;
  for (const int length : {2, 3, 4, 7}) {
    if (p[-length] == 0xFF && (p[1 - length] & 0x38) == 0x10) return true;
  }
  return false;
#else
  return true;
#endif
}

// A function without a frame pointer hides its caller from the chain: the return address to it lies
// between `from` and the next frame.
SAOLA_UNCHECKED std::size_t add_hidden(std::uintptr_t from, std::uintptr_t frame,
                                       std::uintptr_t* frames, std::size_t n,
                                       std::uintptr_t shift) {
  constexpr std::uintptr_t kWord = sizeof(void*);
  for (std::uintptr_t at = (from + kWord - 1) / kWord * kWord;
       at + kWord <= frame && n < kMostFrames && is_foreign(frames[n - 1]); at += kWord) {
    if (calls_library(word_at(at + shift))) frames[n++] = word_at(at + shift);
  }
  return n;
}

}  // namespace

void note_code_ranges() {
  static std::atomic<bool> busy{false};
  if (busy.exchange(true)) return;
  std::size_t n = 0;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& count = *static_cast<std::size_t*>(data);
        for (int i = 0; i < info->dlpi_phnum && count < kMostRanges; ++i) {
          const auto& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
          const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
          // The program comes first and has no name (dl_iterate_phdr(3)).
          const bool ours = info->dlpi_name == nullptr || info->dlpi_name[0] == '\0';
          const Range range{begin, begin + segment.p_memsz, ours};
          // Known ranges stay where they are: a handler may be reading them.
          const std::size_t known = range_count.load(std::memory_order_relaxed);
          const bool seen = std::any_of(ranges, ranges + std::max(known, count),
                                        [&](const Range& r) { return r.begin == range.begin; });
          if (!seen) ranges[std::max(known, count)] = range;
          if (!seen) count = std::max(known, count) + 1;
        }
        return 0;
      },
      &n);
  if (n > range_count.load(std::memory_order_relaxed))
    range_count.store(n, std::memory_order_release);
  busy.store(false);
}

SAOLA_UNCHECKED std::size_t walk_stack(std::uintptr_t pc, std::uintptr_t sp, std::uintptr_t frame,
                                       std::uintptr_t bottom, std::uintptr_t top,
                                       std::uintptr_t* frames, std::uintptr_t shift) {
  std::size_t n = 0;
  frames[n++] = pc;
  if (sp < bottom || sp >= top) return n;
  constexpr std::uintptr_t kWord = sizeof(void*);
  if (!is_frame(frame, sp, top, shift)) {
    // Find the nearest frame: a saved frame pointer that itself leads to a frame further up.
    frame = 0;
    for (std::uintptr_t at = (sp + kWord - 1) / kWord * kWord; at + 2 * kWord <= top; at += kWord) {
      const std::uintptr_t saved = word_at(at + shift);
      if (saved > at && is_frame(at, sp, top, shift) && is_frame(saved, sp, top, shift)) {
        frame = at;
        break;
      }
    }
    if (frame == 0) return n;
  }
  std::uintptr_t from = sp;
  while (n < kMostFrames && is_frame(frame, sp, top, shift)) {
    if (is_foreign(frames[n - 1])) n = add_hidden(from, frame, frames, n, shift);
    if (n < kMostFrames) frames[n++] = word_at(frame + kWord + shift);
    from = frame + 2 * kWord;
    const std::uintptr_t next = word_at(frame + shift);
    if (next <= frame) break;
    frame = next;
  }
  return n;
}

}  // namespace saola::runtime::detail
