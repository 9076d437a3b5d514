// The options of a split as command-line flags: of `split-service submit` and of `saola split`.
#pragma once

#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <boost/json/fwd.hpp>

#include <saola/base/error.hpp>

namespace saola::split_task {

// Adds a flag for each member of the request to a command, and gives the request afterwards.
class TaskFlags {
 public:
  explicit TaskFlags(CLI::App& command);
  ~TaskFlags();
  TaskFlags(const TaskFlags&) = delete;
  TaskFlags& operator=(const TaskFlags&) = delete;

  // The document: that of --request, with the other flags on top. kInvalidArgument when a flag or
  // the file cannot be understood.
  Result<boost::json::object> request() const;

 private:
  struct Values;
  std::unique_ptr<Values> values_;
};

}  // namespace saola::split_task
