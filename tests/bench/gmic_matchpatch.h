// SPDX-License-Identifier: GPL-3.0-or-later
//
// A PatchMatch that nobody here wrote: G'MIC's matchpatch (CImg<T>::matchpatch()), which compares patches of any number
// of channels by the sum of squared differences; that is our distance, times the patch's pixels.
#pragma once

#include "matching/nearest_neighbour_field.h"

namespace chromatch {

struct TimedMatches {
    Matches matches;
    double seconds; ///< as G'MIC measures it: matchpatch alone, without the program's start and its files
};

constexpr int gmic_iterations = 5, gmic_randoms = 5; ///< matchpatch's own defaults

/// One run of `gmic` for each pair of maps. Throws std::runtime_error where gmic is not installed or fails.
TimedMatches gmic_matchpatch(const FeatureBatch& target, const FeatureBatch& reference, int patch);

} // namespace chromatch
