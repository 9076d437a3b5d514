// What the kernel says of a process or a thread in its stat file (proc(5)).
//
//   const auto stat = ProcessStat::read("/proc/4711/stat");
//   if (!stat.lives()) return;
//   const auto ticks = stat.number(14) + stat.number(15);   // utime, stime
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace saola {

// The fields behind the name, which may itself hold spaces and brackets: they are counted from the
// last bracket. A copy of one moment; it does not change with the process.
class ProcessStat {
 public:
  // `path`: "/proc/PID/stat" or "/proc/self/task/TID/stat". Without such a file every answer is
  // empty. Blocking: reads a file, about 10 µs.
  static ProcessStat read(const std::string& path);
  // Of a stat file's text.
  explicit ProcessStat(std::string_view text);

  // 'R', 'S', 'D', 'Z' …; '?': there is no such process.
  char state() const { return fields_.empty() ? '?' : fields_[0]; }
  // A zombie has ended, though its number is still taken.
  bool lives() const { return state() != '?' && state() != 'Z' && state() != 'X'; }
  // By its number in proc(5), from 3 on; empty: there is none.
  std::string_view field(int number) const;
  // 0: there is none, or it is no number.
  std::uint64_t number(int field_number) const;

 private:
  std::string fields_;  // from the third on
};

}  // namespace saola
