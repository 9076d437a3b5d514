// `split-service submit`: the flags of a split, and its result for people.
#pragma once

namespace saola::split_service {

// argv[0] is "submit"; returns the exit status of the process (see jobs_client::Exit).
int run_submit(int argc, char** argv);

}  // namespace saola::split_service
