// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "matching/nearest_neighbour_field.h"

namespace chromatch {

/// Exact nearest patches: a pixel-correlation product with a diagonal box sum. Ties go to the first reference pixel in
/// row-major order. Throws Error bad_image where the maps differ in channels, the channels are no multiple of 16, a
/// value is not finite or the mask leaves nothing; bad_option for a patch other than 1, 3, 5.
NearestNeighbourField exact_search(const FeatureMap& target, const FeatureMap& reference, const MatchOptions& options);

} // namespace chromatch
