#include "list/thread_list.hpp"

namespace saola::runtime::detail {

ThreadList& thread_list() {
  static auto* const list = new ThreadList;
  return *list;
}

}  // namespace saola::runtime::detail
