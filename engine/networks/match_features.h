// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "networks/similarity_network.h"

#include <torch/types.h>

namespace chromatch {

struct Plane;

/// The fused map of the luminance trunk, ready for matching: height/4 x width/4 x 64, contiguous. `luminance`: L, both
/// sides multiples of 16.
torch::Tensor match_features(SimilarityNetwork& network, const Plane& luminance);

/// The maps of two photos that matching compares, N x h x w x pair_channels, contiguous.
struct PairMaps {
    torch::Tensor target, reference;
};

/// What matching compares of one photo, or of a batch.
struct MatchInput {
    torch::Tensor fused;  ///< N x fused_channels x h x w, of MatchMaps
    torch::Tensor places; ///< N x place_channels of any size, of PlaceNetwork
    torch::Tensor chroma; ///< N x 2 of any size, in units of chroma_scale: the target's guess, the reference's own
};

/// The colours' channels are chroma_direction(): among places that are as alike, those win whose colours the target
/// probably has.
PairMaps pair_maps(const MatchInput& target, const MatchInput& reference);

/// ab: N x 2 x h x w in units of chroma_scale -> N x 3 x h x w of length 1 or less. The dot product of two says how
/// alike their hues are, the more the more colourful both are, and a little how alike they are in being gray.
torch::Tensor chroma_direction(const torch::Tensor& ab);

} // namespace chromatch
