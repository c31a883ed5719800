// SPDX-License-Identifier: GPL-3.0-or-later
//
// How good matches are, whoever found them: their distances are computed anew in double precision, from the maps in
// float32, straight from the definition in matching/nearest_neighbour_field.h.
#pragma once

#include "matching/nearest_neighbour_field.h"

#include <vector>

namespace chromatch {

double patch_distance(const FeatureMap& target, const FeatureMap& reference, int y, int x, Coordinate match, int patch);

/// Of every pixel of every target map, in order. Throws std::runtime_error where a field has not the target's size or
/// a match lies outside the reference.
std::vector<double> true_distances(const FeatureBatch& target, const FeatureBatch& reference,
                                   const std::vector<NearestNeighbourField>& fields, int patch, int threads);

/// The nearest patches by comparing all; for small maps.
Matches brute_force(const FeatureBatch& target, const FeatureBatch& reference, int patch, int threads);

struct Quality {
    double rho;         ///< sum of the distances / sum of the exact search's distances
    double exact_share; ///< of the pixels: distance within 1e-5 of the exact search's
};

/// exact: of the same pixels, and perhaps of more maps after them.
Quality compare(const std::vector<double>& distances, const std::vector<double>& exact);

} // namespace chromatch
