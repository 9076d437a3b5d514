// `split-service serve`: the server's definition.
#pragma once

namespace saola::split_service {

// Runs the server until it is told to stop; the exit status of the process. `argv` is main()'s from
// the word "serve" on. Worker processes come through here too.
int serve(int argc, char** argv);

}  // namespace saola::split_service
