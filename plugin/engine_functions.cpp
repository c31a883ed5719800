// SPDX-License-Identifier: GPL-3.0-or-later
//
// The module that links the engine: see engine_functions.h.
#include "engine_functions.h"

extern "C" CHROMATCH_API const chromatch::plugin::EngineFunctions* chromatch_engine_functions()
{
    static const chromatch::plugin::EngineFunctions functions = {
        chromatch::load_colorizer,    chromatch::at_working_size,   chromatch::suitability,
        chromatch::linear_rgb_to_lab, chromatch::lab_to_linear_rgb,
    };
    return &functions;
}
