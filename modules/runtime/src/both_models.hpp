// For tests: the same case in a fiber and on a plain thread.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <saola/runtime/runtime.hpp>

#include "leak_check.hpp"

namespace saola::runtime {

enum class Model { kFiber, kThread };

class BothModels : public testing::TestWithParam<Model> {
 protected:
  static bool on_fibers() { return GetParam() == Model::kFiber; }
  void run(std::move_only_function<void()> body) {
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

#define SAOLA_BOTH_MODELS(suite)                                                                \
  INSTANTIATE_TEST_SUITE_P(                                                                     \
      Both, suite, testing::Values(Model::kFiber, Model::kThread), [](const auto& param_info) { \
        return std::string(param_info.param == Model::kFiber ? "Fiber" : "Thread");             \
      })

}  // namespace saola::runtime
