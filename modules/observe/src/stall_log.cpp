#include <algorithm>
#include <utility>

#include <saola/observe/stall_log.hpp>

namespace saola::observe {
namespace {

// Unread reports kept; later ones are only counted. The monitor limits its rate well below this.
constexpr std::size_t kInboxLimit = 1024;

bool same_stall(const StallReport& a, const StallReport& b) {
  if (a.action != b.action || a.spawn_site != b.spawn_site) return false;
  if (a.action == StallAction::kPlaced) return true;  // a whole kind, whichever fiber was the first
  return a.fiber == b.fiber &&
         std::ranges::equal(a.stack, b.stack, {}, &StackFrame::address, &StackFrame::address);
}

}  // namespace

StallLog::~StallLog() {
  for (Node* node = take_new(); node != nullptr;) delete std::exchange(node, node->next);
}

void StallLog::report(StallReport report) {
  if (begins(report)) total_.fetch_add(1, std::memory_order_relaxed);
  if (inbox_size_.load(std::memory_order_relaxed) >= kInboxLimit) return;
  inbox_size_.fetch_add(1, std::memory_order_relaxed);
  inbox_.push(*new Node{std::move(report), nullptr});
}

StallLog::Node* StallLog::take_new() {
  Node* oldest = inbox_.take();
  std::size_t taken = 0;
  for (const Node* node = oldest; node != nullptr; node = node->next) ++taken;
  inbox_size_.fetch_sub(taken, std::memory_order_relaxed);
  return oldest;
}

std::vector<StallEntry> StallLog::entries() {
  const NativeLock lock(mutex_);
  for (Node* node = take_new(); node != nullptr;) {
    merge(std::move(node->report));
    delete std::exchange(node, node->next);
  }
  return {entries_.begin(), entries_.end()};
}

void StallLog::merge(StallReport&& report) {
  const auto known = std::ranges::find_if(
      entries_, [&](const StallEntry& entry) { return same_stall(entry.latest, report); });
  StallEntry entry;
  if (known != entries_.end()) {
    entry = std::move(*known);
    entries_.erase(known);
  }
  entry.longest = std::max(entry.longest, report.duration);
  // The first report of an entry may have been dropped with it.
  if (begins(report) || entry.count == 0) ++entry.count;
  entry.latest = std::move(report);
  entries_.push_front(std::move(entry));
  if (entries_.size() > capacity_) entries_.pop_back();
}

}  // namespace saola::observe
