// Executors in every model: who submits and waits, and who works.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <saola/futures/fiber_executor.hpp>
#include <saola/runtime/runtime.hpp>
#include <saola/testing/virtual_time.hpp>

namespace saola::futures {

// Who submits and waits, and who works.
enum class Model { kThreads, kFibers, kFibersAndThreads };

inline std::string name_of(const ::testing::TestParamInfo<Model>& info) {
  switch (info.param) {
    case Model::kThreads:
      return "ThreadAndThreads";
    case Model::kFibers:
      return "FiberAndFibers";
    case Model::kFibersAndThreads:
      return "FiberAndThreads";
  }
  return "?";
}

// Runs every test in each model, in virtual time: a deadline passes only when nobody works.
class ExecutorTest : public ::testing::TestWithParam<Model> {
 protected:
  void in_model(const std::function<void()>& body) {
    const saola::testing::VirtualTime time;
    if (GetParam() == Model::kThreads) return body();
    runtime::Runtime loop;
    loop.run(body);
  }
  static std::unique_ptr<Executor> make(ExecutorOptions options) {
    if (GetParam() == Model::kFibers) {
      return std::make_unique<FiberExecutor>(*runtime::Runtime::current(), std::move(options));
    }
    return std::make_unique<ThreadPoolExecutor>(std::move(options));
  }
  static std::unique_ptr<Executor> make(int workers) {
    return make(ExecutorOptions{.max_workers = workers});
  }
};

}  // namespace saola::futures
