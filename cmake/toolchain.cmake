# Compiler settings shared by every target. Presets choose the build type and SAOLA_SANITIZE.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS context json)
if(SAOLA_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
  include(GoogleTest)
endif()

set(SAOLA_SANITIZE "" CACHE STRING "empty, address (with undefined) or thread")

find_program(SAOLA_CCACHE ccache)
if(SAOLA_CCACHE AND PROJECT_IS_TOP_LEVEL)
  # base_dir lets several build folders of one checkout share results.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros ${SAOLA_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# What the code of users needs too; a part of saola::base.
# The stall monitor walks frame pointers in a signal handler. A frame with a large array touches each of its pages, so
# that it cannot step over the guard below a fiber's stack.
set(SAOLA_PUBLIC_FLAGS -fno-omit-frame-pointer -fstack-clash-protection)

# Saola's own: not passed on.
add_library(saola_options INTERFACE)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC bug 105651: a false alarm inside std::string at -O3.
  target_compile_options(saola_options INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # std::stable_sort of libstdc++ 12 uses what it marks as deprecated itself.
  target_compile_options(saola_options INTERFACE -Wno-deprecated-declarations)
endif()
target_compile_features(saola_options INTERFACE cxx_std_23)
target_compile_options(saola_options INTERFACE ${SAOLA_PUBLIC_FLAGS} -g1)
if(PROJECT_IS_TOP_LEVEL)
  target_compile_options(saola_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
      -Wno-missing-field-initializers>)
endif()
target_link_libraries(saola_options INTERFACE Threads::Threads)
if(SAOLA_SANITIZE STREQUAL "address")
  target_compile_options(saola_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  target_link_options(saola_options INTERFACE -fsanitize=address,undefined)
elseif(SAOLA_SANITIZE STREQUAL "thread")
  # GCC cannot instrument atomic_thread_fence; the code uses none where it matters.
  target_compile_options(saola_options INTERFACE -fsanitize=thread -Wno-tsan)
  target_link_options(saola_options INTERFACE -fsanitize=thread)
endif()

if(NOT SAOLA_TESTS)
  return()
endif()
# What every test includes, compiled once. Tests are optimised less than what they test: it halves their build.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_precompiled.cpp CONTENT "int main() {}\n")
add_executable(saola_test_precompiled ${PROJECT_BINARY_DIR}/test_precompiled.cpp)
target_compile_options(saola_test_precompiled PRIVATE $<$<CONFIG:Release>:-O1>)
target_link_libraries(saola_test_precompiled PRIVATE saola_options fmt::fmt GTest::gmock_main)
target_precompile_headers(saola_test_precompiled PRIVATE
  <gmock/gmock.h> <gtest/gtest.h> <fmt/core.h>
  <algorithm> <atomic> <chrono> <expected> <functional> <map> <memory> <string> <string_view> <thread> <vector>)
