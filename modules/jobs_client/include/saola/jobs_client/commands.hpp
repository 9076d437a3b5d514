// The client commands of every service: `jobs list|show|watch|cancel|retry` and `submit`. They
// speak only the HTTP API.
//
//   splitter jobs list --state running
//   splitter submit /split source=s3://samples/t.csv groups=3
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include <saola/base/error.hpp>
#include <saola/jobs_client/service_flags.hpp>

namespace CLI {
class App;
}

namespace saola::jobs_client {

// Exit statuses of the client commands, the same for all; --help lists them.
enum class Exit {
  kOk = 0,
  kFailed = 1,         // anything without a status of its own
  kUsage = 2,          // a wrong command line, or a request that the server refuses as such
  kUnreachable = 3,    // no server answers, or it cannot do so now (try again)
  kNotFound = 4,       // there is no such job
  kConflict = 5,       // the job is in the wrong state for that
  kDiscarded = 6,      // the job that was waited for was discarded
  kCancelled = 7,      // … was cancelled
  kInterrupted = 130,  // Ctrl-C while waiting; the job goes on
};
inline constexpr std::string_view kExitStatuses =
    "Exit status: 0 done, 1 failed, 2 not understood, 3 no server answers, 4 no such job,\n"
    "5 the job is in the wrong state, 6 the job was discarded, 7 it was cancelled,\n"
    "130 interrupted while waiting (the job goes on)";

// The one place where a failure becomes an exit status: a bad request kUsage, a server that cannot
// be reached or cannot do it now kUnreachable, then kNotFound, kConflict and kCancelled; all else
// kFailed.
Exit exit_of(ErrorCode code);

// `program jobs …`; argv[0] is "jobs". `program` ("saola", "splitter") is for messages. Returns the
// exit status of the process.
int run_jobs(std::string_view program, int argc, char** argv);

// `program submit PATH [NAME=VALUE…]`: starts a job by POST to PATH and waits for its end; argv[0]
// is "submit". VALUE is JSON where it is any, else a text; @FILE is uploaded and becomes its name.
int run_submit(std::string_view program, int argc, char** argv);

// How a job is to be run; what is empty is left to the task.
struct JobFlags {
  std::string idempotency_key;
  std::string queue;
  std::optional<int> priority;
  std::optional<double> timeout;  // seconds
};
// Adds the flags --idempotency-key, --queue, --priority and --timeout; `into` must outlive the parse.
void add_job_flags(CLI::App& app, JobFlags& into);

// The last part of a submit command: POSTs `request`, then follows the job. A service that parses
// its own flags fills it in:
//
//   const Submission how{.program = "splitter", .service = flags, .path = "/split"};
//   return static_cast<int>(submit(how, {{"source", source}, {"groups", groups}}));
struct Submission {
  std::string program;  // for messages
  ServiceFlags service;
  std::string path;  // "/split"
  JobFlags job = {};
  bool wait = true;  // false: print the job's id and return
  // How a result is printed for people; empty: a line for each member.
  std::function<std::string(const boost::json::value& result)> result_text = {};
};
// Prints the job's id and progress on standard error, its result on standard output. Ctrl-C while
// waiting leaves the job alone and returns kInterrupted; a second one ends the process.
Exit submit(const Submission& submission, const boost::json::value& request);

// Sends a local file to the service's POST /uploads; returns the name that a request gives it
// ("s3://bucket/key").
Result<std::string> upload(const ServiceFlags& service, const std::string& file);

// What a terminal may show of a text that may hold anything: no control characters.
std::string plain(std::string text);

}  // namespace saola::jobs_client
