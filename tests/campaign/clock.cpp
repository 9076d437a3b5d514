// Preloaded into the campaign's server, so that its wall clock can be set without setting the machine's: whoever asks for
// CLOCK_REALTIME gets it shifted by the nanoseconds in the file $CAMPAIGN_CLOCK, eight bytes that the campaign changes at
// any time.
//
// What it cannot show: waits of the kernel until a wall-clock time. The server has none; it waits by the steady clock
// (`nm -D` of it names pthread_cond_clockwait and no pthread_cond_timedwait).
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
using Shift = std::atomic<std::int64_t>;
static_assert(Shift::is_always_lock_free);

const Shift* map_shift() {
  const char* path = std::getenv("CAMPAIGN_CLOCK");
  if (path == nullptr) return nullptr;
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) std::abort();
  void* const bytes = ::mmap(nullptr, sizeof(Shift), PROT_READ, MAP_SHARED, file, 0);
  if (bytes == MAP_FAILED) std::abort();
  ::close(file);
  return static_cast<const Shift*>(bytes);
}

int real_clock(clockid_t id, timespec* now) {
  using Function = int (*)(clockid_t, timespec*);
  static const auto function = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "clock_gettime"));
  return function(id, now);
}

timespec shifted_now() {
  static const Shift* const shift = map_shift();
  timespec now{};
  real_clock(CLOCK_REALTIME, &now);
  if (shift == nullptr) return now;
  const std::int64_t total =
      now.tv_sec * kSecond + now.tv_nsec + shift->load(std::memory_order_relaxed);
  return {.tv_sec = total / kSecond, .tv_nsec = total % kSecond};
}

// Before signal handlers may ask for the time.
__attribute__((constructor)) void prepare() {
  shifted_now();
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t id, timespec* now) noexcept {
  if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE) return real_clock(id, now);
  *now = shifted_now();
  return 0;
}

int gettimeofday(timeval* now, void*) noexcept {
  const timespec time = shifted_now();
  *now = {.tv_sec = time.tv_sec, .tv_usec = time.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* out) noexcept {
  const time_t now = shifted_now().tv_sec;
  if (out != nullptr) *out = now;
  return now;
}

}  // extern "C"
