// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/place_network.h"

#include <torch/nn/functional.h>

#include "networks/feature_maps.h"

namespace chromatch {

PlaceNetworkImpl::PlaceNetworkImpl()
    : FirstLayers(place_hidden_channels), block2(place_hidden_channels),
      place(pointwise(place_hidden_channels, place_channels))
{
    register_module("block2", block2);
    register_module("place", place);
}

torch::Tensor PlaceNetworkImpl::forward(const torch::Tensor& input)
{
    if (!is_training() && !trained()) // a device need not be waited for at each step
        return torch::zeros({input.size(0), place_channels, input.size(2), input.size(3)}, input.options());
    return torch::nn::functional::normalize(place(block2(begin(input))).to(torch::kFloat32),
                                            torch::nn::functional::NormalizeFuncOptions().dim(1).eps(1e-6));
}

} // namespace chromatch
