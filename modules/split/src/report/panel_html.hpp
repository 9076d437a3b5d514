// The report's page: what a geo test with this split would be worth.
#pragma once

#include <span>
#include <string>

#include <saola/split/options.hpp>
#include <saola/split/panel.hpp>

namespace saola::split {

std::string panel_html(const PanelReport& report, std::span<const NamedSize> groups);

}  // namespace saola::split
