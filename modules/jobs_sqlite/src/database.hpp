// The database file: where it may lie, whether it is ours, and its schema.
#pragma once

#include <memory>
#include <string>

#include <saola/base/error.hpp>

#include "connection.hpp"

namespace saola::jobs_sqlite {

// Opens the job store at `path` for writing, after making or migrating it as needed. The errors are
// those of open_sqlite_store().
Result<std::unique_ptr<Connection>> open_database(const std::string& path, Deadline deadline);

// That the file at `path` is a job store whose schema is known. Reads only.
Result<void> check_store(const std::string& path, Deadline deadline);

// One more connection to a store that open_database() has opened, for reading.
Result<std::unique_ptr<Connection>> open_reader(const std::string& path);

}  // namespace saola::jobs_sqlite
