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

/// fused: N x fused_channels x h x w, of MatchMaps. scene: scene_map() of the same photos. The scene's channels are the
/// principal components of both photos' vectors together, so that a dot product of few channels comes close to that of
/// all 472.
PairMaps pair_maps(const torch::Tensor& target_fused, const torch::Tensor& target_scene,
                   const torch::Tensor& reference_fused, const torch::Tensor& reference_scene);

} // namespace chromatch
