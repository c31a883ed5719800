// SPDX-License-Identifier: GPL-3.0-or-later
//
// Exact search between two maps that are in fixed point already; for exact_search() and for PatchMatch's start.
#pragma once

#include "matching/nearest_neighbour_field.h"

#include <cstdint>

namespace chromatch {

struct ExactFields {
    NearestNeighbourField forward;
    NearestNeighbourField reverse; ///< empty where it was not asked for
};

/// The arguments are not checked. Maps: height x width x channels in the scale of options.patch.
ExactFields exact_search_pair(const std::int16_t* target, int target_height, int target_width,
                              const std::int16_t* reference, int height, int width, int channels,
                              const MatchOptions& options);

} // namespace chromatch
