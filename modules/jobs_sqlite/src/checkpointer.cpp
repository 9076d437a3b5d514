#include "checkpointer.hpp"

#include <pthread.h>

namespace saola::jobs_sqlite {
namespace {

// Pages of 4 KiB. Under a steady stream of commits the log is never wholly copied at any moment and
// so never begins anew; past the second limit a commit pays for that once.
constexpr int kBegin = 1000;
constexpr int kTooMany = 16'000;

}  // namespace

Checkpointer::Checkpointer(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Checkpointer::~Checkpointer() = default;

void Checkpointer::watch(Connection& writer) {
  sqlite3_wal_hook(writer.handle(), &Checkpointer::on_commit, this);
}

int Checkpointer::on_commit(void* self, sqlite3* db, const char* name, int log_pages) {
  auto& checkpointer = *static_cast<Checkpointer*>(self);
  if (log_pages >= kTooMany) {
    // A failure (no space) leaves everything in the log, where it is as safe.
    sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  } else if (log_pages >= kBegin) {
    {
      const std::lock_guard lock(checkpointer.mutex_);
      checkpointer.wanted_ = true;
    }
    checkpointer.changed_.notify_one();
  }
  return SQLITE_OK;
}

void Checkpointer::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "job checkpoint");
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return wanted_; })) return;
      wanted_ = false;
    }
    sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                              nullptr);
  }
}

}  // namespace saola::jobs_sqlite
