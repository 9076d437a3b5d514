// The life of a write:
//
//   waiting     in waiting_, under mutex_; at its deadline its caller takes it back (kTimedOut)
//   in a batch  the writer's thread has it: are the files still the same? BEGIN IMMEDIATE (calls
//               whose deadline passes meanwhile leave the batch), all bodies, COMMIT
//   answered    result is set and the caller woken, who owns the call again
//
//   * Once a call is in a batch its caller waits, whatever its deadline, for only then is it known
//     what became of it.
//   * An answer without an error means: committed, synced, and to the files that are still at their
//     names.
//   * A body that returns an error of its own (a full queue, a lost lease) has written nothing; the
//     others of its batch are committed all the same.
//   * When SQLite fails, nobody's write of the batch happened. For want of space each is tried
//     again alone, for a smaller write may still fit.
//   * After a disk error nothing is tried again: nobody knows whether the commit reached the disk,
//     and writing again could store a job twice. A caller may try again; keys make that safe.

#include "group_writer.hpp"

#include <algorithm>
#include <utility>

#include <saola/base/check.hpp>

#include "sqlite_rows.hpp"

namespace saola::jobs_sqlite {
namespace {

// Calls in one transaction: enough to hide the fsync, few enough to keep each one's wait short.
constexpr std::size_t kMaxBatch = 256;

std::unexpected<Error> too_late() {
  return fail(ErrorCode::kTimedOut,
              "the job store was too busy to write before the deadline; nothing was stored, try "
              "again");
}

}  // namespace

GroupWriter::GroupWriter(std::unique_ptr<Connection> connection, const FileIdentity& identity)
    : connection_(std::move(connection)), identity_(identity), thread_([this] { run(); }) {}

GroupWriter::~GroupWriter() {
  {
    const std::lock_guard lock(mutex_);
    SAOLA_CHECK(waiting_.empty(), "the job store ends while somebody writes to it");
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

Result<void> GroupWriter::write(Deadline deadline, const Body& body) {
  if (deadline.passed()) return too_late();
  Call call{.body = &body, .deadline = deadline};
  std::unique_lock lock(mutex_);
  waiting_.push_back(&call);
  arrived_.notify_one();
  const auto answered = [&] { return call.result.has_value(); };
  if (!deadline.is_never() && !call.done.wait_until(lock, deadline.time(), answered)) {
    const auto it = std::ranges::find(waiting_, &call);
    if (it != waiting_.end()) {
      waiting_.erase(it);
      return too_late();
    }
  }
  // Being written: the outcome is known only once that ends.
  call.done.wait(lock, answered);
  return *std::move(call.result);
}

void GroupWriter::run() {
  for (;;) {
    Batch batch;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const std::size_t n = std::min(waiting_.size(), kMaxBatch);
      batch.assign(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(n));
      waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(n));
    }
    write_batch(batch);
  }
}

void GroupWriter::finish(const Batch& batch, const Result<void>& result) {
  const std::lock_guard lock(mutex_);
  for (Call* call : batch) {
    call->result = result;
    call->done.notify_one();
  }
}

// Takes the right to write from other processes. Calls whose deadline passes meanwhile are answered
// and leave the batch.
Result<void> GroupWriter::begin(Batch& batch) {
  for (;;) {
    Batch late;
    Deadline first = Deadline::never();
    std::erase_if(batch, [&](Call* call) {
      if (!call->deadline.passed()) {
        first = min(first, call->deadline);
        return false;
      }
      late.push_back(call);
      return true;
    });
    finish(late, too_late());
    if (batch.empty()) return {};
    connection_->set_busy_deadline(first);
    auto begun = connection_->execute("BEGIN IMMEDIATE");
    if (begun || begun.error().code() != ErrorCode::kTimedOut) return begun;
  }
}

void GroupWriter::write_batch(const Batch& all) {
  Batch batch = all;
  if (auto same = identity_.check(); !same) {
    finish(batch, same);
    return;
  }
  if (auto begun = begin(batch); !begun) {
    finish(batch, begun);
    return;
  }
  if (batch.empty()) return;
  std::vector<Result<void>> results;
  const std::optional<Error> failure = attempt(batch, results);
  if (!failure) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      batch[i]->result = std::move(results[i]);
      batch[i]->done.notify_one();
    }
    return;
  }
  // Nothing of it was stored. Where space ran out a smaller write may still fit; after a disk error
  // nobody knows, and writing again could store a job twice.
  const bool again =
      failure->code() == ErrorCode::kResourceExhausted || failure->code() == ErrorCode::kTooLarge;
  if (batch.size() == 1 || !again) {
    finish(batch, fail(*failure));
    return;
  }
  for (Call* call : batch) write_batch({call});
}

// Runs the bodies and commits. On failure everything is rolled back. REQUIRES: a transaction.
std::optional<Error> GroupWriter::attempt(const Batch& batch, std::vector<Result<void>>& results) {
  SqliteRows rows(*connection_);
  for (const Call* call : batch) {
    results.push_back((*call->body)(rows));
    if (rows.failure()) break;
  }
  if (!rows.failure()) {
    auto committed = connection_->execute("COMMIT");
    if (!committed) rows.failure() = std::move(committed.error());
  }
  // What was committed to a file that is not there any more must not be acknowledged.
  if (!rows.failure()) {
    if (auto same = identity_.check(); !same) rows.failure() = std::move(same.error());
  }
  // SQLite has rolled some failures back itself.
  if (rows.failure() && connection_->in_transaction()) (void)connection_->execute("ROLLBACK");
  return std::move(rows.failure());
}

}  // namespace saola::jobs_sqlite
