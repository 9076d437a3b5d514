// What a stall report advises.
#pragma once

#include <string>
#include <string_view>

#include <saola/base/time.hpp>
#include <saola/observe/stall_report.hpp>

namespace saola::runtime::detail {

const char* advice_for(observe::StallVerdict verdict);
const char* advice_for_a_held_lock();
const char* advice_for_an_exiled_kind();
// Why a report says that nothing was done, or what was.
std::string why_refused(int most);
std::string why_no_thread();
std::string why_polite(Duration taken, Duration slice);
std::string why_exiled(std::string_view kind, Duration held, Duration memory);
std::string why_pardoned(std::string_view kind, Duration memory);

}  // namespace saola::runtime::detail
