// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "matching/nearest_neighbour_field.h"

namespace chromatch {

/// PatchMatch as one writes it with LibTorch's tensor operations and no code of one's own: whole batches, one candidate
/// at a time. The baseline that the engine's matchers are measured against. Of the options: patch, iterations, seed,
/// threads. Batches of one size.
Matches tensor_patch_match(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options);

/// Candidates that each pixel tries, the first random one included.
int tensor_patch_match_candidates(int height, int width, int iterations);

} // namespace chromatch
