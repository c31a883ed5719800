// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/place_network.h"

#include <torch/nn/functional.h>

#include "networks/feature_maps.h"

namespace chromatch {

PlaceNetworkImpl::PlaceNetworkImpl()
    : enter(pointwise(guess_inputs, place_hidden_channels)), block1(place_hidden_channels),
      block2(place_hidden_channels), context_key(pointwise(place_hidden_channels, 1)),
      context_value(pointwise(place_hidden_channels, place_hidden_channels)),
      place(pointwise(place_hidden_channels, place_channels))
{
    mean = register_buffer("mean", torch::zeros({1, guess_inputs, 1, 1}));
    scale = register_buffer("scale", torch::ones({1, guess_inputs, 1, 1}));
    register_module("enter", enter);
    register_module("block1", block1);
    register_module("context_key", context_key);
    register_module("context_value", context_value);
    register_module("block2", block2);
    register_module("place", place);
    for (auto layer : {context_value->weight, context_value->bias})
        torch::nn::init::zeros_(layer);
}

bool PlaceNetworkImpl::trained() const
{
    return mean.count_nonzero().item<int64_t>() > 0;
}

torch::Tensor PlaceNetworkImpl::forward(const torch::Tensor& input)
{
    if (!is_training() && !trained()) // a device need not be waited for at each step
        return torch::zeros({input.size(0), place_channels, input.size(2), input.size(3)}, input.options());
    torch::Tensor x = (input - mean) * scale;
    x = enter(torch::feature_dropout(x, dropped_input_share, is_training()));
    x = with_context(block1(x), context_key, context_value);
    return torch::nn::functional::normalize(place(block2(x)).to(torch::kFloat32),
                                            torch::nn::functional::NormalizeFuncOptions().dim(1).eps(1e-6));
}

} // namespace chromatch
