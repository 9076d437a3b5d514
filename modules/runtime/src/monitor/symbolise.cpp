#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <saola/runtime/symbolise.hpp>

#if SAOLA_HAVE_BACKTRACE
#include <backtrace.h>
#endif

namespace saola::runtime {
namespace {

std::string demangle(const char* symbol) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(symbol, nullptr, nullptr, &status), std::free);
  return status == 0 ? text.get() : symbol;
}

#if SAOLA_HAVE_BACKTRACE
struct Lookup {
  std::uintptr_t address;
  std::vector<observe::StackFrame> frames;
};

int on_frame(void* data, std::uintptr_t, const char* file, int line, const char* function) {
  auto& lookup = *static_cast<Lookup*>(data);
  if (function == nullptr && file == nullptr) return 0;
  lookup.frames.push_back({.address = lookup.address,
                           .symbol = function != nullptr ? demangle(function) : std::string(),
                           .file = file != nullptr ? file : "",
                           .line = line});
  return 0;
}

void on_symbol(void* data, std::uintptr_t, const char* symbol, std::uintptr_t, std::uintptr_t) {
  auto& lookup = *static_cast<Lookup*>(data);
  if (symbol != nullptr)
    lookup.frames.push_back({.address = lookup.address, .symbol = demangle(symbol)});
}

void on_error(void*, const char*, int) {}
#endif

std::vector<observe::StackFrame> look_up(std::uintptr_t address, std::uintptr_t inside) {
#if SAOLA_HAVE_BACKTRACE
  static backtrace_state* state = ::backtrace_create_state(nullptr, 0, on_error, nullptr);
  Lookup lookup{address, {}};
  ::backtrace_pcinfo(state, inside, on_frame, on_error, &lookup);
  if (lookup.frames.empty()) ::backtrace_syminfo(state, inside, on_symbol, on_error, &lookup);
  if (!lookup.frames.empty()) return lookup.frames;
#endif
  observe::StackFrame frame{.address = address};
  Dl_info info;
  if (::dladdr(reinterpret_cast<void*>(inside), &info) != 0) {
    if (info.dli_sname != nullptr) frame.symbol = demangle(info.dli_sname);
    if (info.dli_fname != nullptr) frame.file = info.dli_fname;
  }
  return {frame};
}

}  // namespace

std::vector<observe::StackFrame> symbolise(std::span<const std::uintptr_t> addresses) {
  static std::mutex mutex;
  static std::map<std::uintptr_t, std::vector<observe::StackFrame>> known;  // GUARDED_BY(mutex)
  constexpr std::size_t kMostKnown = 10'000;
  std::lock_guard lock(mutex);
  if (known.size() > kMostKnown) known.clear();
  std::vector<observe::StackFrame> frames;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    auto [entry, is_new] = known.try_emplace(addresses[i]);
    if (is_new) entry->second = look_up(addresses[i], i == 0 ? addresses[i] : addresses[i] - 1);
    frames.insert(frames.end(), entry->second.begin(), entry->second.end());
  }
  return frames;
}

}  // namespace saola::runtime
