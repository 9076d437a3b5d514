// A thin layer over one sqlite3 connection: statements prepared once, errors as Error.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>

namespace saola::jobs_sqlite {

enum class Access { kReadOnly, kReadWrite };

// Used by one thread at a time.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Access access);
  // Of the database, absolute.
  const char* path() const { return sqlite3_db_filename(db_, "main"); }
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // How long the following statements may wait for locks of other connections.
  void set_busy_deadline(Deadline deadline) { busy_deadline_ = deadline; }

  // Runs statements that answer no rows.
  Result<void> execute(const char* sql);
  // The first column of the first row.
  Result<std::int64_t> integer(const char* sql);
  Result<std::string> text(const char* sql);

  // The failure that SQLite reports with `code`, as seen by a user of the store.
  Error error(int code) const;

  sqlite3* handle() const { return db_; }
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

 private:
  friend class Query;
  explicit Connection(sqlite3* db) : db_(db) {}
  // The statement of `sql`, prepared at its first use. Null on failure.
  sqlite3_stmt* prepared(std::string_view sql);
  static int on_busy(void* self, int count);

  sqlite3* db_;
  Deadline busy_deadline_ = Deadline::never();
  std::map<std::string, sqlite3_stmt*, std::less<>> statements_;
};

// One run of a statement. A failure is noted in `failure` (the first one stays) and ends the rows.
class Query {
 public:
  // Nothing is run when `failure` is set already.
  Query(Connection& connection, std::optional<Error>& failure, std::string_view sql);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // Parameters in order. Text must live until the Query ends.
  Query& bind(std::int64_t value);
  Query& bind(double value);
  Query& bind(std::string_view text);
  Query& bind_blob(std::string_view bytes);
  Query& bind_null();

  // Moves to the next row; false: there is none, or a failure.
  bool step();
  // Steps to the end.
  void run();

  // Columns of the current row.
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;  // also of blobs; empty for NULL
  bool is_null(int column) const;

 private:
  Connection& connection_;
  std::optional<Error>& failure_;
  sqlite3_stmt* statement_ = nullptr;
  int next_parameter_ = 1;
};

}  // namespace saola::jobs_sqlite
