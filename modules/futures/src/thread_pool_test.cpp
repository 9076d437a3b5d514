#include <dirent.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/futures/fiber_executor.hpp>
#include <saola/futures/wait.hpp>
#include <saola/runtime/runtime.hpp>

namespace saola::futures {
namespace {

using namespace std::chrono_literals;

TEST(ThreadPool, AFutureCrossesLoopsAndThreads) {
  ThreadPoolExecutor pool({.max_workers = 1});
  Promise<int> promise;
  const auto shared = promise.future();
  std::vector<std::jthread> threads;
  std::atomic<int> sum = 0;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      runtime::Runtime loop;
      loop.run([&] { sum += shared.result(); });
    });
  }
  threads.emplace_back([&] { sum += shared.result(); });
  pool.submit([&] { promise.set_result(5); }).result();
  threads.clear();
  EXPECT_EQ(sum, 15);
}

TEST(ThreadPool, LoopStaysAliveWhileWorkersCompute) {
  runtime::Runtime loop;
  loop.run([] {
    ThreadPoolExecutor pool({.max_workers = 1});
    std::atomic<bool> stop = false;
    const auto hog = pool.submit([&] {
      while (!stop) {
      }
      return 1;
    });
    int turns = 0;
    for (; turns < 100; ++turns) runtime::this_task::yield();
    EXPECT_FALSE(hog.done());
    stop = true;
    EXPECT_EQ(hog.result(), 1);
  });
}

TEST(ThreadPool, ThreadsCarryTheName) {
  ThreadPoolExecutor pool({.max_workers = 1, .name = "split"});
  EXPECT_EQ(pool.submit([] {
                  char name[16];
                  ::pthread_getname_np(::pthread_self(), name, sizeof name);
                  return std::string(name);
                })
                .result(),
            "split-0");
}

std::size_t thread_count() {
  std::size_t count = 0;
  DIR* dir = ::opendir("/proc/self/task");
  while (::readdir(dir) != nullptr) ++count;
  ::closedir(dir);
  return count;
}

TEST(ThreadPool, EndsWithTheThreadsItBeganWith) {
  ThreadPoolExecutor({.max_workers = 1}).submit([] {}).result();
  const std::size_t before = thread_count();
  for (int i = 0; i < 5; ++i) {
    ThreadPoolExecutor pool({.max_workers = 3});
    std::vector<Future<void>> futures;
    for (int k = 0; k < 20; ++k) futures.push_back(pool.submit([] {}));
    wait(futures);
  }
  EXPECT_EQ(thread_count(), before);
}

}  // namespace
}  // namespace saola::futures
