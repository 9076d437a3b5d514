// `saola split FILE`: the task of the split service on this machine, without a server.
#pragma once

namespace saola::tool {

// argv[0] is "split". Returns the exit status of the process.
int run_split(int argc, char** argv);

}  // namespace saola::tool
