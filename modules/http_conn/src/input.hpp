// The bytes read from a connection and not yet used.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace saola::http_conn {

// A growing buffer whose front can be pinned: the head of the request being handled stays where it
// is while its body is read behind it. Holds no memory until room() is called, none after
// release().
class Input {
 public:
  std::string_view unread() const { return {block_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }

  void consume(std::size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = floor_;
  }

  // Consumes `count` bytes, which stay valid until unpin().
  void pin(std::size_t count) { floor_ = begin_ += count; }
  void unpin() {
    pinned_block_.reset();
    floor_ = 0;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  // Space for at least `least` bytes behind the unread ones; may move the unread ones.
  std::span<char> room(std::size_t least) {
    if (capacity_ - end_ < least) make_room(least);
    return {block_.get() + end_, capacity_ - end_};
  }
  void filled(std::size_t count) { end_ += count; }

  // REQUIRES: empty and nothing pinned.
  void release() {
    block_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  void make_room(std::size_t least) {
    const std::size_t unread = end_ - begin_;
    if (capacity_ - floor_ - unread >= least && begin_ > floor_) {
      std::memmove(block_.get() + floor_, block_.get() + begin_, unread);
      begin_ = floor_;
      end_ = floor_ + unread;
      return;
    }
    const std::size_t capacity = std::max({2 * unread, unread + least, kFirst});
    auto block = std::make_unique_for_overwrite<char[]>(capacity);
    if (unread > 0) std::memcpy(block.get(), block_.get() + begin_, unread);
    if (floor_ > 0) pinned_block_ = std::move(block_);
    block_ = std::move(block);
    capacity_ = capacity;
    floor_ = begin_ = 0;
    end_ = unread;
  }

  static constexpr std::size_t kFirst = 4096;

  std::unique_ptr<char[]> block_;
  std::unique_ptr<char[]> pinned_block_;  // where the pinned bytes stayed when block_ was replaced
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t floor_ = 0;  // bytes of block_ before this are pinned
};

}  // namespace saola::http_conn
