// Moves what the write-ahead log holds into the database file, on a thread of its own, so that no
// commit waits for it.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "connection.hpp"

namespace saola::jobs_sqlite {

class Checkpointer {
 public:
  // `connection`: one of its own.
  explicit Checkpointer(std::unique_ptr<Connection> connection);
  ~Checkpointer();

  // Has `writer` tell about its commits, in place of SQLite's own checkpoint in every thousandth
  // page's commit. `writer` must not commit once this has ended.
  void watch(Connection& writer);

 private:
  static int on_commit(void* self, sqlite3* db, const char* name, int log_pages);
  void run(const std::stop_token& stop);

  const std::unique_ptr<Connection> connection_;
  std::mutex mutex_;
  // Guarded by mutex_.
  bool wanted_ = false;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

}  // namespace saola::jobs_sqlite
