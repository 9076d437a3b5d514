#include "connection.hpp"

#include <cerrno>
#include <thread>

#include <saola/base/check.hpp>

namespace saola::jobs_sqlite {

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Access access) {
  sqlite3* db = nullptr;
  const int flags = (access == Access::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  // Owns `db` also when opening it failed.
  std::unique_ptr<Connection> connection(new Connection(db));
  if (code != SQLITE_OK) return fail(connection->error(code));
  sqlite3_busy_handler(db, &Connection::on_busy, connection.get());
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  SAOLA_CHECK(sqlite3_close(db_) == SQLITE_OK, "a statement outlived its connection");
}

int Connection::on_busy(void* self, int count) {
  if (static_cast<Connection*>(self)->busy_deadline_.passed()) return 0;
  // A commit takes about half a millisecond; spread the tries of several processes.
  const auto wait = std::chrono::microseconds(count < 8 ? 200 + count * 100 : 2000);
  std::this_thread::sleep_for(wait);
  return 1;
}

Error Connection::error(int code) const {
  // Without the store's path: clients see these texts, and the banner at start names it.
  const char* detail = db_ == nullptr ? "out of memory" : sqlite3_errmsg(db_);
  const auto make = [&](ErrorCode kind, std::string_view text) {
    return Error(kind, fmt::format("the job store: {} (SQLite: {}, {})", text, detail, code));
  };
  const int cause = db_ == nullptr ? 0 : sqlite3_system_errno(db_);
  const bool no_space = cause == ENOSPC || cause == EDQUOT;
  const auto no_files = [&]() -> std::optional<Error> {
    if (cause != EMFILE && cause != ENFILE) return std::nullopt;
    return make(ErrorCode::kResourceExhausted,
                "too many files are open, nothing was stored; raise the limit (LimitNOFILE= of the "
                "unit, ulimit -n)");
  };
  switch (code & 0xff) {
    case SQLITE_FULL:
      return make(ErrorCode::kResourceExhausted,
                  "no space is left, nothing was stored; free space or raise its limit");
    case SQLITE_IOERR:
      if (auto error = no_files()) return *std::move(error);
      if (no_space) {
        return make(ErrorCode::kResourceExhausted,
                    "no space is left on its disk, nothing was stored; free space");
      }
      if (cause == EROFS) return make(ErrorCode::kUnavailable, "its disk is read-only");
      return make(ErrorCode::kUnavailable, "its disk failed to read or write; check the disk");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make(ErrorCode::kTimedOut,
                  "another process kept it locked until the deadline; try again");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return make(ErrorCode::kDataCorrupt,
                  "the file is damaged or no SQLite database; restore it from a backup or move it "
                  "away");
    case SQLITE_CANTOPEN:
      if (auto error = no_files()) return *std::move(error);
      if (no_space) return make(ErrorCode::kResourceExhausted, "no space is left on its disk");
      if (cause == EROFS) return make(ErrorCode::kUnavailable, "its disk is read-only");
      return make(ErrorCode::kUnavailable, "it cannot be opened; check its folder and permissions");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return make(ErrorCode::kUnavailable,
                  "it cannot be written; check the permissions of the file and its folder, and "
                  "whether its disk is read-only");
    case SQLITE_NOMEM:
      return make(ErrorCode::kResourceExhausted, "the server is out of memory");
    case SQLITE_TOOBIG:
      return make(ErrorCode::kTooLarge, "a value is too large for it");
    default:
      return make(ErrorCode::kInternal, "an unforeseen failure; please report it");
  }
}

Result<void> Connection::execute(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(error(code));
  return {};
}

Result<std::int64_t> Connection::integer(const char* sql) {
  std::optional<Error> failure;
  Query query(*this, failure, sql);
  const std::int64_t value = query.step() ? query.integer(0) : 0;
  if (failure) return fail(*std::move(failure));
  return value;
}

Result<std::string> Connection::text(const char* sql) {
  std::optional<Error> failure;
  Query query(*this, failure, sql);
  std::string value = query.step() ? query.text(0) : std::string();
  if (failure) return fail(*std::move(failure));
  return value;
}

sqlite3_stmt* Connection::prepared(std::string_view sql) {
  if (const auto it = statements_.find(sql); it != statements_.end()) return it->second;
  sqlite3_stmt* statement = nullptr;
  const auto size = static_cast<int>(sql.size());
  sqlite3_prepare_v3(db_, sql.data(), size, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (statement != nullptr) statements_.emplace(sql, statement);
  return statement;
}

Query::Query(Connection& connection, std::optional<Error>& failure, std::string_view sql)
    : connection_(connection), failure_(failure) {
  if (failure_) return;
  statement_ = connection_.prepared(sql);
  if (statement_ == nullptr) {
    failure_ = connection_.error(sqlite3_extended_errcode(connection_.db_));
  }
}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Query& Query::bind(std::int64_t value) {
  if (statement_ != nullptr) sqlite3_bind_int64(statement_, next_parameter_++, value);
  return *this;
}

Query& Query::bind(double value) {
  if (statement_ != nullptr) sqlite3_bind_double(statement_, next_parameter_++, value);
  return *this;
}

Query& Query::bind(std::string_view text) {
  if (statement_ != nullptr) {
    // A null pointer would bind NULL.
    sqlite3_bind_text64(statement_, next_parameter_++, text.empty() ? "" : text.data(), text.size(),
                        SQLITE_STATIC, SQLITE_UTF8);
  }
  return *this;
}

Query& Query::bind_blob(std::string_view bytes) {
  if (statement_ != nullptr) {
    sqlite3_bind_blob64(statement_, next_parameter_++, bytes.empty() ? "" : bytes.data(),
                        bytes.size(), SQLITE_STATIC);
  }
  return *this;
}

Query& Query::bind_null() {
  if (statement_ != nullptr) sqlite3_bind_null(statement_, next_parameter_++);
  return *this;
}

bool Query::step() {
  if (statement_ == nullptr || failure_) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) failure_ = connection_.error(code);
  return false;
}

void Query::run() {
  while (step()) {
  }
}

std::int64_t Query::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Query::real(int column) const {
  return sqlite3_column_double(statement_, column);
}

std::string Query::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

}  // namespace saola::jobs_sqlite
