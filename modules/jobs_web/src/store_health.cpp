#include <fcntl.h>
#include <pthread.h>
#include <sys/statvfs.h>

#include <chrono>
#include <optional>
#include <thread>

#include <saola/base/guarded.hpp>
#include <saola/base/log.hpp>
#include <saola/base/unique_fd.hpp>
#include <saola/base/wait_for_stop.hpp>
#include <saola/jobs_web/store_health.hpp>

namespace saola::jobs_web {
namespace {

constexpr std::chrono::seconds kEvery(2);
constexpr std::chrono::seconds kFresh(1);
constexpr std::chrono::seconds kLookTime(1);
// How long a refused job speaks against the store: until others have had a chance to prove it.
constexpr std::chrono::seconds kRemembered(5);
// The largest job's payload.
constexpr off_t kRoom = 1 << 20;
constexpr std::string_view kNoJob = "00000000-0000-7000-8000-000000000000";

// Clients see it, so it is not named by its path.
constexpr std::string_view kFolder = "the job store's folder";

Result<void> free_blocks(const std::string& folder) {
  struct statvfs info{};
  if (::statvfs(folder.c_str(), &info) != 0) return fail(errno_error(errno, kFolder));
  if (info.f_bavail * info.f_frsize >= static_cast<std::uint64_t>(kRoom)) return {};
  return fail(errno_error(ENOSPC, kFolder));
}

}  // namespace

Result<void> room_for_a_job(const std::string& folder) {
  const unique_fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  // Not every file system has files without names, or reserves space. That this process has no
  // descriptor left says nothing about the disk.
  const bool cannot_ask =
      errno == EOPNOTSUPP || errno == EISDIR || errno == EMFILE || errno == ENFILE;
  if (!file && cannot_ask) return free_blocks(folder);
  if (!file) return fail(errno_error(errno, kFolder));
  if (::fallocate(file.get(), 0, 0, kRoom) == 0) return {};
  if (errno == EOPNOTSUPP) return free_blocks(folder);
  return fail(errno_error(errno, kFolder));
}

class StoreHealth::Impl {
 public:
  Impl(jobs::Store& store, StoreHealthOptions options)
      : store_(store),
        options_(std::move(options)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

  Result<void> check() {
    const NativeLock lock(look_mutex_);
    if (const auto refusal = latest_refusal()) return fail(*refusal);
    const SteadyTime now = options_.clock->steady_now();
    if (!looked_ || now - *looked_ >= kFresh) {
      seen_ = look();
      looked_ = options_.clock->steady_now();
    }
    return seen_;
  }

  void refused(const Error& error) {
    const NativeLock lock(refusal_mutex_);
    refusal_ = error;
    refused_at_ = options_.clock->steady_now();
  }

  void accepted() {
    const NativeLock lock(refusal_mutex_);
    refusal_.reset();
  }

 private:
  Result<void> look() {
    const auto blame = [](Error error, const char* what) {
      return fail(std::move(error).wrap(what));
    };
    if (options_.room) {
      if (auto room = options_.room(); !room) {
        return blame(std::move(room.error()), "there is no room for jobs, so free some");
      }
    }
    if (auto newest = store_.list({.limit = 1}, Deadline::after(kLookTime)); !newest) {
      return blame(std::move(newest.error()), "the job store cannot be read");
    }
    const auto usage = store_.usage(Deadline::after(kLookTime));
    if (usage && !usage->has_room) {
      return fail(ErrorCode::kResourceExhausted,
                  "no space is left for new jobs; those accepted go on");
    }
    // To cancel a job that there is not takes the lock for writing, and writes nothing.
    auto cancelled = store_.cancel(kNoJob, Deadline::after(kLookTime));
    if (!cancelled && cancelled.error().code() != ErrorCode::kNotFound) {
      return blame(std::move(cancelled.error()), "the job store cannot be written");
    }
    return {};
  }

  std::optional<Error> latest_refusal() {
    const NativeLock lock(refusal_mutex_);
    if (!refusal_ || options_.clock->steady_now() - refused_at_ >= kRemembered) return std::nullopt;
    return Error(*refusal_).wrap("the job store refused a job a moment ago");
  }

  void run(const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "store health");
    std::optional<std::string> told;
    while (!stop.stop_requested()) {
      const Result<void> seen = check();
      const std::string why = seen ? "" : seen.error().message();
      if (told != why) {
        if (!seen) log_error("not ready: " + why);
        if (seen && told) log_info("ready again: the job store can be used");
        told = why;
        if (options_.on_change) options_.on_change(seen.has_value(), why);
      }
      wait_for_stop(stop, kEvery);
    }
  }

  jobs::Store& store_;
  const StoreHealthOptions options_;

  NativeMutex look_mutex_;
  std::optional<SteadyTime> looked_ GUARDED_BY(look_mutex_);
  Result<void> seen_ GUARDED_BY(look_mutex_);

  NativeMutex refusal_mutex_;
  std::optional<Error> refusal_ GUARDED_BY(refusal_mutex_);
  SteadyTime refused_at_ GUARDED_BY(refusal_mutex_){};

  // Last, so that it ends before what it uses.
  std::jthread thread_;
};

StoreHealth::StoreHealth(jobs::Store& store, StoreHealthOptions options)
    : impl_(std::make_unique<Impl>(store, std::move(options))) {}
StoreHealth::~StoreHealth() = default;

Result<void> StoreHealth::check() {
  return impl_->check();
}

void StoreHealth::refused(const Error& error) {
  impl_->refused(error);
}

void StoreHealth::accepted() {
  impl_->accepted();
}

}  // namespace saola::jobs_web
