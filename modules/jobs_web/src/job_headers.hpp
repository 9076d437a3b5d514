// What the headers of a request say about the job it starts, whatever the task: Idempotency-Key,
// Job-Priority, Job-Queue, Job-Timeout.
#pragma once

#include <string>
#include <vector>

#include <saola/jobs/job.hpp>
#include <saola/web/request.hpp>

namespace saola::jobs_web {

// Puts them into `job`, whose own values are the task's: they stand where no header says otherwise,
// and its time limit cannot be exceeded. Without Job-Queue it waits in the first of `queues`, those
// that are served. Throws HttpError 400 for a header that cannot be understood, is given twice, or
// out of range.
void read_job_headers(const web::Request& request, const std::vector<std::string>& queues,
                      jobs::NewJob& job);

}  // namespace saola::jobs_web
