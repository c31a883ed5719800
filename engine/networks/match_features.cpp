// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/match_features.h"

#include "chromatch.h"
#include "networks/colorization_network.h"
#include "networks/feature_maps.h"

#include <cmath>

#include <c10/core/InferenceMode.h>
#include <torch/utils.h>

namespace chromatch {

namespace F = torch::nn::functional;

namespace {

/// Of chroma_direction(), chosen like the shares in guide.h (models/evaluation/README.md).
constexpr double half_colourful = 15.0 / chroma_scale; ///< the chroma whose direction is .71 long
constexpr double gray_weight = 0.6;

/// Rows -> their principal components without centring, count x kept: the rows' dot products, as well as so few
/// channels can.
torch::Tensor principal_components(const torch::Tensor& rows, int64_t kept)
{
    const int64_t count = rows.size(0), channels = rows.size(1);
    torch::Tensor components;
    if (count <= channels) {
        const auto [values, vectors] = torch::linalg_eigh(rows.mm(rows.t()), "L");
        components = (vectors * values.clamp_min(0.0).sqrt()).flip(1);
    } else {
        const auto [values, vectors] = torch::linalg_eigh(rows.t().mm(rows), "L");
        components = rows.mm(vectors.flip(1).narrow(1, 0, std::min(kept, channels)));
    }
    if (components.size(1) < kept)
        components = F::pad(components, F::PadFuncOptions({0, kept - components.size(1)}));
    return components.narrow(1, 0, kept);
}

} // namespace

torch::Tensor scene_map(const RecognitionFeatures& features)
{
    const int64_t height = features.sixteenth.size(2), width = features.sixteenth.size(3);
    return torch::cat({directions(features.sixteenth), directions(resized_map(features.thirtysecond, height, width))},
                      1) *
           std::sqrt(0.5);
}

PairMaps pair_maps(const MatchInput& target, const MatchInput& reference)
{
    const auto rows = [](const torch::Tensor& scene) { return scene.flatten(1).t(); };
    std::vector<torch::Tensor> targets, references;
    for (int64_t i = 0; i < target.fused.size(0); i++) {
        const torch::Tensor of_target = rows(target.scene[i]), of_reference = rows(reference.scene[i]);
        const torch::Tensor both = principal_components(torch::cat({of_target, of_reference}), scene_channels);
        const auto map = [](const torch::Tensor& part, const torch::Tensor& scene) {
            return part.t().reshape({1, scene_channels, scene.size(2), scene.size(3)});
        };
        targets.push_back(map(both.narrow(0, 0, of_target.size(0)), target.scene));
        references.push_back(map(both.narrow(0, of_target.size(0), of_reference.size(0)), reference.scene));
    }
    const auto side_by_side = [](const MatchInput& photo, const std::vector<torch::Tensor>& scenes) {
        const auto as_large = [&](const torch::Tensor& map) {
            return resized_map(map, photo.fused.size(2), photo.fused.size(3));
        };
        return torch::cat({photo.fused * std::sqrt(fused_share), as_large(torch::cat(scenes)) * std::sqrt(scene_share),
                           chroma_direction(as_large(photo.chroma)) * std::sqrt(chroma_share)},
                          1)
            .permute({0, 2, 3, 1})
            .contiguous();
    };
    return {side_by_side(target, targets), side_by_side(reference, references)};
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
