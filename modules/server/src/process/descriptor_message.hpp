// Messages with a descriptor on the channel between arbiter and worker (unix(7), SCM_RIGHTS).
#pragma once

#include <string>
#include <string_view>

#include <saola/base/unique_fd.hpp>

namespace saola::server {

// False when it could not be sent at once. Never blocks.
bool send_with_descriptor(int channel, std::string_view message, int descriptor);

struct ReceivedMessage {
  ssize_t bytes = -1;  // as of recv(2): 0 at the end, -1 when there is none
  std::string text;
  unique_fd descriptor;  // if one came with it
};
// One message of at most `longest` bytes, if there is one.
ReceivedMessage receive_message(int channel, std::size_t longest);

}  // namespace saola::server
