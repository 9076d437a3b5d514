// Pieces of the report's page.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace saola::split {

// Okabe and Ito's colours, told apart by all eyes.
inline constexpr std::array<std::string_view, 8> kColours = {
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555", "#B8A800"};

std::string escaped(std::string_view text);
// Cut between characters, for labels beside pictures.
std::string shortened(std::string_view text, std::size_t most);
// Four digits; a dash for what is no number.
std::string number(double value);
// Three decimals.
std::string fixed(double value);
std::string optional(const std::optional<double>& value);

}  // namespace saola::split
