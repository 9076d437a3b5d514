// `SERVICE backup` and `SERVICE restore`: copies of the job store's file.
#pragma once

namespace saola::service {

// backup [--store PATH] FILE: copies the store, which may be in use, to the new file. The exit
// status.
int run_backup(int argc, char** argv);

// restore [--store PATH] FILE: puts the copy in the store's place, while no server has it open.
int run_restore(int argc, char** argv);

}  // namespace saola::service
