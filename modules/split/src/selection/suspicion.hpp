// Data that reads well and is probably not meant: a row of totals, -999 for "no value", row
// numbers.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/split/table.hpp>

#include "selection/selection.hpp"

namespace saola::split {

// Sentences for the user.
std::vector<std::string> find_suspicious(const Table& table, const Selection& selection,
                                         const std::function<bool()>& poll);

// "customer_id", "No", "zip code".
bool named_like_an_id(std::string_view name);

}  // namespace saola::split
