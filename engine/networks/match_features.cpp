// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/match_features.h"

#include "chromatch.h"
#include "networks/feature_maps.h"

#include <cmath>

#include <c10/core/InferenceMode.h>
#include <torch/utils.h>

namespace chromatch {

namespace F = torch::nn::functional;

namespace {

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

PairMaps pair_maps(const torch::Tensor& target_fused, const torch::Tensor& target_scene,
                   const torch::Tensor& reference_fused, const torch::Tensor& reference_scene)
{
    const int64_t count = target_fused.size(0);
    const auto rows = [](const torch::Tensor& scene) { return scene.flatten(1).t(); };
    std::vector<torch::Tensor> targets, references;
    for (int64_t i = 0; i < count; i++) {
        const torch::Tensor of_target = rows(target_scene[i]), of_reference = rows(reference_scene[i]);
        const torch::Tensor both = principal_components(torch::cat({of_target, of_reference}), scene_channels);
        const auto map = [](const torch::Tensor& part, const torch::Tensor& scene) {
            return part.t().reshape({1, scene_channels, scene.size(2), scene.size(3)});
        };
        targets.push_back(map(both.narrow(0, 0, of_target.size(0)), target_scene));
        references.push_back(map(both.narrow(0, of_target.size(0), of_reference.size(0)), reference_scene));
    }
    const auto side_by_side = [](const torch::Tensor& fused, const std::vector<torch::Tensor>& scenes) {
        const torch::Tensor scene = resized_map(torch::cat(scenes), fused.size(2), fused.size(3));
        return torch::cat({fused * std::sqrt(1.0 - scene_share), scene * std::sqrt(scene_share)}, 1)
            .permute({0, 2, 3, 1})
            .contiguous();
    };
    return {side_by_side(target_fused, targets), side_by_side(reference_fused, references)};
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
