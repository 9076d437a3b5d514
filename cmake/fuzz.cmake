# saola_fuzz(MODULE SOURCES file... [LIBS target...])
#
# With -DSAOLA_FUZZ=ON: one libFuzzer program MODULE_NAME_fuzz for every src/**NAME_fuzz.cpp of the module, each with
# SOURCES besides; all of them are built by the target fuzz_targets. `./dev fuzz` configures build/fuzz for it, with
# clang and the sanitizers in CMAKE_CXX_FLAGS so that every module is instrumented.
option(SAOLA_FUZZ "build the libFuzzer targets (clang only)" OFF)
if(SAOLA_FUZZ AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "SAOLA_FUZZ needs clang; run ./dev fuzz, which configures it")
endif()
if(SAOLA_FUZZ AND NOT TARGET fuzz_targets)
  add_custom_target(fuzz_targets)
endif()

function(saola_fuzz module)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  file(GLOB_RECURSE files CONFIGURE_DEPENDS src/*_fuzz.cpp)
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    set(target ${module}_${name})
    add_executable(${target} ${file} ${ARG_SOURCES})
    target_include_directories(${target} PRIVATE src ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${target} PRIVATE saola_${module} ${ARG_LIBS} saola_options)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzz_targets ${target})
  endforeach()
endfunction()
