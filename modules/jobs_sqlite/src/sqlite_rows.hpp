// Rows over one connection inside a transaction.
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include <saola/jobs/row_store.hpp>

#include "connection.hpp"

namespace saola::jobs_sqlite {

class SqliteRows final : public jobs::Rows {
 public:
  explicit SqliteRows(Connection& connection) : db_(connection) {}

  // The first failure; the transaction must be rolled back then.
  std::optional<Error>& failure() { return failure_; }

  std::optional<jobs::Job> find(std::string_view id, jobs::Detail detail) override;
  std::optional<jobs::Job> find_idempotent(std::string_view kind, std::string_view key) override;
  std::optional<jobs::Job> find_unique(std::string_view kind, std::string_view key) override;
  std::size_t count_waiting(std::string_view queue, std::size_t at_most) override;
  void insert(const jobs::Job& job) override;
  void update(const jobs::Job& job) override;
  void update_result(const jobs::Job& job) override;
  void update_checkpoint(const jobs::Job& job) override;
  void erase(std::string_view id) override;
  void touch(jobs::Time now) override;
  std::vector<jobs::Job> available(std::string_view queue, std::string_view kind,
                                   std::size_t limit) override;
  std::vector<jobs::Job> owned(std::string_view owner, std::size_t limit) override;
  std::vector<jobs::Job> running(std::size_t limit) override;
  std::vector<jobs::Job> due(jobs::Time now, std::size_t limit) override;
  std::vector<jobs::Job> set_back(jobs::Time now, std::size_t limit) override;
  std::vector<jobs::Job> ahead_of_time(jobs::Time now, std::size_t limit) override;
  std::vector<jobs::Job> finished_before(jobs::State state, const jobs::EndOfJob& after,
                                         jobs::Time time, std::size_t limit) override;
  std::vector<jobs::Job> finished_after(jobs::State state, jobs::Time time,
                                        std::size_t limit) override;
  std::vector<jobs::Job> list(const jobs::ListRequest& request) override;
  std::map<jobs::State, std::size_t> counts() override;
  jobs::QueueStatus queue_status(std::string_view queue) override;
  std::size_t ahead_of(const jobs::Job& job) override;
  std::uint64_t bytes() override;
  bool has_room() override;
  std::optional<jobs::Time> oldest_available() override;

 private:
  Query query(std::string_view sql) { return Query(db_, failure_, sql); }
  std::size_t count(Query& query);
  std::uint64_t pragma(const char* name);
  jobs::Job row(const Query& query);
  std::vector<jobs::Job> rows(Query& query);
  std::optional<jobs::Job> full(Query& query);
  void load_data(jobs::Job& job);
  std::vector<jobs::Job> list(const jobs::ListRequest& request, std::optional<jobs::State> state);

  Connection& db_;
  std::optional<Error> failure_;
};

}  // namespace saola::jobs_sqlite
