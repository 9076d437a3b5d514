// Measures balance: fills the structs of <saola/split/balance.hpp>.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <saola/split/balance.hpp>

namespace saola::split {

// `before` and `after` give the group of each row, numbered below `groups`; every group has a row.
ColumnBalance measure_column(std::string name, std::span<const double> values,
                             std::span<const std::uint32_t> before,
                             std::span<const std::uint32_t> after, std::size_t groups);

// Adds what needs the values in order: KS and shape.
void measure_shape(ColumnBalance& balance, std::span<const double> values,
                   std::span<const std::uint32_t> before, std::span<const std::uint32_t> after,
                   std::size_t groups);

// `values` are indices of `levels`.
CategoryBalance measure_category(std::string name, std::span<const std::string> levels,
                                 std::span<const std::uint32_t> values,
                                 std::span<const std::uint32_t> before,
                                 std::span<const std::uint32_t> after, std::size_t groups);

}  // namespace saola::split
