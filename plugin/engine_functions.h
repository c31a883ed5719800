// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the plug-in calls in libchromatch. GIMP starts every plug-in once to query it, and mapping LibTorch takes longer
// than that query should. So the executable knows the engine's types only; the functions come from a module beside it,
// which links the engine and is opened when the procedure runs.
#pragma once

#include "chromatch.h"

namespace chromatch::plugin {

struct EngineFunctions {
    std::unique_ptr<Colorizer> (*load_colorizer)(const LoadOptions& options);
    Request (*at_working_size)(const Request& request);
    float (*suitability)(const Descriptor& target, const Descriptor& reference);
    void (*linear_rgb_to_lab)(const float rgb[3], float lab[3]);
    void (*lab_to_linear_rgb)(const float lab[3], float rgb[3]);
};

/// Name and type of the one symbol of the module.
constexpr const char* engine_functions_symbol = "chromatch_engine_functions";
using EngineFunctionsSymbol = const EngineFunctions* (*)();

} // namespace chromatch::plugin
