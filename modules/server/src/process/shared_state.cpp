#include "process/shared_state.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include <saola/base/check.hpp>

namespace saola::server {
namespace {

// Looks at a text that is being written, and does not change, until its writer counts as dead.
constexpr int kDeadWriter = 20'000;
constexpr std::size_t kServerBytes = 1024;
constexpr std::size_t kSlotBytes = 256;
static_assert(sizeof(ServerState) <= kServerBytes && sizeof(SlotState) <= kSlotBytes);
static_assert(std::atomic<Stage>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

std::size_t total_bytes(const observe::MetricTable& table, std::size_t slots) {
  return kServerBytes + slots * kSlotBytes + observe::MetricBlock::bytes(table, slots);
}

std::int64_t steady_ns() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

Result<std::span<std::byte>> map(int fd, std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return fail(errno_error(errno, "mmap of the shared state"));
  return std::span(static_cast<std::byte*>(memory), bytes);
}

}  // namespace

void SharedText::write(std::string_view text) {
  std::array<char, kCapacity> bytes{};
  text = text.substr(0, kCapacity - 1);
  std::ranges::copy(text, bytes.begin());
  // Odd while writing; a writer that died in the middle left an odd one.
  const std::uint32_t writing = (sequence_.load(std::memory_order_relaxed) + 1) | 1;
  sequence_.store(writing, std::memory_order_relaxed);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i * 8, 8);
    // Release: who reads a new word also sees the odd sequence before it.
    words_[i].store(word, std::memory_order_release);
  }
  sequence_.store(writing + 1, std::memory_order_release);
}

std::string SharedText::read() const {
  std::array<char, kCapacity> bytes{};
  std::uint32_t odd = 0;
  int same = 0;
  while (true) {
    const std::uint32_t before = sequence_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const std::uint64_t word = words_[i].load(std::memory_order_acquire);
      std::memcpy(bytes.data() + i * 8, &word, 8);
    }
    // The acquire loads above keep this one after them.
    if (before % 2 == 0 && sequence_.load(std::memory_order_relaxed) == before) break;
    // A writer that died in the middle leaves the number odd for ever: then a torn text must do.
    same = before % 2 == 1 && before == odd ? same + 1 : 0;
    odd = before;
    if (same == kDeadWriter) break;
    ::sched_yield();
  }
  return std::string(bytes.data(), ::strnlen(bytes.data(), bytes.size()));
}

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::kFree:
      return "free";
    case Stage::kBooting:
      return "booting";
    case Stage::kServing:
      return "serving";
    case Stage::kLeaving:
      return "leaving";
  }
  std::unreachable();
}

void SlotState::beat() {
  heartbeat_ns.store(steady_ns(), std::memory_order_relaxed);
}

Duration SlotState::since_beat() const {
  return Duration(steady_ns() - heartbeat_ns.load(std::memory_order_relaxed));
}

Result<SharedState> SharedState::create(const observe::MetricTable& table, std::size_t slots) {
  unique_fd fd(::memfd_create("saola-state", MFD_CLOEXEC));
  if (!fd) return fail(errno_error(errno, "memfd_create"));
  const std::size_t bytes = total_bytes(table, slots);
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    return fail(errno_error(errno, "ftruncate of the shared state"));
  }
  auto memory = map(fd.get(), bytes);
  if (!memory) return fail(memory);
  return SharedState(std::move(fd), *memory, table, slots);
}

Result<SharedState> SharedState::attach(unique_fd fd, const observe::MetricTable& table,
                                        std::size_t slots) {
  const std::size_t bytes = total_bytes(table, slots);
  if (::lseek(fd.get(), 0, SEEK_END) != static_cast<off_t>(bytes)) {
    return fail(ErrorCode::kInternal,
                "the shared state has another size than this program expects: the definition's "
                "metrics differ between the arbiter and its child");
  }
  auto memory = map(fd.get(), bytes);
  if (!memory) return fail(memory);
  return SharedState(std::move(fd), *memory, table, slots);
}

SharedState::SharedState(SharedState&& other) noexcept
    : fd_(std::move(other.fd_)),
      memory_(std::exchange(other.memory_, {})),
      table_(other.table_),
      slots_(other.slots_) {}

SharedState::~SharedState() {
  if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
}

ServerState& SharedState::server() const {
  return *reinterpret_cast<ServerState*>(memory_.data());
}

SlotState& SharedState::slot(std::size_t index) const {
  SAOLA_CHECK(index < slots_, "no such slot");
  return *reinterpret_cast<SlotState*>(memory_.data() + kServerBytes + index * kSlotBytes);
}

observe::MetricBlock SharedState::metrics() const {
  return {*table_, memory_.subspan(kServerBytes + slots_ * kSlotBytes), slots_};
}

}  // namespace saola::server
