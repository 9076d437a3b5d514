// Which sanitizer this is compiled with, for GCC and Clang alike.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define SAOLA_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define SAOLA_TSAN 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SAOLA_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define SAOLA_TSAN 1
#endif
#endif

#if defined(SAOLA_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(SAOLA_TSAN)
#include <sanitizer/tsan_interface.h>
#endif
