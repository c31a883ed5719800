// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "networks/recognition_network.h"
#include "networks/similarity_network.h"

#include <torch/types.h>

namespace chromatch {

struct Plane;

/// The fused map of the luminance trunk, ready for matching: height/4 x width/4 x 64, contiguous. `luminance`: L, both
/// sides multiples of 16.
torch::Tensor match_features(SimilarityNetwork& network, const Plane& luminance);

/// What the recognition network says of each place of a gray picture: its /16 and /32 features, each centred over the
/// photo and of unit length, side by side at /16, scaled to unit length together: N x 472 x H/16 x W/16.
torch::Tensor scene_map(const RecognitionFeatures& features);

/// The maps of two photos that matching compares, N x h x w x pair_channels, contiguous.
struct PairMaps {
    torch::Tensor target, reference;
};

/// What matching compares of one photo, or of a batch.
struct MatchInput {
    torch::Tensor fused;  ///< N x fused_channels x h x w, of MatchMaps
    torch::Tensor scene;  ///< scene_map()
    torch::Tensor chroma; ///< N x 2 of any size, in units of chroma_scale: the target's guess, the reference's own
};

/// The scene's channels are the principal components of both photos' vectors together, so that a dot product of few
/// channels comes close to that of all 472. The colours' are chroma_direction(): among places that are as alike, those
/// win whose colours the target probably has.
PairMaps pair_maps(const MatchInput& target, const MatchInput& reference);

/// ab: N x 2 x h x w in units of chroma_scale -> N x 3 x h x w of length 1 or less. The dot product of two says how
/// alike their hues are, the more the more colourful both are, and a little how alike they are in being gray.
torch::Tensor chroma_direction(const torch::Tensor& ab);

} // namespace chromatch
