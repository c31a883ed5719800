// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/match_features.h"

#include "chromatch.h"

#include <c10/core/InferenceMode.h>

namespace chromatch {

torch::Tensor match_features(SimilarityNetwork& network, const Plane& luminance)
{
    const c10::InferenceMode inference;
    const torch::Tensor image = torch::from_blob(const_cast<float*>(luminance.values.data()),
                                                 {1, 1, luminance.height, luminance.width}, torch::kFloat32);
    const torch::Tensor input = normalise_luminance(image).contiguous(torch::MemoryFormat::ChannelsLast);
    return network->match_maps(network->features(input)).fused.squeeze(0).permute({1, 2, 0}).contiguous();
}

} // namespace chromatch
