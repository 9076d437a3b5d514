// For tests: the same case in a fiber and on a plain thread.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <saola/runtime/runtime.hpp>
#include <saola/testing/virtual_time.hpp>

#include "leak_check.hpp"

namespace saola::runtime {

enum class Model { kFiber, kThread };

// In real time: for what the world outside of the process takes part in.
class BothModels : public ::testing::TestWithParam<Model> {
 protected:
  static bool on_fibers() { return GetParam() == Model::kFiber; }
  virtual void run(std::move_only_function<void()> body) {
    if (on_fibers()) {
      Runtime runtime;
      runtime.run(std::move(body));
    } else {
      std::jthread thread(std::move(body));
    }
  }

 private:
  LeakCheck leaks_;
};

// In virtual time: an hour of waiting takes no time, and a deadline passes only when nobody works.
class BothModelsInVirtualTime : public BothModels {
 protected:
  void run(std::move_only_function<void()> body) override {
    if (on_fibers()) {
      const saola::testing::VirtualTime time;
      BothModels::run(std::move(body));
    } else {
      BothModels::run([&] {
        const saola::testing::VirtualTime time;
        body();
      });
    }
  }
};

#define SAOLA_BOTH_MODELS(suite)                                                                  \
  INSTANTIATE_TEST_SUITE_P(                                                                       \
      Both, suite, ::testing::Values(Model::kFiber, Model::kThread), [](const auto& param_info) { \
        return std::string(param_info.param == Model::kFiber ? "Fiber" : "Thread");               \
      })

}  // namespace saola::runtime
