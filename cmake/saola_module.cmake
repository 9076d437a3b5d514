# saola_module(NAME [SOURCES file...] [USES module...] [LIBS target...] [PUBLIC_LIBS target...] [TEST_USES module...] [TEST_LIBS target...])
#
# Adds the module in the current folder:
#   include/saola/NAME/*.hpp   public headers; each must compile alone (target check_headers)
#   src/**.cpp                 the library saola_NAME; folders in src are its rooms
#   src/**_test.cpp            NAME_test, every case known to ctest
#   src/**_bench.cpp           NAME_bench, run by ./dev bench
# SOURCES adds files that are made when the module is configured.
# USES names Saola modules. One that has not been added yet is an error: this is how the layer order of
# DESIGN is enforced, for CMake itself links a cycle of static libraries without a word. As every module
# has an include root of its own, a header of a module outside USES (and what those use) is not found.
# TEST_USES adds modules for the tests only; they too must be lower layers, or `testing`.
if(SAOLA_TESTS)
  add_custom_target(check_headers)
endif()

function(saola_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LIBS;PUBLIC_LIBS;TEST_USES;TEST_LIBS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "saola_module(${name}): unknown argument ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  set(uses)
  foreach(used IN LISTS ARG_USES)
    if(NOT TARGET saola_${used})
      message(FATAL_ERROR "Layer order: module '${name}' uses '${used}', which is not below it. "
                          "Dependencies point down only; see docs/architecture.md.")
    endif()
    list(APPEND uses saola_${used})
  endforeach()

  file(GLOB_RECURSE headers CONFIGURE_DEPENDS include/saola/${name}/*.hpp)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/*.cpp src/*.c src/*.S)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  set(benches ${sources})
  list(FILTER benches INCLUDE REGEX "_bench\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz)\\.cpp$")
  list(APPEND sources ${ARG_SOURCES})

  if(sources)
    add_library(saola_${name} STATIC ${sources})
    target_include_directories(saola_${name} PRIVATE src)
    target_link_libraries(saola_${name} PUBLIC ${uses} ${ARG_PUBLIC_LIBS} 
                          PRIVATE ${ARG_LIBS} $<BUILD_INTERFACE:saola_options>)
    set(kind PUBLIC)
  else()
    add_library(saola_${name} INTERFACE)
    set(kind INTERFACE)
    target_link_libraries(saola_${name} INTERFACE ${uses} ${ARG_PUBLIC_LIBS})
  endif()
  target_include_directories(saola_${name} ${kind}
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(saola_${name} ${kind} cxx_std_23)
  target_compile_options(saola_${name} ${kind} ${SAOLA_PUBLIC_FLAGS})
  set_target_properties(saola_${name} PROPERTIES EXPORT_NAME ${name})
  add_library(saola::${name} ALIAS saola_${name})
  set_property(GLOBAL APPEND PROPERTY SAOLA_MODULES ${name})
  if(NOT SAOLA_TESTS)
    return()
  endif()

  if(headers)
    set(alone)
    foreach(header IN LISTS headers)
      file(RELATIVE_PATH stem ${CMAKE_CURRENT_SOURCE_DIR}/include/saola/${name} ${header})
      set(file ${CMAKE_CURRENT_BINARY_DIR}/alone/${stem}.cpp)
      file(CONFIGURE OUTPUT ${file} CONTENT "#include <saola/${name}/${stem}>\n")
      list(APPEND alone ${file})
    endforeach()
    add_library(saola_${name}_headers OBJECT EXCLUDE_FROM_ALL ${alone})
    target_link_libraries(saola_${name}_headers PRIVATE saola_${name} saola_options)
    add_dependencies(check_headers saola_${name}_headers)
  endif()

  set(test_uses)
  foreach(used IN LISTS ARG_TEST_USES)
    list(APPEND test_uses saola_${used})
  endforeach()
  if(tests)
    add_executable(${name}_test ${tests})
    target_precompile_headers(${name}_test REUSE_FROM saola_test_precompiled)
    target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O1>)
    target_include_directories(${name}_test PRIVATE src)
    target_compile_definitions(${name}_test PRIVATE SAOLA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    target_link_libraries(${name}_test PRIVATE saola_${name} ${test_uses} ${ARG_LIBS} ${ARG_TEST_LIBS} saola_options GTest::gmock_main)
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}: " DISCOVERY_MODE PRE_TEST
                         DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120)
  endif()
  if(benches)
    add_executable(${name}_bench ${benches})
    target_include_directories(${name}_bench PRIVATE src)
    target_compile_definitions(${name}_bench PRIVATE SAOLA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    target_link_libraries(${name}_bench PRIVATE saola_${name} ${test_uses} ${ARG_LIBS} ${ARG_TEST_LIBS} saola_options benchmark::benchmark_main)
  endif()
endfunction()
