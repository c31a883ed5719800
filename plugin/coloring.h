// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine's part of a run, with GIMP's progress bar.
#pragma once

#include "color_layer.h"
#include "reference.h"

namespace chromatch::plugin {

/// Where the engine's part of the progress bar begins and ends.
constexpr double engine_begins = 0.15;
constexpr double engine_ends = 0.95;

/// Throws Failure.
std::unique_ptr<Colorizer> load_networks(const EngineFunctions& engine);

/// Colours the request once with all references together, or once with each of them. The request holds everything but
/// the references. Where there is not enough memory, the user is told so, and a smaller working size is tried. Throws
/// Failure.
std::vector<LayerColors> color_request(Colorizer& colorizer, Request& request, std::vector<NamedReference> references,
                                       const std::string& blended_name, Combination combination);

} // namespace chromatch::plugin
