// Memory that the arbiter and all its children see: the arbiter makes it (a memfd), children
// inherit its descriptor. It holds the state of every slot and the metrics.
//
// Everything is a lock-free atomic. Each value stands alone, so accesses are relaxed; only the text
// of SharedText spans several words and is guarded by its sequence number.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/observe/metrics.hpp>

#include "process/by_role.hpp"

namespace saola::server {

// A short text: one writer at a time, any number of readers (a sequence lock; odd: being written).
class SharedText {
 public:
  static constexpr std::size_t kCapacity = 160;

  // Longer texts are cut.
  void write(std::string_view text);
  std::string read() const;

 private:
  std::atomic<std::uint32_t> sequence_;
  std::array<std::atomic<std::uint64_t>, kCapacity / 8> words_;
};

enum class Stage : std::uint32_t {
  kFree,     // nobody has the slot
  kBooting,  // started, not serving yet
  kServing,
  kLeaving,  // asked to go, finishing what it has
};
std::string_view to_string(Stage stage);

// One child's. Written by the arbiter, except where noted.
struct SlotState {
  std::atomic<std::int64_t> heartbeat_ns;  // steady clock; written by the child
  std::atomic<std::int32_t> pid;
  std::atomic<std::uint32_t> role;
  std::atomic<std::uint32_t> number;
  std::atomic<Stage> stage;
  std::atomic<bool> not_ready;  // written by the child
  SharedText why_not_ready;     // written by the child

  void beat();
  Duration since_beat() const;
};

// The server's. Written by the arbiter.
struct ServerState {
  std::atomic<std::int32_t> web_workers_wanted;
  std::atomic<bool> stopping;
  std::atomic<bool> closing;  // stopping, and no upgraded server takes over
  // Why none of its workers serves, while new ones are held back; empty: they are not.
  ByRole<SharedText> why_paused;
};

class SharedState {
 public:
  // Both keep a reference to `table`.
  static Result<SharedState> create(const observe::MetricTable& table, std::size_t slots);
  static Result<SharedState> attach(unique_fd fd, const observe::MetricTable& table,
                                    std::size_t slots);
  SharedState(SharedState&& other) noexcept;
  SharedState& operator=(SharedState&&) = delete;
  ~SharedState();

  int fd() const { return fd_.get(); }
  std::size_t slots() const { return slots_; }
  ServerState& server() const;
  SlotState& slot(std::size_t index) const;
  observe::MetricBlock metrics() const;

 private:
  SharedState(unique_fd fd, std::span<std::byte> memory, const observe::MetricTable& table,
              std::size_t slots)
      : fd_(std::move(fd)), memory_(memory), table_(&table), slots_(slots) {}

  unique_fd fd_;
  std::span<std::byte> memory_;
  const observe::MetricTable* table_;
  std::size_t slots_;
};

}  // namespace saola::server
