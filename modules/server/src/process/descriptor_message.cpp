#include "process/descriptor_message.hpp"

#include <sys/socket.h>

#include <cstring>

namespace saola::server {
namespace {

// Room for one descriptor.
union Ancillary {
  cmsghdr aligned;
  char bytes[CMSG_SPACE(sizeof(int))];
};

}  // namespace

bool send_with_descriptor(int channel, std::string_view message, int descriptor) {
  iovec part{const_cast<char*>(message.data()), message.size()};
  Ancillary ancillary{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = ancillary.bytes;
  header.msg_controllen = sizeof ancillary.bytes;
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  return ::sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

ReceivedMessage receive_message(int channel, std::size_t longest) {
  ReceivedMessage message;
  message.text.resize(longest);
  iovec part{message.text.data(), message.text.size()};
  Ancillary ancillary{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = ancillary.bytes;
  header.msg_controllen = sizeof ancillary.bytes;
  message.bytes = ::recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  message.text.resize(message.bytes > 0 ? static_cast<std::size_t>(message.bytes) : 0);
  if (message.bytes <= 0) return message;
  for (cmsghdr* part_of = CMSG_FIRSTHDR(&header); part_of != nullptr;
       part_of = CMSG_NXTHDR(&header, part_of)) {
    if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS) continue;
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(part_of), sizeof descriptor);
    message.descriptor.reset(descriptor);
  }
  return message;
}

}  // namespace saola::server
