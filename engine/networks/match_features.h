// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "networks/similarity_network.h"

#include <torch/types.h>

namespace chromatch {

struct Plane;

/// The fused map of the luminance trunk, ready for matching: height/4 x width/4 x 64, contiguous. `luminance`: L, both
/// sides multiples of 16.
torch::Tensor match_features(SimilarityNetwork& network, const Plane& luminance);

} // namespace chromatch
