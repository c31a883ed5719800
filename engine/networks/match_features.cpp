// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/match_features.h"

#include "chromatch.h"
#include "networks/colorization_network.h"
#include "networks/feature_maps.h"

#include <cmath>

#include <c10/core/InferenceMode.h>
#include <torch/utils.h>

namespace chromatch {

namespace {

/// Of chroma_direction(), chosen like the shares in guide.h (models/evaluation/README.md).
constexpr double half_colourful = 15.0 / chroma_scale; ///< the chroma whose direction is .71 long
constexpr double gray_weight = 0.6;

} // namespace

PairMaps pair_maps(const MatchInput& target, const MatchInput& reference)
{
    const auto side_by_side = [](const MatchInput& photo) {
        const auto as_large = [&](const torch::Tensor& map) {
            return resized_map(map, photo.fused.size(2), photo.fused.size(3));
        };
        return torch::cat({photo.fused * std::sqrt(fused_share), as_large(photo.places) * std::sqrt(place_share),
                           chroma_direction(as_large(photo.chroma)) * std::sqrt(chroma_share)},
                          1)
            .permute({0, 2, 3, 1})
            .contiguous();
    };
    return {side_by_side(target), side_by_side(reference)};
}

torch::Tensor chroma_direction(const torch::Tensor& ab)
{
    const torch::Tensor coloured = ab / half_colourful;
    const torch::Tensor length = (1.0 + coloured.square().sum(1, true)).sqrt();
    return torch::cat({coloured / length, gray_weight / length}, 1);
}

torch::Tensor match_features(SimilarityNetwork& network, const Plane& luminance)
{
    const c10::InferenceMode inference;
    const torch::Tensor image = torch::from_blob(const_cast<float*>(luminance.values.data()),
                                                 {1, 1, luminance.height, luminance.width}, torch::kFloat32);
    const torch::Tensor input = normalise_luminance(image).contiguous(torch::MemoryFormat::ChannelsLast);
    return network->match_maps(network->features(input)).fused.squeeze(0).permute({1, 2, 0}).contiguous();
}

} // namespace chromatch
