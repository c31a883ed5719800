// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "matching/nearest_neighbour_field.h"

namespace chromatch {

/// Exact nearest patches of the maps in fixed point (fixed_point.h): a pixel-correlation product with a diagonal box
/// sum, whose rows give one direction and whose columns the other. Ties go to the first pixel in row-major order.
/// Throws Error bad_image where the batches differ in number or channels, the channels are no multiple of 16, a value
/// is not finite, a vector is longer than 1 or the mask leaves nothing; bad_option for a patch other than 1, 3, 5.
Matches exact_search(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options);

} // namespace chromatch
