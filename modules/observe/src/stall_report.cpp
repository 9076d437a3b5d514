#include <utility>

#include <fmt/core.h>

#include <saola/observe/stall_report.hpp>

namespace saola::observe {

std::string_view to_string(StallVerdict verdict) {
  switch (verdict) {
    case StallVerdict::kCpu:
      return "cpu";
    case StallVerdict::kBlocked:
      return "blocked";
  }
  std::unreachable();
}

std::string_view to_string(StallAction action) {
  switch (action) {
    case StallAction::kRescued:
      return "rescued";
    case StallAction::kReported:
      return "reported";
    case StallAction::kIgnored:
      return "ignored";
    case StallAction::kAborted:
      return "aborted";
    case StallAction::kPlaced:
      return "placed";
  }
  std::unreachable();
}

std::string_view to_string(StallPhase phase) {
  switch (phase) {
    case StallPhase::kBegan:
      return "began";
    case StallPhase::kHoldsLock:
      return "holds a lock";
    case StallPhase::kEnded:
      return "ended";
  }
  std::unreachable();
}

std::string to_string(const StackFrame& frame) {
  std::string out = frame.symbol.empty() ? fmt::format("{:#x}", frame.address) : frame.symbol;
  if (!frame.file.empty()) out += fmt::format(" at {}:{}", frame.file, frame.line);
  return out;
}

}  // namespace saola::observe
