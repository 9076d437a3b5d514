// What lists of tasks call their states, places and waits.
#include <saola/runtime/tasks.hpp>

namespace saola::runtime {

std::string_view to_string(RunState state) {
  switch (state) {
    case RunState::kReady:
      return "ready";
    case RunState::kRunning:
      return "running";
    case RunState::kBlocked:
      return "blocked";
    case RunState::kParked:
      return "parked";
    case RunState::kOffloaded:
      return "offloaded";
    case RunState::kQueued:
      return "queued";
  }
  return "?";
}

std::optional<RunState> run_state_from(std::string_view text) {
  for (std::size_t i = 0; i < kRunStates; ++i) {
    if (to_string(static_cast<RunState>(i)) == text) return static_cast<RunState>(i);
  }
  return std::nullopt;
}

std::string_view to_string(TaskPlace place) {
  switch (place) {
    case TaskPlace::kLoop:
      return "loop";
    case TaskPlace::kSide:
      return "side";
    case TaskPlace::kThread:
      return "thread";
  }
  return "?";
}

std::string_view to_string(WaitKind kind) {
  switch (kind) {
    case WaitKind::kOther:
      return "a wake-up";
    case WaitKind::kSleep:
      return "sleep";
    case WaitKind::kMutex:
      return "mutex";
    case WaitKind::kSharedMutex:
      return "shared mutex";
    case WaitKind::kCondition:
      return "condition";
    case WaitKind::kEvent:
      return "event";
    case WaitKind::kSemaphore:
      return "semaphore";
    case WaitKind::kBarrier:
      return "barrier";
    case WaitKind::kItem:
      return "queue item";
    case WaitKind::kRoom:
      return "queue room";
    case WaitKind::kBroadcast:
      return "broadcast";
    case WaitKind::kWatch:
      return "watch";
    case WaitKind::kTask:
      return "end of task";
    case WaitKind::kTaskGroup:
      return "task group";
    case WaitKind::kSelect:
      return "select";
    case WaitKind::kReadable:
      return "read";
    case WaitKind::kWritable:
      return "write";
    case WaitKind::kOffloadCpu:
      return "offload_cpu";
    case WaitKind::kOffloadBlocking:
      return "offload_blocking";
    case WaitKind::kProcess:
      return "end of process";
    case WaitKind::kFuture:
      return "future";
    case WaitKind::kResolve:
      return "name resolution";
    case WaitKind::kWork:
      return "work";
  }
  return "?";
}

}  // namespace saola::runtime
