// Group commit: one thread writes for all, and calls that come together share one transaction and
// one fsync.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/jobs/row_store.hpp>

#include "connection.hpp"
#include "file_identity.hpp"

namespace saola::jobs_sqlite {

class GroupWriter {
 public:
  using Body = std::function<Result<void>(jobs::Rows&)>;

  // `identity` must outlive it: nothing is acknowledged when the files are not the same any more.
  GroupWriter(std::unique_ptr<Connection> connection, const FileIdentity& identity);
  // REQUIRES: nobody is inside write().
  ~GroupWriter();

  // Runs `body` in a transaction, which it may share with others' bodies, and returns once that is
  // on disk. Thread-safe. Until the deadline it waits for its turn and for other processes' locks
  // (kTimedOut: nothing was done); the commit itself takes as long as the disk does.
  Result<void> write(Deadline deadline, const Body& body);

 private:
  struct Call {
    const Body* body;
    Deadline deadline;
    // Guarded by mutex_. Set last, with result; the caller owns the call again then.
    std::optional<Result<void>> result = std::nullopt;
    std::condition_variable done = {};
  };
  using Batch = std::vector<Call*>;

  void run();
  void write_batch(const Batch& batch);
  std::optional<Error> attempt(const Batch& batch, std::vector<Result<void>>& results);
  Result<void> begin(Batch& batch);
  void finish(const Batch& batch, const Result<void>& result);

  // Used by the writer's thread only.
  std::unique_ptr<Connection> connection_;
  const FileIdentity& identity_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<Call*> waiting_;
  bool stopping_ = false;
  std::condition_variable arrived_;

  std::thread thread_;
};

}  // namespace saola::jobs_sqlite
