// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "matching/nearest_neighbour_field.h"

namespace chromatch {

struct PatchMatchOptions : MatchOptions {
    int iterations = 5;
    std::uint64_t seed = 0;
    /// Where the search starts, e.g. a coarser match carried up; the target's size. Null: random.
    const NearestNeighbourField* initial = nullptr;
};

/// Approximate nearest patches (Barnes et al., "PatchMatch", SIGGRAPH 2009): scanline propagation, random search with
/// random numbers hashed from (seed, iteration, pixel). The same arguments give the same field, whatever the number of
/// threads. Errors as exact_search().
NearestNeighbourField patch_match(const FeatureMap& target, const FeatureMap& reference,
                                  const PatchMatchOptions& options);

} // namespace chromatch
